/** IPv4 and IPv6 addresses and prefixes: strict text, set operations, prefix ids, longest match. And the index of hashes that ids are found by. */

export {
  type Address,
  AddressError,
  compareAddresses,
  equalAddresses,
  type Family,
  familyBits,
  formatAddress,
  isAddress,
  parseAddress,
} from './address.ts';
export { HashIndex } from './hash-index.ts';
export {
  comparePrefixes,
  equalPrefixes,
  formatPrefix,
  hostPrefix,
  type InterfaceAddress,
  isPrefix,
  type Prefix,
  parseInterfaceAddress,
  parsePrefix,
  prefixOf,
} from './prefix.ts';
export {
  addressAt,
  aggregate,
  containsAddress,
  containsPrefix,
  offsetIn,
  overlaps,
  prefixSize,
  subnets,
  subtractPrefix,
} from './sets.ts';
export { PrefixTable } from './table.ts';
export { PrefixTrie, type TrieEntry } from './trie.ts';
export {
  compareZonedAddresses,
  formatZonedAddress,
  isLinkLocal,
  parseZonedAddress,
  type ZonedAddress,
} from './zoned.ts';
