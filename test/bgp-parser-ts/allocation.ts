/**
 * How many octets of heap one UPDATE costs, in and out again: prints the number. A plain process, as
 * jest itself allocates.
 */

import { AttributeBlock, AttributeView, UpdateCursor, UpdateWriter } from 'bgp-parser-ts';
import {
  AS_PATH,
  COMMUNITIES,
  IBGP,
  LOCAL_PREF,
  MED,
  MP_REACH,
  NEXT_HOP,
  OLD,
  ORIGIN,
  PREFIX,
  update,
} from './wire.ts';

const MESSAGES = [
  update(
    '',
    `${MP_REACH} ${ORIGIN} ${AS_PATH} ${NEXT_HOP} ${MED} ${LOCAL_PREF} ${COMMUNITIES}`,
    `${PREFIX} 20 ffffffff`,
  ),
  update('20 fffffffe', '', ''),
];
const OLD_MESSAGE = update(
  '',
  `${ORIGIN} 40 02 04 02 01 5ba0 ${NEXT_HOP} c0 11 06 02 01 00011170`,
  PREFIX,
);

const cursor = new UpdateCursor();
const view = new AttributeView();
const block = new AttributeBlock();
const writer = new UpdateWriter(4096);
const canonical = new Uint8Array(131072);
const out = new Uint8Array(65535);
const external = { as4: false, external: true, prepend: [70000], med: null };

function pass(rounds: number): number {
  let sum = 0;
  for (let i = 0; i < rounds; i++) {
    for (const message of MESSAGES) sum = (sum + relay(message, IBGP)) | 0;
    sum = (sum + relay(OLD_MESSAGE, OLD)) | 0;
  }
  return sum;
}

function relay(message: Uint8Array, context: typeof IBGP): number {
  let sum = 0;
  cursor.reset(message, 0, message.length, context);
  while (cursor.nextWithdrawn()) sum += cursor.w0 & 1;
  while (cursor.nextSection()) {
    view.load(canonical, 0, cursor.canonicalAttributes(canonical, 0));
    sum += view.asPathLength + view.localPref + view.firstAs;
    block.build(view, external);
    writer.begin(out, 0);
    writer.announce(cursor.family, block, false);
    while (cursor.nextAnnounced()) {
      const { w0, w1, w2, w3, length } = cursor;
      if (cursor.family === 4) writer.add4(w0, length, 0);
      else writer.add6(w0, w1, w2, w3, length, 0);
    }
    sum += writer.end();
  }
  return sum;
}

// The compiler is done with all of it after this.
pass(100_000);
const ROUNDS = 100_000;
const before = process.memoryUsage().heapUsed;
pass(ROUNDS);
const after = process.memoryUsage().heapUsed;
console.log(((after - before) / (ROUNDS * (MESSAGES.length + 1))).toFixed(3));
