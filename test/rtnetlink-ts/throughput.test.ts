/** Ten thousand routes in, out and away: prints the rates. Needs root: makes a namespace of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

test('10,000 routes', () => {
  const script = join(import.meta.dirname, 'throughput.ts');
  const { stdout, stderr } = spawnSync('unshare', ['--net', process.execPath, script], {
    encoding: 'utf8',
  });
  process.stderr.write(stdout);
  expect(stderr).toBe('');
  expect(stdout.match(/ 0 failed/g)).toHaveLength(3);
});
