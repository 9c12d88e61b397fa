import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FUZZ = fileURLToPath(new URL('./fuzz.ts', import.meta.url));
const run = promisify(execFile);

interface Report {
  /** What the messages came to, and how many of each. */
  tally: Record<string, number>;
  failures: string[];
}

/** Fixed seeds, so that a failure comes again. */
test.each([
  [7, 100_000],
  [20261123, 100_000],
])(
  'seed %i, %i mutated messages',
  async (seed, count) => {
    const { stdout } = await run(process.execPath, [FUZZ, String(seed), String(count)]);
    const { tally, failures } = JSON.parse(stdout) as Report;
    expect(failures).toEqual([]);
    // All of the paths through the decoder were gone, and often.
    for (const kind of ['ok', 'attribute-discard', 'treat-as-withdraw', 'session-reset']) {
      expect(tally[kind]).toBeGreaterThan(count / 20);
    }
    for (const kind of ['open', 'notification', 'route-refresh', 'error 1', 'error 2', 'error 7']) {
      expect(tally[kind]).toBeGreaterThan(10);
    }
  },
  120_000,
);
