/** Framing against its plain twin: join all chunks, then cut. */

import {
  encodeKeepalive,
  encodeNotification,
  encodeRouteRefresh,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
} from 'bgp-parser-ts';
import fc from 'fast-check';
import { Framer } from '../../../bgp/session/framer.ts';
import { bigUpdate, openOf } from './station.ts';

/** Every message that comes out of the chunks, or how it ended. */
function cut(chunks: readonly Uint8Array[], maxLength: number): string[] {
  const framer = new Framer();
  const found: string[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (;;) {
      const next = framer.next(maxLength);
      if (next === false) break;
      if (next !== true) return [...found, `error ${next.code}/${next.subcode}`];
      found.push(Buffer.from(framer.bytes.subarray(framer.start, framer.end)).toString('hex'));
    }
    expect(framer.unread).toBe(0);
  }
  return found;
}

/** `bytes` in pieces that end at the given places. */
function inChunks(bytes: Uint8Array, ends: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(ends.map((end) => end % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

const message = fc.oneof(
  fc.constant(encodeKeepalive()),
  fc.constant(openOf()),
  fc.constant(encodeRouteRefresh(1, 1)),
  fc.integer({ min: 0, max: 4069 }).map(bigUpdate),
  fc.integer({ min: 4070, max: 20_000 }).map(bigUpdate),
  fc.uint8Array({ maxLength: 50 }).map((data) => encodeNotification(6, 2, data)),
);
const ends = fc.array(fc.nat(), { maxLength: 60 });

test('messages come out as they went in, wherever the chunks end', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), ends, (messages, at) => {
      const chunks = inChunks(Buffer.concat(messages), at);
      const whole = messages.map((one) => Buffer.from(one).toString('hex'));
      expect(cut(chunks, MAX_EXTENDED_MESSAGE_LENGTH)).toEqual(whole);
    }),
  );
});

test('octet by octet', () => {
  const messages = [openOf(), encodeKeepalive(), bigUpdate(300), encodeKeepalive()];
  const octets = [...Buffer.concat(messages)].map((octet) => Uint8Array.of(octet));
  expect(cut(octets, MAX_MESSAGE_LENGTH)).toEqual(
    messages.map((one) => Buffer.from(one).toString('hex')),
  );
});

test('after garbage nothing more comes out, and what came before it does', () => {
  const keepalive = Buffer.from(encodeKeepalive()).toString('hex');
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), ends, (garbage, at) => {
      fc.pre(garbage[0] !== 0xff);
      const chunks = inChunks(Buffer.concat([encodeKeepalive(), garbage, encodeKeepalive()]), at);
      expect(cut(chunks, MAX_MESSAGE_LENGTH)).toEqual([keepalive, 'error 1/1']);
    }),
  );
});

test.each([
  ['RFC 4271 §6.1: a marker that is not all ones, at its first octet', 'fe', 'error 1/1'],
  ['RFC 4271 §6.1: a length below 19', `${'ff'.repeat(16)}001204`, 'error 1/2'],
  ['RFC 4271 §6.1: a length above 4096', `${'ff'.repeat(16)}100102`, 'error 1/2'],
  ['RFC 4271 §6.1: an unknown type', `${'ff'.repeat(16)}001306`, 'error 1/3'],
])('%s', (_, hex, error) => {
  const bytes = new Uint8Array(Buffer.from(hex, 'hex'));
  expect(cut([bytes], MAX_MESSAGE_LENGTH)).toEqual([error]);
  expect(cut(inChunks(bytes, [1, 5, 17, 18]), MAX_MESSAGE_LENGTH)).toEqual([error]);
});

test('messages that came together are read where they lie, and what was pushed may be written to', () => {
  const framer = new Framer();
  const octets = Buffer.concat([encodeKeepalive(), encodeRouteRefresh(1, 1)]);
  framer.push(octets);
  octets.fill(0);
  expect(framer.next(MAX_MESSAGE_LENGTH)).toBe(true);
  const { bytes, end } = framer;
  expect(framer.next(MAX_MESSAGE_LENGTH)).toBe(true);
  expect([framer.bytes === bytes, framer.start]).toEqual([true, end]);
  expect(bytes.slice(0, framer.end)).toEqual(
    new Uint8Array([...encodeKeepalive(), ...encodeRouteRefresh(1, 1)]),
  );
});

test('two framers do not get into one another, though they use the same blocks by turns', () => {
  const framers = [new Framer(), new Framer()];
  const messages = [bigUpdate(3000), encodeRouteRefresh(1, 1)];
  for (let round = 0; round < 50; round++) {
    for (const [i, framer] of framers.entries()) framer.push(messages[i]!.subarray(0, 10));
    for (const [i, framer] of framers.entries()) framer.push(messages[i]!.subarray(10));
    for (const [i, framer] of framers.entries()) {
      expect(framer.next(MAX_MESSAGE_LENGTH)).toBe(true);
      expect(Buffer.compare(framer.bytes.subarray(framer.start, framer.end), messages[i]!)).toBe(0);
      expect(framer.next(MAX_MESSAGE_LENGTH)).toBe(false);
    }
  }
});
