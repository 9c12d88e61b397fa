import fc from 'fast-check';
import { ByteStore, MAX_STRING_LENGTH } from '../../../bgp/rib/byte-store.ts';

const KEY = { k0: 1, k1: 2 };

function read(store: ByteStore, id: number): string {
  const start = store.start(id);
  return Buffer.from(store.bytes(id).subarray(start, start + store.length(id))).toString('latin1');
}

function intern(store: ByteStore, text: string): number {
  const bytes = Buffer.from(`..${text}`, 'latin1');
  return store.intern(bytes, 2, bytes.length);
}

test('equal strings have one id, unequal ones have two', () => {
  const store = new ByteStore(KEY);
  const a = intern(store, 'abc');
  expect(intern(store, 'abc')).toBe(a);
  expect(intern(store, 'abd')).not.toBe(a);
  expect(intern(store, '')).not.toBe(a);
  expect(store.size).toBe(3);
  expect(read(store, a)).toBe('abc');
});

test('a string lives until its last reference goes; its id then stands for another one', () => {
  const store = new ByteStore(KEY);
  const a = intern(store, 'abc');
  const serial = store.serial(a);
  store.retain(a);
  store.release(a);
  expect(store.serial(a)).toBe(serial);
  store.release(a);
  expect(store.serial(a)).toBe(0);
  expect(store.size).toBe(0);
  const b = intern(store, 'xyz');
  expect(b).toBe(a);
  expect(store.serial(b)).not.toBe(serial);
  expect(read(store, b)).toBe('xyz');
});

test('the longest string fits', () => {
  const store = new ByteStore(KEY);
  const text = 'x'.repeat(MAX_STRING_LENGTH);
  expect(read(store, intern(store, text))).toBe(text);
});

test('agrees with a Map under any sequence, with compaction in between', () => {
  const text = fc.nat(40).map((n) => String(n).repeat(1 + n * 300));
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ intern: text }) },
    { weight: 4, arbitrary: fc.record({ release: fc.nat(100) }) },
    { weight: 2, arbitrary: fc.record({ compact: fc.nat(50_000) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const store = new ByteStore(KEY);
      const held: { id: number; text: string }[] = [];
      for (const each of steps) {
        if ('intern' in each) {
          held.push({ id: intern(store, each.intern), text: each.intern });
        } else if ('release' in each && held.length > 0) {
          const [gone] = held.splice(each.release % held.length, 1);
          store.release(gone!.id);
        } else if ('compact' in each) {
          store.compact(each.compact);
        }
      }
      expect(store.size).toBe(new Set(held.map((one) => one.text)).size);
      for (const one of held) expect(read(store, one.id)).toBe(one.text);
      expect(new Set(held.map((one) => `${one.id} ${one.text}`)).size).toBe(store.size);
    }),
    { numRuns: 60 },
  );
});

test('compaction gives memory back, some bytes a call', () => {
  const store = new ByteStore(KEY);
  const ids = Array.from({ length: 20_000 }, (_, i) => intern(store, `${i} `.repeat(20)));
  const full = store.arenaBytes;
  const kept = ids.filter((id, i) => {
    if (i % 10 !== 0) store.release(id);
    return i % 10 === 0;
  });
  let calls = 0;
  while (store.compact(4096)) calls++;
  expect(calls).toBeGreaterThan(20);
  expect(store.arenaBytes).toBeLessThan(full / 4);
  kept.forEach((id, i) => {
    expect(read(store, id)).toBe(`${i * 10} `.repeat(20));
  });
});
