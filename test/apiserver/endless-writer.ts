/** Writes until it is killed, and prints each revision once its write is answered. */
import { writeSync } from 'node:fs';
import { Revisions } from '../../src/apiserver/revisions.ts';

const revisions = new Revisions(process.argv[2]!);
for (let i = 0; ; i++) {
  const write = () =>
    revisions.write((transaction) => transaction.put(`k${i % 5}`, (revision) => String(revision)));
  for (const { revision } of await Promise.all([write(), write(), write()]))
    writeSync(1, `${revision}\n`);
}
