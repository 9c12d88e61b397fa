import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('./allocation.ts', import.meta.url));

test('an UPDATE on its way through allocates nothing', async () => {
  // A young generation of 64 MB: no collection in between hides an allocation, 16 octets an UPDATE would show.
  const args = ['--max-semi-space-size=64', '--min-semi-space-size=64', SCRIPT];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(Math.abs(Number(stdout))).toBeLessThan(1);
}, 60_000);
