import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { formatPrefix, type Prefix, PrefixTable, parsePrefix, prefixOf } from 'net-ipaddr';
import { crowdedPrefixes, prefixes } from './arbitraries.ts';

/** The slow twin: text → id, and the smallest ids first never promised, only density. */
class SlowTable {
  readonly ids = new Map<string, number>();
  peak = 0;

  intern(prefix: Prefix, given: number): void {
    const text = formatPrefix(prefix);
    const known = this.ids.get(text);
    if (known !== undefined) {
      expect(given).toBe(known);
      return;
    }
    expect([...this.ids.values()]).not.toContain(given);
    this.ids.set(text, given);
    this.peak = Math.max(this.peak, this.ids.size);
    expect(given).toBeLessThan(this.peak); // dense: never more ids than prefixes at one time
  }
}

test('agrees with its slow twin under any order of interning and releasing', () => {
  const step = fc.tuple(fc.boolean(), fc.oneof(crowdedPrefixes, prefixes));
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 120 }), (seed, steps) => {
      const table = new PrefixTable(seed);
      const twin = new SlowTable();
      for (const [adds, prefix] of steps) {
        const id = twin.ids.get(formatPrefix(prefix));
        if (adds) twin.intern(prefix, table.intern(prefix));
        else if (id !== undefined) {
          table.release(id);
          twin.ids.delete(formatPrefix(prefix));
        }
        expect(table.find(prefix)).toBe(twin.ids.get(formatPrefix(prefix)) ?? -1);
      }
      expect(table.size).toBe(twin.ids.size);
      for (const [text, id] of twin.ids) {
        expect(table.text(id)).toBe(text);
        expect(table.prefix(id)).toEqual(parsePrefix(text));
      }
    }),
  );
});

test('words are unsigned, signed input is the same prefix, and families are apart', () => {
  const table = new PrefixTable(1);
  const id = table.intern4(0xc0000200 | 0, 24);
  expect(table.idOf4(0xc0000200, 24)).toBe(id);
  expect(table.intern(parsePrefix('192.0.2.0/24'))).toBe(id);
  expect(table.word(id, 0)).toBe(0xc0000200);
  expect([table.family(id), table.length(id), table.word(id, 3)]).toEqual([4, 24, 0]);
  expect(table.idOf4(0xc0000200, 25)).toBe(-1);
  expect(table.idOf6(0xc0000200, 0, 0, 0, 24)).toBe(-1);

  const six = table.intern6(0xfe800000 | 0, 0, -1, 1, 128);
  expect(table.idOf6(0xfe800000, 0, 0xffffffff, 1, 128)).toBe(six);
  expect([0, 1, 2, 3].map((i) => table.word(six, i as 0))).toEqual([0xfe800000, 0, 0xffffffff, 1]);
  expect([table.family(six), table.length(six), table.text(six)]).toEqual([
    6,
    128,
    'fe80::ffff:ffff:0:1/128',
  ]);
  expect(table.intern6(0, 0, 0, 0, 0)).not.toBe(table.intern4(0, 0));
  expect(table.size).toBe(4);
});

test('an id that is not in use is refused', () => {
  const table = new PrefixTable(1);
  const id = table.intern4(0, 0);
  table.release(id);
  expect(() => table.release(id)).toThrow('prefix id 0 is not in use');
  expect(() => table.text(id)).toThrow(RangeError);
  expect(() => table.prefix(7)).toThrow(RangeError);
  expect(() => table.family(1_000_000)).toThrow(RangeError);
  expect(table.intern4(1, 32)).toBe(id);
});

test('a long life of splits, releases and reuse loses no prefix', () => {
  const table = new PrefixTable(42);
  const live = new Map<number, number>(); // prefix number → id
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const intern = (n: number) =>
    n & 1 ? table.intern4(n << 8, 24) : table.intern6(0x20010db8, n, 0, 0, 64);
  const find = (n: number) =>
    n & 1 ? table.idOf4(n << 8, 24) : table.idOf6(0x20010db8, n, 0, 0, 64);
  const wrong: string[] = [];
  for (let i = 0; i < 120_000; i++) {
    const n = next(40_000);
    const known = live.get(n);
    if (find(n) !== (known ?? -1)) wrong.push(`step ${i}: find ${n}`);
    if (known === undefined || next(100) < 20) {
      const id = intern(n);
      if (known !== undefined && id !== known) wrong.push(`step ${i}: second id for ${n}`);
      live.set(n, id);
    } else if (next(100) < 60) {
      table.release(known);
      live.delete(n);
    }
  }
  expect(wrong).toEqual([]);
  expect(table.size).toBe(live.size);
  expect(new Set(live.values()).size).toBe(live.size);
  for (const [n, id] of live) {
    const expected = n & 1 ? prefixOf(table.prefix(id).address, 24) : table.prefix(id);
    expect(table.prefix(id)).toEqual(expected);
    if (find(n) !== id) wrong.push(`end: ${n}`);
  }
  expect(wrong).toEqual([]);
});

test('no insert stalls on the way to 400,000 prefixes', () => {
  // Runs outside the test's vm context, where every access to a global costs.
  const child = spawnSync(process.execPath, [`${import.meta.dirname}/growth.ts`], {
    encoding: 'utf8',
  });
  expect(child.stderr).toBe('');
  const { worstMs, totalMs, wrong } = JSON.parse(child.stdout);
  expect(wrong).toBe(0);
  // One rehash of everything takes 25 ms and more at this size; splitting a part, about 0.2 ms.
  expect(worstMs).toBeLessThan(8);
  expect(totalMs).toBeLessThan(5000);
}, 60_000);
