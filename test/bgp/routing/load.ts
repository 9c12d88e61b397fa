/**
 * A full table from one peer to one receiver, as a plain node process: prints one line of JSON. Run as
 *
 *     node test/bgp/routing/load.ts 300000
 *
 * Turns are as the speaker's schedule makes them: inbound for a while, then `work`, then what the
 * receiver takes. The longest turn is CPU time of this thread, as others may have the processor in
 * between. Times are of this machine; the test reads the counts.
 */

import { AFI_IPV4, UpdateCursor, type WireContext } from 'bgp-parser-ts';
import { Routing } from '../../../bgp/routing.ts';

const UNICAST = { addPath: false, extendedNextHop: false };
const CONTEXT: WireContext = {
  as4: true,
  ebgp: true,
  extendedMessage: false,
  ipv4: UNICAST,
  ipv6: undefined,
};
const PREFIXES_A_SET = 5;
const PULL_BYTES = 65536;
const INBOUND_MS = 3;
const WORK_MS = 2;

const count = Number(process.argv[2] ?? 300_000);
let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

const log = {
  debug() {},
  info() {},
  warn: (fields: object, message: string) => console.error(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
  child: () => log,
};
const clock = { monotonic: () => performance.now() };
const routing = new Routing({ random, clock, log, localAs: 64512, routerId: 1 });
const peer = (name: string, remoteAs: number, last: number) => {
  const id = routing.addPeer({
    name,
    remoteAs,
    nextHopMode: 'auto',
    importPolicy: 'all',
    exportPolicy: 'all',
  });
  routing.peerUp(id, {
    families: [4],
    addPath: { send: [], receive: [] },
    fourOctetAs: true,
    extendedMessage: false,
    extendedNextHop: false,
    enhancedRouteRefresh: false,
    remoteAs,
    remoteRouterId: last,
    localAddress: { family: 4, bytes: Uint8Array.of(10, 0, 0, 1) },
    remoteAddress: { family: 4, bytes: Uint8Array.of(10, 0, 0, last) },
  });
  return id;
};
const sender = peer('sender', 65001, 2);
const receiver = peer('receiver', 65002, 3);
const messages = makeMessages();
let changes = 0;
routing.onRoutes((_, changed) => {
  changes += changed;
});

global.gc?.();
const memoryBefore = process.memoryUsage.rss();
const pieces: Uint8Array[] = [];
const begin = performance.now();
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
let longest = 0;
let longestWork = 0;
const { bytes: stream, ends } = messages;
for (let next = 0, isMore = true; next < ends.length || isMore; ) {
  const start = performance.now();
  const turn = cpuMs();
  while (next < ends.length && performance.now() - start < INBOUND_MS) {
    for (let i = 0; i < 64 && next < ends.length; i++, next++) {
      routing.update(sender, stream, next === 0 ? 0 : ends[next - 1]!, ends[next]!);
    }
  }
  const worked = cpuMs();
  isMore = routing.work(WORK_MS);
  longestWork = Math.max(longestWork, cpuMs() - worked);
  for (const piece of routing.pull(receiver, PULL_BYTES)) {
    pieces.push(piece);
    isMore = true;
  }
  routing.pull(sender, PULL_BYTES);
  longest = Math.max(longest, cpuMs() - turn);
}
const ms = performance.now() - begin;
global.gc?.();
const memory = process.memoryUsage.rss();

const cursor = new UpdateCursor();
const got = new Set<number>();
let announced = 0;
let updates = 0;
let bytes = 0;
let endOfRibs = 0;
for (const piece of pieces) {
  bytes += piece.length;
  for (let at = 0; at < piece.length; updates++) {
    const end = at + ((piece[at + 16]! << 8) | piece[at + 17]!);
    cursor.reset(piece, at, end, CONTEXT);
    if (cursor.endOfRibAfi === AFI_IPV4) endOfRibs++;
    while (cursor.nextSection()) {
      for (; cursor.nextAnnounced(); announced++) got.add(cursor.w0);
    }
    at = end;
  }
}
console.log(
  JSON.stringify({
    prefixes: count,
    received: got.size,
    announced,
    changes,
    endOfRibs,
    updates,
    bytes,
    ms: Math.round(ms),
    longestTurnMs: Math.round(longest * 10) / 10,
    longestWorkMs: Math.round(longestWork * 10) / 10,
    grownMb: Math.round((memory - memoryBefore) / 1e6),
    rssMb: Math.round(memory / 1e6),
  }),
);

/** Octets of the messages one after the other, as a session reads them; `ends` says where each ends. */
function makeMessages(): { bytes: Uint8Array; ends: Uint32Array } {
  const total = Math.ceil(count / PREFIXES_A_SET);
  const out = new Uint8Array(total * 128);
  const ends = new Uint32Array(total);
  let at = 0;
  const octets = (...values: number[]) => {
    for (const value of values) out[at++] = value;
  };
  const u32 = (value: number) => octets(value >>> 24, value >>> 16, value >>> 8, value);
  for (let message = 0; message < total; message++) {
    const start = at;
    octets(...new Array(16).fill(255), 0, 0, 2, 0, 0, 0, 0);
    octets(0x40, 1, 1, 0); // ORIGIN: IGP
    const hops = 1 + Math.floor(random() * 5);
    octets(0x40, 2, 2 + 4 * (hops + 1), 2, hops + 1); // AS_PATH
    u32(65001);
    for (let hop = 1; hop < hops; hop++) u32(1 + Math.floor(random() * 60000));
    u32(100000 + message);
    octets(0x40, 3, 4, 10, 0, 0, 2); // NEXT_HOP
    octets(0xc0, 8, 4); // COMMUNITIES
    u32(65001 * 65536 + (message % 1000));
    const attributes = at - start - 23;
    for (let i = 0; i < PREFIXES_A_SET; i++) {
      const prefix = message * PREFIXES_A_SET + i;
      if (prefix < count) octets(24, 1 + (prefix >>> 16), prefix >>> 8, prefix);
    }
    out[start + 17] = at - start;
    out[start + 22] = attributes;
    ends[message] = at;
  }
  return { bytes: out, ends };
}
