/** How a peer that is in step reads the ring: whole messages, of the spans whose audience it is in. */

import { ANYBODY } from './batch.ts';
import type { Receiver } from './receiver.ts';
import type { Ring } from './ring.ts';

/**
 * Appends to `out` up to about `maxBytes`, whole messages, at least one if there is one for this peer.
 * @returns the bytes taken
 */
export function readRing(
  ring: Ring,
  receiver: Receiver,
  maxBytes: number,
  out: Uint8Array[],
): number {
  let taken = 0;
  while (taken < maxBytes && receiver.chunk < ring.next) {
    const { bytes, ends, skip, only } = ring.at(receiver.chunk);
    // Spans for this peer that follow on one another go out as one.
    let start = receiver.at;
    while (receiver.span < ends.length && taken + receiver.at - start < maxBytes) {
      const end = ends[receiver.span]!;
      const audience = only[receiver.span]!;
      const isFor =
        skip[receiver.span] !== receiver.source &&
        (audience === ANYBODY || audience === receiver.source);
      if (isFor) {
        receiver.at = cut(bytes, receiver.at, end, start + maxBytes - taken);
        if (receiver.at < end) break;
      } else {
        taken += take(bytes, start, receiver.at, out);
        start = receiver.at = end;
      }
      receiver.span++;
    }
    taken += take(bytes, start, receiver.at, out);
    if (taken > 0) receiver.tookFrom = receiver.chunk;
    if (receiver.span < ends.length) break;
    ring.done(receiver.chunk++);
    receiver.span = 0;
    receiver.at = 0;
  }
  return taken;
}

/** Whether it has not read all that the ring has of the NLRI. */
export function isUnread(ring: Ring, receiver: Receiver, nlri: number): boolean {
  for (let number = receiver.chunk; number < ring.next; number++) {
    if (ring.at(number).nlris.includes(nlri)) return true;
  }
  return false;
}

/** It reads no more: what it has not read need not be kept for it. */
export function leaveRing(ring: Ring, receiver: Receiver): void {
  const { next } = ring;
  while (receiver.chunk < next) ring.done(receiver.chunk++);
}

/** The end of the last whole message that ends by `limit`, of those in `bytes[start, end)`; at least one. */
function cut(bytes: Uint8Array, start: number, end: number, limit: number): number {
  if (end <= limit) return end;
  let at = start;
  do {
    at += (bytes[at + 16]! << 8) | bytes[at + 17]!;
  } while (at < limit && at < end && at + ((bytes[at + 16]! << 8) | bytes[at + 17]!) <= limit);
  return at;
}

function take(bytes: Uint8Array, start: number, end: number, out: Uint8Array[]): number {
  if (end <= start) return 0;
  out.push(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  return end - start;
}
