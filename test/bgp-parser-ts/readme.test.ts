import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('the example in the README runs and prints what it says', async () => {
  const path = new URL('../../packages/bgp-parser-ts/README.md', import.meta.url);
  const code = /```ts\n(.*?)```/s.exec(await readFile(path, 'utf8'))?.[1] ?? '';
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['--input-type=module-typescript', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  const said = [...code.matchAll(/\/\/ (\d+|ok .*)$/gm)].map(([, text]) => text);
  expect(said).toHaveLength(2);
  expect(stdout.trim().split('\n')).toEqual(said);
});
