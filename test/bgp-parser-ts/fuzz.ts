/**
 * Mutated messages against the decoders, seeded: `node fuzz.ts SEED COUNT`. Prints one line of JSON.
 * Runs as a plain process, since under jest's vm context each global costs.
 *
 * For each message: nothing throws; the cursor finds the same in a buffer of zeros as in one of ones
 * around the message (so it reads nothing outside of it); the objects and the slow twin agree with it;
 * and what it calls canonical is found again when it is sent to another peer.
 */

import {
  AttributeBlock,
  AttributeView,
  decodeMessage,
  encodeAttributes,
  frameLength,
  type Nlri,
  type PathAttributes,
  UpdateCursor,
  UpdateWriter,
  type WireContext,
} from 'bgp-parser-ts';
import { randomFrom, randomMessage } from './generate.ts';
import { describeByTwin } from './twin.ts';
import { ADD_PATH, EBGP, IBGP, OLD, toHex } from './wire.ts';

const CONTEXTS: readonly WireContext[] = [
  IBGP,
  EBGP,
  OLD,
  ADD_PATH,
  { ...IBGP, as4: false },
  { ...IBGP, extendedMessage: true, ipv4: { addPath: false, extendedNextHop: true } },
  { ...EBGP, ipv4: undefined },
  { ...OLD, ipv6: undefined, extendedMessage: true },
];

/** Octets of filler before the message. */
const BEFORE = 7;

const canonical = new Uint8Array(131072);
const cursor = new UpdateCursor();

/** What the cursor yields, in the twin's words. */
function describeCursor(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): string {
  const outcome = cursor.reset(bytes, start, end, context);
  if (outcome === 'session-reset') return outcome;
  const lines = [`${outcome} ${cursor.endOfRibAfi},${cursor.endOfRibSafi}`];
  const gone: string[] = [];
  while (cursor.nextWithdrawn()) gone.push(prefixText());
  lines.push(`withdrawn ${gone}`);
  while (cursor.nextSection()) {
    lines.push(`${cursor.family} ${canonicalText(cursor.canonicalAttributes(canonical, 0))}`);
    const prefixes: string[] = [];
    while (cursor.nextAnnounced()) prefixes.push(prefixText());
    lines.push(`announced ${prefixes}`);
  }
  return lines.join('\n');
}

function prefixText(): string {
  const words = cursor.family === 4 ? [cursor.w0] : [cursor.w0, cursor.w1, cursor.w2, cursor.w3];
  const text = words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return `${text}/${cursor.length}#${cursor.pathId}`;
}

function canonicalText(end: number): string {
  const parts: string[] = [];
  for (let at = 0; at < end; ) {
    const isLong = (canonical[at]! & 0x10) !== 0;
    const length = isLong ? canonical[at + 2]! * 256 + canonical[at + 3]! : canonical[at + 2]!;
    const next = at + (isLong ? 4 : 3) + length;
    parts.push(toHex(canonical.subarray(at, next)));
    at = next;
  }
  return parts.join(' ');
}

/** What the message objects say, in the same words. */
function describeObjects(bytes: Uint8Array, context: WireContext): string {
  const decoded = decodeMessage(bytes, context);
  if ('error' in decoded) {
    if (decoded.error.code !== 3) throw new Error(`not an UPDATE error: ${decoded.error.text}`);
    return 'session-reset';
  }
  const { message } = decoded;
  if (message.type !== 'update') throw new Error(`not an UPDATE: ${message.type}`);
  const { afi, safi } = message.endOfRib ?? { afi: 0, safi: 0 };
  const lines = [
    `${message.outcome} ${afi},${safi}`,
    `withdrawn ${message.withdrawn.map(nlriText)}`,
  ];
  for (const { attributes, nlri } of message.announced) {
    canonical.set(encodeAttributes(attributes as PathAttributes));
    const text = canonicalText(encodeAttributes(attributes).length);
    lines.push(`${nlri[0]!.prefix.address.family} ${text}`, `announced ${nlri.map(nlriText)}`);
  }
  return lines.join('\n');
}

function nlriText({ prefix, pathId = 0 }: Nlri): string {
  return `${toHex(prefix.address.bytes)}/${prefix.length}#${pathId}`;
}

const view = new AttributeView();
const again = new AttributeView();
const block = new AttributeBlock();
const writer = new UpdateWriter(65535);
const out = new Uint8Array(65535);
const sentCursor = new UpdateCursor();
const sentCanonical = new Uint8Array(131072);

/** Sends the cursor's first section on, to a peer of either AS size, and reads it as that peer. */
function checkSent(context: WireContext, as4: boolean): string | undefined {
  if (!cursor.nextSection()) return undefined;
  const end = cursor.canonicalAttributes(canonical, 0);
  const family = cursor.family;
  view.load(canonical, 0, end);
  if (!block.build(view, { as4, external: false })) return 'the block cannot be built';
  writer.begin(out, 0);
  if (!writer.announce(family, block, false)) return undefined;
  if (family === 4) writer.add4(0, 0, 0);
  else writer.add6(0, 0, 0, 0, 0, 0);
  const length = writer.end();
  if (frameLength(out, 0, length, 65535) !== length) return 'the message sent is not framed';
  const plain = { addPath: false, extendedNextHop: true };
  const receiver: WireContext = {
    ...context,
    as4,
    ebgp: false,
    extendedMessage: true,
    ipv4: plain,
    ipv6: plain,
  };
  const outcome = sentCursor.reset(out, 0, length, receiver);
  if (outcome !== 'ok') return `what was sent is ${outcome}: ${sentCursor.errors[0]?.text}`;
  if (!sentCursor.nextSection()) return 'what was sent announces nothing';
  const sentEnd = sentCursor.canonicalAttributes(sentCanonical, 0);
  again.load(sentCanonical, 0, sentEnd);
  // A 2-octet speaker cuts paths apart with a confederation or a long set in the middle.
  if (!as4) return again.asPathLength === view.asPathLength ? undefined : 'the path length changed';
  const [a, b] = [toHex(canonical.subarray(0, end)), toHex(sentCanonical.subarray(0, sentEnd))];
  return a === b ? undefined : `canonical ${a} came back as ${b}`;
}

const [seed = '1', count = '1000'] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const tally: Record<string, number> = {};
const failures: string[] = [];

for (let i = 0; i < Number(count) && failures.length < 5; i++) {
  const context = CONTEXTS[Math.floor(random() * CONTEXTS.length)]!;
  const message = randomMessage(random, context);
  const failure = check(message, context);
  if (failure !== undefined) {
    failures.push(`${failure}\n${toHex(message)} ${JSON.stringify(context)}`);
  }
}
console.log(JSON.stringify({ tally, failures }));

function check(message: Uint8Array, context: WireContext): string | undefined {
  try {
    const decoded = decodeMessage(message, context);
    const isUpdate =
      message[18] === 2 &&
      frameLength(message, 0, message.length, context.extendedMessage ? 65535 : 4096) ===
        message.length;
    if (!isUpdate) {
      const kind = 'error' in decoded ? `error ${decoded.error.code}` : decoded.message.type;
      tally[kind] = (tally[kind] ?? 0) + 1;
      return undefined;
    }
    const zeros = surrounded(message, 0x00);
    const ones = surrounded(message, 0xff);
    const end = BEFORE + message.length;
    const inOnes = describeCursor(ones, BEFORE, end, context);
    const inZeros = describeCursor(zeros, BEFORE, end, context);
    const kind = inZeros.split(' ')[0]!;
    tally[kind] = (tally[kind] ?? 0) + 1;
    if (inOnes !== inZeros) return `reads outside of the message:\n${inOnes}\n${inZeros}`;
    const objects = describeObjects(message, context);
    if (objects !== inZeros) return `objects differ from the cursor:\n${objects}\n${inZeros}`;
    const twin = describeByTwin(message, context);
    if (twin !== inZeros) return `the twin differs from the cursor:\n${twin}\n${inZeros}`;
    cursor.reset(zeros, BEFORE, end, context);
    return checkSent(context, random() < 0.5);
  } catch (error) {
    return `thrown: ${error instanceof Error ? error.stack : error}`;
  }
}

function surrounded(message: Uint8Array, filler: number): Uint8Array {
  const buffer = new Uint8Array(BEFORE + message.length + 64).fill(filler);
  buffer.set(message, BEFORE);
  return buffer;
}
