/**
 * Longest-prefix match: a binary trie per family in which chains without a branch are one edge, so
 * a look-up takes as many steps as there are branches on its way, at most 128.
 */

import type { Address, Family } from './address.ts';
import type { Prefix } from './prefix.ts';
import { commonBits } from './sets.ts';

export interface TrieEntry<V> {
  readonly prefix: Prefix;
  readonly value: V;
}

interface Node<V> {
  /** The first `length` bits are the path to this node; what follows means nothing. */
  readonly bytes: Uint8Array;
  readonly length: number;
  /** None on a node that is only a fork. */
  entry: TrieEntry<V> | undefined;
  /** By the bit after the path. */
  zero: Node<V> | undefined;
  one: Node<V> | undefined;
}

/** A map from prefixes to values, asked by address. Don't change it while iterating over it. */
export class PrefixTrie<V> {
  /** The roots stay, whether or not they hold a default route. */
  readonly #root4: Node<V> = newNode(new Uint8Array(4), 0);
  readonly #root6: Node<V> = newNode(new Uint8Array(16), 0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the prefix, or replaces its value. @returns the value that it had. */
  set(prefix: Prefix, value: V): V | undefined {
    const { bytes } = prefix.address;
    let node = this.#root(prefix.address.family);
    while (node.length < prefix.length) {
      const side = bitAt(bytes, node.length);
      const child = childAt(node, side);
      if (child === undefined) {
        node = setChild(node, side, newNode(bytes, prefix.length));
        break;
      }
      const shared = commonBits(bytes, child.bytes, Math.min(prefix.length, child.length));
      if (shared === child.length) {
        node = child;
        continue;
      }
      const fork = newNode<V>(bytes, shared);
      setChild(fork, bitAt(child.bytes, shared), child);
      node = setChild(node, side, fork);
    }
    const before = node.entry;
    if (before === undefined) this.#size++;
    node.entry = { prefix, value };
    return before?.value;
  }

  /** The value of exactly this prefix. */
  get(prefix: Prefix): V | undefined {
    const { bytes, family } = prefix.address;
    let node: Node<V> | undefined = this.#root(family);
    while (node !== undefined && node.length < prefix.length)
      node = childTowards(node, bytes, prefix.length);
    if (node?.length !== prefix.length || !leadsTo(bytes, node)) return undefined;
    return node.entry?.value;
  }

  /** @returns whether the prefix was there. */
  delete(prefix: Prefix): boolean {
    const path = this.#path(prefix);
    const node = path.at(-1);
    if (node?.entry === undefined) return false;
    node.entry = undefined;
    this.#size--;
    // Only this node can have lost its use, and with it, if it was a leaf, the fork above.
    for (let depth = path.length - 1; depth > 0; depth--) {
      const { entry, zero, one, bytes } = path[depth]!;
      if (entry !== undefined || (zero !== undefined && one !== undefined)) break;
      const parent = path[depth - 1]!;
      setChild(parent, bitAt(bytes, parent.length), zero ?? one);
    }
    return true;
  }

  /** The longest prefix that holds the address. The answer is shared: don't write to it. */
  match(address: Address): TrieEntry<V> | undefined {
    const { bytes, family } = address;
    const bits = bytes.length << 3;
    let best: TrieEntry<V> | undefined;
    for (
      let node: Node<V> | undefined = this.#root(family);
      node !== undefined;
      node = childTowards(node, bytes, bits)
    ) {
      if (node.entry === undefined) continue;
      if (!leadsTo(bytes, node)) break;
      best = node.entry;
    }
    return best;
  }

  /** The entries that contain `prefix`, itself included, the shortest first. */
  *covering(prefix: Prefix): Generator<TrieEntry<V>, void, undefined> {
    const { bytes, family } = prefix.address;
    for (
      let node: Node<V> | undefined = this.#root(family);
      node !== undefined && node.length <= prefix.length;
      node = childTowards(node, bytes, prefix.length)
    ) {
      if (node.entry === undefined) continue;
      if (!leadsTo(bytes, node)) return;
      yield node.entry;
    }
  }

  /** The entries that `prefix` contains, itself included, in ascending order. */
  *covered(prefix: Prefix): Generator<TrieEntry<V>, void, undefined> {
    const { bytes, family } = prefix.address;
    let node: Node<V> | undefined = this.#root(family);
    while (node !== undefined && node.length < prefix.length) {
      node = childAt(node, bitAt(bytes, node.length));
    }
    if (node !== undefined && commonBits(bytes, node.bytes, prefix.length) === prefix.length) {
      yield* below(node);
    }
  }

  /** All entries in ascending order, IPv4 first. */
  *[Symbol.iterator](): Generator<TrieEntry<V>, void, undefined> {
    yield* below(this.#root4);
    yield* below(this.#root6);
  }

  #root(family: Family): Node<V> {
    return family === 4 ? this.#root4 : this.#root6;
  }

  /** The nodes from the root down to exactly `prefix`; empty when it has none. */
  #path(prefix: Prefix): Node<V>[] {
    const { bytes, family } = prefix.address;
    const path: Node<V>[] = [];
    let node: Node<V> | undefined = this.#root(family);
    while (node !== undefined && node.length <= prefix.length) {
      path.push(node);
      node = childTowards(node, bytes, prefix.length);
    }
    const last = path.at(-1)!;
    return last.length === prefix.length && leadsTo(bytes, last) ? path : [];
  }
}

function newNode<V>(bytes: Uint8Array, length: number): Node<V> {
  return { bytes, length, entry: undefined, zero: undefined, one: undefined };
}

function childAt<V>(node: Node<V>, side: 0 | 1): Node<V> | undefined {
  return side === 0 ? node.zero : node.one;
}

/** @returns the child. */
function setChild<V, C extends Node<V> | undefined>(node: Node<V>, side: 0 | 1, child: C): C {
  if (side === 0) node.zero = child;
  else node.one = child;
  return child;
}

/** An edge skips bits, so that the child may be elsewhere: what is found at last is to be compared. */
function childTowards<V>(node: Node<V>, bytes: Uint8Array, limit: number): Node<V> | undefined {
  return node.length < limit ? childAt(node, bitAt(bytes, node.length)) : undefined;
}

/** Whether the node is on the way to `bytes`; then those above it are, too. */
function leadsTo<V>(bytes: Uint8Array, node: Node<V>): boolean {
  return commonBits(bytes, node.bytes, node.length) === node.length;
}

function bitAt(bytes: Uint8Array, bit: number): 0 | 1 {
  return ((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1) as 0 | 1;
}

function* below<V>(node: Node<V>): Generator<TrieEntry<V>, void, undefined> {
  if (node.entry !== undefined) yield node.entry;
  if (node.zero !== undefined) yield* below(node.zero);
  if (node.one !== undefined) yield* below(node.one);
}
