/** The README's example. Needs root: runs it in a network namespace of its own. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

test('the example in the README runs and prints what it says', () => {
  const readme = new URL('../../packages/rtnetlink-ts/README.md', import.meta.url);
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync(readme, 'utf8'))!;
  const command = ['--net', process.execPath, '--input-type=module-typescript', '--eval', code!];
  const { stdout, stderr } = spawnSync('unshare', command, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const said = [...code!.matchAll(/console\.log.*\/\/ (.*)$/gm)].map(([, text]) => text);
  expect(said).toHaveLength(3);
  expect(stdout.trim().split('\n')).toEqual(said);
});
