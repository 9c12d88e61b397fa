/** Writes in batches until the disk refuses, goes on for a while, and prints what became of it. */
import { Revisions } from '../../src/apiserver/revisions.ts';

const revisions = new Revisions(process.argv[2]!);
const text = 'x'.repeat(20_000);
let answered = 0;
let refused = 0;
let message = '';
let heard = 0;
revisions.onCommit((changes) => {
  heard += changes.length;
});
for (let i = 0; refused < 200; i++) {
  const writes = Array.from({ length: 10 }, (_, j) =>
    revisions.write((transaction) => transaction.put(`k${i}-${j}`, () => text)),
  );
  for (const { status, ...outcome } of await Promise.allSettled(writes)) {
    if (status === 'fulfilled') answered++;
    else {
      refused++;
      message = (outcome as { reason: Error }).reason.message;
    }
  }
}
console.log(JSON.stringify({ answered, heard, message, current: revisions.current }));
// A kill: closing would ask the full disk for more.
process.kill(process.pid, 'SIGKILL');
