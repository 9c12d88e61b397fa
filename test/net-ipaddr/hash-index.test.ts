import fc from 'fast-check';
import { HashIndex } from 'net-ipaddr';

/** The ids that the index says may have this hash. */
function candidates(index: HashIndex, hash: number): number[] {
  const found: number[] = [];
  for (let id = index.first(hash); id >= 0; id = index.next()) found.push(id);
  return found;
}

test('finds what was added and not what was removed, also where hashes collide', () => {
  // Few low bits, so that runs of slots overlap, and high bits that make parts split.
  const hash = fc.nat(7).chain((low) => fc.nat(3).map((high) => ((high << 30) | low) >>> 0));
  const step = fc.record({ id: fc.nat(60), hash, adds: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const hashes = new Map<number, number>();
      const index = new HashIndex((id) => hashes.get(id)!);
      for (const { id, hash, adds } of steps) {
        const known = hashes.get(id);
        if (adds && known === undefined) {
          hashes.set(id, hash);
          index.add(hash, id);
        } else if (!adds && known !== undefined) {
          index.remove(known, id);
          hashes.delete(id);
        }
      }
      for (const [id, of] of hashes) expect(candidates(index, of)).toContain(id);
      const all = [0, 1, 2, 3].flatMap((high) => candidates(index, (high << 30) >>> 0));
      for (const id of all) expect(hashes.has(id)).toBe(true);
    }),
  );
});

test('grows a part at a time and keeps every entry', () => {
  const count = 20_000;
  const hashOf = (id: number) => Math.imul(id, 0x9e3779b1) >>> 0;
  const index = new HashIndex(hashOf);
  for (let id = 0; id < count; id++) index.add(hashOf(id), id);
  for (let id = 0; id < count; id += 2) index.remove(hashOf(id), id);
  let wrong = 0;
  for (let id = 0; id < count; id++) {
    if (candidates(index, hashOf(id)).includes(id) !== (id % 2 === 1)) wrong++;
  }
  expect(wrong).toBe(0);
});
