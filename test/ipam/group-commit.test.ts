import { parsePrefix } from 'net-ipaddr';
import type { IPAMBlock } from '../../api/index.ts';
import { type Edit, GroupCommit } from '../../ipam/group-commit.ts';
import { Turns } from '../../ipam/turns.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A block here is a list of names, and an edit adds one. */
const blockOf = (...names: string[]) => ({ spec: { cidr: 'b', names } }) as unknown as IPAMBlock;
const namesOf = (block: IPAMBlock | undefined) =>
  (block as unknown as { spec: { names: string[] } } | undefined)?.spec.names ?? [];

let stored: IPAMBlock;
let known: IPAMBlock | undefined;
let reads: number;
let writes: string[];
/** What each write waits for. */
let gate: () => Promise<void>;
/** Requests that have chosen the block, and do not ask for it yet. */
let coming: number;
let commit: GroupCommit;
let clock: VirtualClock;

beforeEach(() => {
  stored = blockOf('old');
  known = blockOf();
  reads = 0;
  writes = [];
  gate = () => Promise.resolve();
  coming = 0;
  clock = new VirtualClock();
  const blocks = {
    get: () => ({
      cidr: 'b',
      prefix: parsePrefix('10.0.0.0/26'),
      value: known,
      free: 0,
      promised: coming,
      coming,
    }),
    read: async () => {
      reads++;
      return stored;
    },
    write: async (block: IPAMBlock) => {
      writes.push(namesOf(block).join(' '));
      await gate();
      known = block;
    },
  };
  commit = new GroupCommit(new Turns(clock), blocks, clock);
});

const add = (name: string, needsReading = false): Edit<number> => ({
  needsReading: () => needsReading,
  decide: (block) => {
    if (name === 'refused') throw new Error('refused');
    const names = [...namesOf(block), name];
    return { write: blockOf(...names), answer: names.length };
  },
});
const run = (edit: Edit<number>) => commit.run('b', 10_000, edit);

/** Adds `a`, and is back while that is being written; `go` ends it. */
async function writing(): Promise<{ first: Promise<number>; go: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = () => promise;
  const first = run(add('a'));
  await new Promise((done) => setImmediate(done));
  expect(writes).toEqual(['a']);
  return { first, go: resolve };
}

test('those that come while one is written go together, each after the one before', async () => {
  const { first, go } = await writing();
  const answers = ['b', 'c', 'd'].map((name) => run(add(name)));
  go();
  expect(await Promise.all([first, ...answers])).toEqual([1, 2, 3, 4]);
  expect(writes).toEqual(['a', 'a b c d']);
  expect(reads).toBe(0);
});

test('a write waits for those that are coming, and is made at once when the last has come', async () => {
  coming = 2;
  const first = run(add('a'));
  coming = 1;
  const second = run(add('b'));
  await new Promise((done) => setImmediate(done));
  expect(writes).toEqual([]);
  coming = 0;
  expect(await Promise.all([first, second, run(add('c'))])).toEqual([1, 2, 3]);
  expect(writes).toEqual(['a b c']);
});

test('it waits 20 ms at most', async () => {
  coming = 1;
  const first = run(add('a'));
  await clock.pass(19);
  expect(writes).toEqual([]);
  await clock.pass(1);
  expect(await first).toBe(1);
  coming = 0;
  expect(await run(add('b'))).toBe(2);
});

test('one that is refused fails alone', async () => {
  const answers = [run(add('a')), run(add('refused')), run(add('b'))];
  expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(writes.at(-1)).toBe('a b');
});

test('a write that fails fails for all that it was made of, and for nobody else', async () => {
  const { first, go } = await writing();
  const answers = ['b', 'c'].map((name) => run(add(name)));
  gate = () => Promise.reject(new Error('conflict'));
  go();
  expect(await first).toBe(1);
  for (const answer of answers) await expect(answer).rejects.toThrow('conflict');
  gate = () => Promise.resolve();
  expect(await run(add('d'))).toBe(2);
});

test('where one of them believes only a fresh reading, all have it', async () => {
  await Promise.all(['a', 'b', 'c'].map((name) => run(add(name, name === 'c'))));
  expect(reads).toBe(1);
  expect(writes).toEqual(['old a b c']);
});

test('nothing to write is no write', async () => {
  await run({ needsReading: () => false, decide: () => ({ answer: 0 }) });
  expect(writes).toEqual([]);
});

test('one that waited too long is told so, and is in no later write', async () => {
  const { first, go } = await writing();
  const late = commit.run('b', 1, add('late'));
  const told = expect(late).rejects.toMatchObject({ code: 'Timeout' });
  await clock.pass(10);
  await told;
  go();
  await first;
  expect(await run(add('b'))).toBe(2);
  expect(writes).toEqual(['a', 'a b']);
});
