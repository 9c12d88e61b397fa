/** The table of revisions: what is written stays, as of every revision, until it is compacted. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Change, Revisions } from '../../src/apiserver/revisions.ts';

const ALL = { from: '', to: '\uffff' };

let folder: string;
let path: string;
let revisions: Revisions;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-revisions-'));
  path = join(folder, 'state.db');
  revisions = new Revisions(path);
});

afterEach(() => {
  revisions.close();
  rmSync(folder, { recursive: true });
});

function reopen(): void {
  revisions.close();
  revisions = new Revisions(path);
}

const put = (key: string, value: string) =>
  revisions.write((transaction) => transaction.put(key, (revision) => `${value}@${revision}`));
const remove = (key: string) =>
  revisions.write((transaction) => transaction.remove(key, (revision) => `end@${revision}`));
const texts = (at = revisions.current, limit = 100, from = '') =>
  revisions.list({ from, to: ALL.to }, at, limit).states.map(({ text }) => text);

test('each write has the next revision, and the key its newest state', async () => {
  expect((await put('a', 'x')).revision).toBe(1);
  expect((await put('b', 'x')).revision).toBe(2);
  expect((await put('a', 'y')).revision).toBe(3);
  expect(revisions.get('a')).toEqual({ key: 'a', revision: 3, text: 'y@3' });
  expect(revisions.get('c')).toBeUndefined();
  await remove('a');
  expect(revisions.get('a')).toBeUndefined();
  expect(revisions.current).toBe(4);
});

test('a list shows the objects of its range as of its revision, in the order of keys', async () => {
  await put('b', '1');
  await put('a', '1');
  await put('b', '2');
  await remove('a');
  await put('a', '2');
  expect([1, 2, 3, 4, 5].map((at) => texts(at))).toEqual([
    ['1@1'],
    ['1@2', '1@1'],
    ['1@2', '2@3'],
    ['2@3'],
    ['2@5', '2@3'],
  ]);
  expect(revisions.list({ from: 'b', to: 'c' }, 5, 9).states).toHaveLength(1);
  expect(revisions.count(ALL, 3)).toBe(2);
  expect(revisions.count(ALL, 4)).toBe(1);
});

test('a page tells whether more remain, not counting what is deleted', async () => {
  for (const key of ['a', 'b', 'c']) await put(key, '1');
  expect(revisions.list(ALL, 3, 2)).toMatchObject({ more: true, states: [{}, {}] });
  expect(texts(3, 2, 'b\0')).toEqual(['1@3']);
  await remove('c');
  expect(revisions.list(ALL, 4, 2)).toMatchObject({ more: false });
});

test('changes tell what each one replaced', async () => {
  await put('a', '1');
  await put('b', '1');
  await put('a', '2');
  await remove('a');
  await put('a', '3');
  const seen = revisions.changes({ from: 'a', to: 'b' }, 0, 10);
  expect(seen).toEqual([
    { key: 'a', revision: 1, previous: 0, deleted: false, text: '1@1' },
    { key: 'a', revision: 3, previous: 1, deleted: false, text: '2@3' },
    { key: 'a', revision: 4, previous: 3, deleted: true, text: 'end@4' },
    { key: 'a', revision: 5, previous: 0, deleted: false, text: '3@5' },
  ]);
  expect(revisions.changes(ALL, 1, 2).map(({ revision }) => revision)).toEqual([2, 3]);
  expect(revisions.textAt(3)).toBe('2@3');
});

test('writes that meet are one commit, in order, and see each other', async () => {
  const commits: (readonly Change[])[] = [];
  revisions.onCommit((changes) => commits.push(changes));
  const increments = Array.from({ length: 50 }, () =>
    revisions.write((transaction) => {
      const count = Number(transaction.get('n')?.text ?? 0) + 1;
      return transaction.put('n', () => String(count)).text;
    }),
  );
  expect(await Promise.all(increments)).toEqual(Array.from({ length: 50 }, (_, i) => `${i + 1}`));
  expect(commits.flat()).toHaveLength(50);
  expect(commits.length).toBeLessThan(50);
});

test('a write that throws undoes itself alone', async () => {
  const failing = revisions.write((transaction) => {
    transaction.put('a', () => 'half');
    throw new Error('no');
  });
  const after = put('b', 'x');
  await expect(failing).rejects.toThrow('no');
  expect((await after).revision).toBe(1);
  expect(revisions.get('a')).toBeUndefined();
  expect(revisions.changes(ALL, 0, 9)).toHaveLength(1);
});

test('listeners hear of a commit before its writer does, and only of commits', async () => {
  const order: string[] = [];
  const stop = revisions.onCommit(() => order.push('listener'));
  await put('a', 'x').then(() => order.push('writer'));
  await revisions.write(() => order.push('read'));
  stop();
  await put('a', 'y');
  expect(order).toEqual(['listener', 'writer', 'read']);
});

test('everything is there after a restart, the past too', async () => {
  await put('a', '1');
  await put('a', '2');
  await remove('a');
  reopen();
  expect(revisions.current).toBe(3);
  expect(texts(2)).toEqual(['2@2']);
  expect(revisions.changes(ALL, 1, 9)).toHaveLength(2);
  expect((await put('b', 'x')).revision).toBe(4);
});

test('compaction forgets the past and keeps the present', async () => {
  await put('a', '1');
  await put('b', '1');
  await put('a', '2');
  await remove('b');
  await put('a', '3');
  expect(revisions.compact(4)).toBe(false);
  expect(revisions.compacted).toBe(4);
  expect(texts(4)).toEqual(['2@3']);
  expect(texts(5)).toEqual(['3@5']);
  expect(() => texts(3)).toThrow(expect.objectContaining({ code: 'COMPACTED' }));
  expect(() => revisions.changes(ALL, 3, 9)).toThrow(
    expect.objectContaining({ code: 'COMPACTED' }),
  );
  const [change] = revisions.changes(ALL, 4, 9);
  // What the change replaced is still there, so that selectors can be asked of both.
  expect(revisions.textAt(change!.previous)).toBe('2@3');
  expect(revisions.textAt(1)).toBeUndefined();
  reopen();
  expect(() => texts(3)).toThrow(expect.objectContaining({ code: 'COMPACTED' }));
});

test('numbers are not given twice when the newest rows are compacted away', async () => {
  await put('a', '1');
  await remove('a');
  revisions.compact(2);
  reopen();
  expect((await put('a', '2')).revision).toBe(3);
});

test('compaction of much works in slices and cannot pass the present', async () => {
  for (let i = 0; i < 12; i++)
    await revisions.write((transaction) => {
      for (let j = 0; j < 100; j++) transaction.put(`k${j % 10}`, String);
    });
  let slices = 1;
  while (revisions.compact(99_999)) slices++;
  expect(slices).toBe(3);
  expect(revisions.compacted).toBe(1200);
  expect(texts()).toHaveLength(10);
  expect(revisions.changes(ALL, 1200, 9)).toEqual([]);
});

test('a second server on the same folder is refused, and says why', () => {
  expect(() => new Revisions(path)).toThrow(/in use: another API server runs on this data folder/);
});

test('a write after close is refused; one before it is kept', async () => {
  const last = put('a', 'x');
  revisions.close();
  await last;
  await expect(put('b', 'x')).rejects.toThrow('stopping');
  revisions = new Revisions(path);
  expect(texts()).toEqual(['x@1']);
});

test('what was answered survives kill -9', async () => {
  const other = join(folder, 'other.db');
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'endless-writer.ts'), other], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answered = 0;
  for await (const line of createInterface(writer.stdout)) {
    answered = Number(line);
    if (answered === 200) writer.kill('SIGKILL');
  }
  const found = new Revisions(other);
  expect(answered).toBeGreaterThanOrEqual(200);
  expect(found.current).toBeGreaterThanOrEqual(answered);
  const states = found.list(ALL, found.current, 10).states;
  expect(states.map(({ text }) => Number(text)).sort((a, b) => b - a)[0]).toBe(found.current);
  found.close();
});

test('a disk that is full refuses writes, and harms nothing that was answered', async () => {
  const other = join(folder, 'other.db');
  // A limit on the size of files is the full disk that a test can have without being root.
  const limited = `ulimit -f 2000; exec "$0" "$1" "$2"`;
  const program = join(import.meta.dirname, 'full-disk-writer.ts');
  const writer = spawn('bash', ['-c', limited, process.execPath, program, other], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let line = '';
  for await (line of createInterface(writer.stdout));
  const { answered, heard, message, current } = JSON.parse(line);
  expect(message).toMatch(/disk|I\/O/);
  expect(answered).toBeGreaterThan(10);
  expect([heard, current]).toEqual([answered, answered]);
  const found = new Revisions(other);
  expect(found.current).toBe(answered);
  expect(found.count(ALL, answered)).toBe(answered);
  await found.write((transaction) => transaction.put('more', String));
  expect(found.current).toBe(answered + 1);
  found.close();
});
