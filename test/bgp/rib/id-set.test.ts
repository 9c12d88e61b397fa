import fc from 'fast-check';
import { IdSet } from '../../../bgp/rib/id-set.ts';

/** Ids at both ends of words, near each other, and so far apart that levels of the bitmap are jumped over. */
const id = fc.oneof(fc.constantFrom(0, 1, 30, 31, 32, 63), fc.nat(1200), fc.nat(100_000));
const step = fc.oneof(
  fc.record({ add: id }),
  fc.record({ remove: id }),
  fc.record({ take: fc.nat(5) }),
);

test('is a set, and takes round and round in ascending order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const set = new IdSet();
      const twin = new Set<number>();
      let next = 0;
      for (const each of steps) {
        if ('add' in each) {
          expect(set.add(each.add)).toBe(!twin.has(each.add));
          twin.add(each.add);
        } else if ('remove' in each) {
          expect(set.delete(each.remove)).toBe(twin.delete(each.remove));
        } else {
          for (let i = 0; i < each.take; i++) {
            const sorted = [...twin].sort((a, b) => a - b);
            const expected = sorted.find((one) => one >= next) ?? sorted[0] ?? -1;
            expect(set.take()).toBe(expected);
            twin.delete(expected);
            if (expected >= 0) next = expected + 1;
          }
        }
        expect(set.size).toBe(twin.size);
      }
      for (const one of twin) expect(set.has(one)).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('adds by words and from another set', () => {
  const ids = fc.array(id, { maxLength: 40 });
  fc.assert(
    fc.property(ids, ids, fc.nat(70), fc.nat(0xffffffff), (first, second, word, bits) => {
      const [a, b] = [new IdSet(), new IdSet()];
      for (const one of first) a.add(one);
      for (const one of second) b.add(one);
      b.addWord(word, bits | 0);
      a.addAll(b);
      const inWord = Array.from({ length: 32 }, (_, i) => i).filter((i) => (bits >>> i) & 1);
      const twin = new Set([...first, ...second, ...inWord.map((i) => 32 * word + i)]);
      expect(a.size).toBe(twin.size);
      const taken = Array.from({ length: twin.size }, () => a.take());
      expect(taken).toEqual([...twin].sort((x, y) => x - y));
    }),
  );
});

test('takes all of a large, sparse set', () => {
  const set = new IdSet();
  const ids = Array.from({ length: 500 }, (_, i) => i * 7919);
  for (const one of ids) set.add(one);
  expect(ids.map(() => set.take())).toEqual(ids);
  expect(set.take()).toBe(-1);
  expect(set.has(7919)).toBe(false);
});
