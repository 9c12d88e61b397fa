/** A million mutated messages, as a plain node process: jest's vm makes globals slow. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MUTATION = join(import.meta.dirname, 'mutation.ts');
const COUNT = 500_000;

/** Fixed seeds, so that a failure comes again. Each takes half a minute of a processor of its own. */
test.concurrent.each([20261127, 7606])(
  'seed %i: no crash, no wrong reset, no path too many or too few, nothing malformed sent, no stall',
  async (seed) => {
    const { stdout } = await run(process.execPath, [MUTATION, String(seed), String(COUNT)]);
    const { tally, failures, longestMs, slowTurns } = JSON.parse(stdout);
    expect(failures).toEqual([]);
    expect(longestMs).toBeLessThan(10);
    // Of 30,000: collections of the program's own garbage fall into some.
    expect(slowTurns).toBeLessThan(5);
    for (const kind of ['ok', 'attribute-discard', 'treat-as-withdraw', 'session-reset']) {
      expect(tally[kind]).toBeGreaterThan(COUNT / 20);
    }
    for (const kind of ['other message', 'framing error', 'sent ok']) {
      expect(tally[kind]).toBeGreaterThan(COUNT / 100);
    }
  },
  300_000,
);
