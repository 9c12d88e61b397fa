/** Sets and maps of prefixes, compared. */

import { type Prefix, PrefixTrie } from 'net-ipaddr';

export function prefixSet(prefixes: Iterable<Prefix>): PrefixTrie<true> {
  const trie = new PrefixTrie<true>();
  for (const prefix of prefixes) trie.set(prefix, true);
  return trie;
}

/** The prefixes that are in only one of the two, or in both with different values. */
export function* differing<V>(
  before: PrefixTrie<V>,
  after: PrefixTrie<V>,
  isSame: (a: V, b: V) => boolean = () => true,
): Generator<Prefix, void, undefined> {
  for (const { prefix, value } of before) {
    const now = after.get(prefix);
    if (now === undefined || !isSame(value, now)) yield prefix;
  }
  for (const { prefix } of after) if (before.get(prefix) === undefined) yield prefix;
}
