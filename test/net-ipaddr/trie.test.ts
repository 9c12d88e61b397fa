import fc from 'fast-check';
import {
  comparePrefixes,
  containsAddress,
  containsPrefix,
  equalPrefixes,
  formatPrefix,
  type Prefix,
  PrefixTrie,
  parseAddress,
  parsePrefix,
} from 'net-ipaddr';
import { addresses, crowdedPrefixes, prefixes } from './arbitraries.ts';

/** The slow twin: a list that is searched from end to end. */
class SlowTrie {
  entries: { prefix: Prefix; value: number }[] = [];

  set(prefix: Prefix, value: number): void {
    this.delete(prefix);
    this.entries.push({ prefix, value });
    this.entries.sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  }

  delete(prefix: Prefix): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => !equalPrefixes(entry.prefix, prefix));
    return this.entries.length < before;
  }
}

const anyPrefix = fc.oneof(
  { weight: 3, arbitrary: crowdedPrefixes },
  { weight: 1, arbitrary: prefixes },
);

test('agrees with its slow twin', () => {
  const step = fc.tuple(fc.boolean(), anyPrefix, fc.nat());
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.array(anyPrefix, { maxLength: 10 }),
      fc.array(addresses, { maxLength: 5 }),
      (steps, probes, wild) => {
        const trie = new PrefixTrie<number>();
        const twin = new SlowTrie();
        for (const [adds, prefix, value] of steps) {
          if (adds) {
            trie.set(prefix, value);
            twin.set(prefix, value);
          } else expect(trie.delete(prefix)).toBe(twin.delete(prefix));
        }
        expect([...trie]).toEqual(twin.entries);
        expect(trie.size).toBe(twin.entries.length);
        for (const probe of [...probes, ...steps.map(([, prefix]) => prefix)]) {
          const same = twin.entries.find((entry) => equalPrefixes(entry.prefix, probe));
          expect(trie.get(probe)).toBe(same?.value);
          const covering = twin.entries.filter((entry) => containsPrefix(entry.prefix, probe));
          expect([...trie.covering(probe)]).toEqual(covering);
          const covered = twin.entries.filter((entry) => containsPrefix(probe, entry.prefix));
          expect([...trie.covered(probe)]).toEqual(covered);
        }
        for (const address of [...wild, ...probes.map((probe) => probe.address)]) {
          const longest = twin.entries.filter((entry) => containsAddress(entry.prefix, address));
          expect(trie.match(address)).toEqual(longest.at(-1));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('deleting everything leaves nothing, whatever the order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyPrefix, { selector: formatPrefix, maxLength: 40 }),
      fc.func(fc.nat()),
      (all, rank) => {
        const trie = new PrefixTrie<string>();
        for (const prefix of all) trie.set(prefix, formatPrefix(prefix));
        for (const prefix of all.toSorted(
          (a, b) => rank(formatPrefix(a)) - rank(formatPrefix(b)),
        )) {
          expect(trie.get(prefix)).toBe(formatPrefix(prefix));
          expect(trie.delete(prefix)).toBe(true);
          expect(trie.delete(prefix)).toBe(false);
        }
        expect(trie.size).toBe(0);
        expect([...trie]).toEqual([]);
      },
    ),
  );
});

test('the default route catches what nothing else does, in its family only', () => {
  const trie = new PrefixTrie<string>();
  trie.set(parsePrefix('0.0.0.0/0'), 'default');
  trie.set(parsePrefix('10.0.0.0/8'), 'ten');
  trie.set(parsePrefix('10.1.2.3/32'), 'host');
  expect(trie.match(parseAddress('192.0.2.1'))?.value).toBe('default');
  expect(trie.match(parseAddress('10.1.2.4'))?.value).toBe('ten');
  expect(trie.match(parseAddress('10.1.2.3'))?.value).toBe('host');
  expect(trie.match(parseAddress('::1'))).toBeUndefined();
});
