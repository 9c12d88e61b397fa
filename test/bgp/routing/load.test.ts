/** The load runs as a plain node process: jest's vm makes globals slow. Times are printed, not judged. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LOAD = join(import.meta.dirname, 'load.ts');

test('300,000 routes from one peer to one receiver: every one, once, then nothing more', async () => {
  const { stdout } = await run(process.execPath, [LOAD, '300000']);
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({
    prefixes: 300_000,
    received: 300_000,
    announced: 300_000,
    changes: 300_000,
    endOfRibs: 1,
  });
  // Packed as they came, five routes an attribute set; some sets are cut in two by a batch's end.
  expect(seen.updates).toBeLessThan(61_000);
}, 120_000);
