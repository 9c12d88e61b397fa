/**
 * Mutated messages, of daemons and generated, through framing, decoding, import and export, seeded:
 * `node mutation.ts SEED COUNT`. Prints one line of JSON. A plain process, since under jest's vm context
 * each global costs.
 *
 * A batch is one stream of messages, cut at random. The framer finds the messages that a plain
 * framer finds; an UPDATE resets the session if and only if the slow twin says so; the paths that are
 * held are those that the twin's words come to; what other peers are told is well-formed; and no turn
 * takes long.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeMessage, UpdateCursor, type WireContext } from 'bgp-parser-ts';
import { parseAddress } from 'net-ipaddr';
import { Routing } from '../../../bgp/routing.ts';
import { Framer } from '../../../bgp/session/framer.ts';
import { below, mutate, pick, randomFrom, randomMessage } from '../../bgp-parser-ts/generate.ts';
import { describeByTwin } from '../../bgp-parser-ts/twin.ts';
import { EBGP, hex, IBGP, OLD, toHex } from '../../bgp-parser-ts/wire.ts';

const BATCH = 16;
const LOCAL_AS = 64512;
const HEADER_LENGTH = 19;
const MAX_LENGTH = 4096;
const ERROR = -1;
const STALL_MS = 10;
const UPDATE = 2;
const KEEPALIVE = 4;
/** Of OPEN, UPDATE, NOTIFICATION, KEEPALIVE and ROUTE-REFRESH. */
const MIN_LENGTH = [0, 29, 23, 21, 19, 23];

const [seed = '1', count = '1000'] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const captured = readFileSync(join(import.meta.dirname, '../../bgp-parser-ts/captured.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => [...hex('ff'.repeat(16) + line)]);

const failures: string[] = [];
const tally: Record<string, number> = {};
/** Of processing time, for one UPDATE. */
let longestMs = 0;
/** Of choosing and exporting, above STALL_MS. */
let slowTurns = 0;
const cursor = new UpdateCursor();

const bugs: string[] = [];
const note = () => {};
const error = (_: object, message: string) => void bugs.push(message);
const log = { debug: note, info: note, warn: note, error, child: () => log };
const clock = { monotonic: () => performance.now() };
const routing = new Routing({ random, clock, log, localAs: LOCAL_AS, routerId: 1 });

/** Where a message lies in the stream; `end` is ERROR where the stream breaks. */
interface Frame {
  readonly start: number;
  readonly end: number;
}

/** A peer whose messages are mutated, and what it should have told us. */
class Sender {
  readonly context: WireContext;
  readonly id: number;
  readonly #last: number;
  /** `address in hex/length`, as the twin writes them. */
  readonly held = new Set<string>();

  constructor(context: WireContext, last: number) {
    this.context = context;
    this.#last = last;
    this.id = addPeer(context, last);
    up(this.id, context, last);
  }

  reset(): void {
    routing.peerDown(this.id);
    this.held.clear();
    up(this.id, this.context, this.#last);
  }
}

function asOf({ ebgp }: WireContext, last: number): number {
  return ebgp ? 65_000 + last : LOCAL_AS;
}

function addPeer(context: WireContext, last: number): number {
  return routing.addPeer({
    name: `peer ${last}`,
    remoteAs: asOf(context, last),
    nextHopMode: 'self',
    localAddress4: parseAddress('10.0.0.1'),
    localAddress6: parseAddress('fd00::1'),
    importPolicy: 'all',
    exportPolicy: 'all',
  });
}

function up(id: number, context: WireContext, last: number): void {
  routing.peerUp(id, {
    families: [4, 6],
    addPath: { send: [], receive: [] },
    fourOctetAs: context.as4,
    extendedMessage: false,
    extendedNextHop: false,
    enhancedRouteRefresh: false,
    remoteAs: asOf(context, last),
    remoteRouterId: last,
    localAddress: parseAddress('10.0.0.1'),
    remoteAddress: parseAddress(`10.0.0.${last}`),
  });
}

const senders = [IBGP, EBGP, OLD].map((context, index) => new Sender(context, index + 2));
const receivers = [IBGP, EBGP, OLD].map((context, index) => {
  const last = index + 12;
  const id = addPeer(context, last);
  up(id, context, last);
  return { id, context };
});

for (let done = 0; done < Number(count) && failures.length < 5; done += BATCH) {
  const sender = senders[(done / BATCH) % senders.length]!;
  let messages = Array.from({ length: BATCH }, () => nextMessage(sender.context));
  try {
    // After a reset the peer comes back, and goes on with the next message.
    while (messages.length > 0) messages = messages.slice(play(sender, messages));
    turn();
  } catch (thrown) {
    const why = String(thrown instanceof Error ? thrown.stack : thrown);
    fail('thrown', Buffer.concat(messages), why);
  }
}
if (bugs.length > 0) failures.push(`logged: ${bugs[0]}`);
const report = { tally, failures, longestMs: Math.round(longestMs * 10) / 10, slowTurns };
console.log(JSON.stringify(report));

function nextMessage(context: WireContext): Uint8Array {
  if (random() < 0.3) return randomMessage(random, context);
  const octets = [...pick(random, captured)];
  const body = octets.splice(HEADER_LENGTH);
  if (random() < 0.2) {
    const other = pick(random, captured);
    body.splice(below(random, body.length + 1));
    body.push(...other.slice(HEADER_LENGTH + below(random, other.length - HEADER_LENGTH)));
  }
  for (let left = below(random, 3); left > 0; left--) mutate(random, body);
  const length = HEADER_LENGTH + body.length;
  const message = Uint8Array.from([
    ...octets.slice(0, 16),
    length >> 8,
    length,
    octets[18]!,
    ...body,
  ]);
  if (random() < 0.005) message[below(random, HEADER_LENGTH)] = below(random, 256);
  return message;
}

/** Messages as one stream. @returns how many of them were read: all, or up to the one that reset the session */
function play(sender: Sender, messages: readonly Uint8Array[]): number {
  const stream = Buffer.concat(messages);
  const frames = framesOf(stream);
  const framer = new Framer();
  let next = 0;
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + 1 + below(random, 200));
    framer.push(stream.subarray(at, end));
    at = end;
    for (;;) {
      const found = framer.next(MAX_LENGTH);
      if (found === false) break;
      const frame = frames[next++];
      if (frame === undefined || !isFrame(framer, found === true, stream, frame)) {
        fail('the framer differs', stream, `at ${frame?.start}: ${JSON.stringify(found)}`);
        return messages.length;
      }
      if (found === true && take(sender, framer)) continue;
      if (found !== true) count1('framing error');
      sender.reset();
      return countUpTo(messages, frame.start);
    }
  }
  if (next < frames.length && frames[next]!.end !== ERROR) {
    fail('the framer found less', stream, `${next} of ${frames.length}`);
  }
  return messages.length;
}

function isFrame(framer: Framer, isMessage: boolean, stream: Uint8Array, frame: Frame): boolean {
  if (!isMessage || frame.end === ERROR) return !isMessage && frame.end === ERROR;
  const { bytes, start, end } = framer;
  return Buffer.compare(bytes.subarray(start, end), stream.subarray(frame.start, frame.end)) === 0;
}

/** How many messages begin at `offset` or before it. */
function countUpTo(messages: readonly Uint8Array[], offset: number): number {
  let start = 0;
  let begun = 0;
  while (begun < messages.length && start <= offset) start += messages[begun++]!.length;
  return begun;
}

/** The messages of a stream, up to where it breaks or ends. */
function framesOf(stream: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; ; ) {
    const broken = { start, end: ERROR };
    const marker = stream.subarray(start, start + 16);
    if (marker.some((octet) => octet !== 0xff)) return [...frames, broken];
    if (stream.length - start < HEADER_LENGTH) return frames;
    const length = stream[start + 16]! * 256 + stream[start + 17]!;
    const type = stream[start + 18]!;
    const isRight = length >= (MIN_LENGTH[type] ?? Infinity) && length <= MAX_LENGTH && type > 0;
    if (!isRight || (type === KEEPALIVE && length !== HEADER_LENGTH)) return [...frames, broken];
    if (stream.length - start < length) return frames;
    frames.push({ start, end: start + length });
    start += length;
  }
}

/** False: the session is to be reset. */
function take(sender: Sender, { bytes, start, end }: Framer): boolean {
  if (bytes[start + 18] !== UPDATE) {
    decodeMessage(bytes.subarray(start, end), sender.context);
    count1('other message');
    return true;
  }
  const began = cpuMs();
  const reset = routing.update(sender.id, bytes, start, end);
  let spent = cpuMs() - began;
  if (spent > STALL_MS) {
    // The garbage of this program may have been collected meanwhile; what is slow is slow again.
    const again = cpuMs();
    routing.update(sender.id, bytes, start, end);
    spent = Math.min(spent, cpuMs() - again);
  }
  longestMs = Math.max(longestMs, spent);
  const lines = describeByTwin(bytes.subarray(start, end), sender.context).split('\n');
  const outcome = lines[0]!.split(' ')[0]!;
  count1(outcome);
  const isReset = outcome === 'session-reset';
  if (isReset !== (reset !== undefined)) {
    const message = bytes.subarray(start, end);
    fail('the twin differs', message, `${outcome}, but: ${reset?.text ?? 'no reset'}`);
  }
  if (isReset) return false;
  for (const line of lines.slice(1)) {
    const [word, list = ''] = line.split(' ');
    const prefixes = list.split(',').filter(Boolean);
    if (word === 'withdrawn') for (const prefix of prefixes) sender.held.delete(prefix);
    if (word === 'announced') for (const prefix of prefixes) sender.held.add(prefix);
  }
  return true;
}

/** As the schedule would: choose, tell the others, and look at what they are told. */
function turn(): void {
  const began = cpuMs();
  routing.work(5);
  if (cpuMs() - began > STALL_MS) slowTurns++;
  for (const { id, held } of senders) {
    const { received } = routing.peerCounts(id);
    if (received !== held.size) failures.push(`${received} paths are held, not ${held.size}`);
  }
  for (const { id, context } of receivers) {
    for (const piece of routing.pull(id, 65_536)) checkSent(piece, context);
  }
}

function checkSent(piece: Uint8Array, context: WireContext): void {
  for (let at = 0; at < piece.length; ) {
    const end = at + piece[at + 16]! * 256 + piece[at + 17]!;
    const outcome = cursor.reset(piece, at, end, context);
    count1(`sent ${outcome}`);
    if (outcome !== 'ok') {
      fail('what was sent is malformed', piece.subarray(at, end), cursor.errors[0]?.text ?? '');
    }
    at = end;
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function count1(what: string): void {
  tally[what] = (tally[what] ?? 0) + 1;
}

function fail(what: string, bytes: Uint8Array, more: string): void {
  failures.push(`${what}: ${more}\n${toHex(bytes)}`);
}
