/**
 * What no route of ours may do to the node, whoever asks for it. A peer that announces the nodes' own
 * subnet would otherwise take down the very sessions that brought the route.
 */

import {
  type Address,
  containsPrefix,
  equalPrefixes,
  familyBits,
  formatAddress,
  formatPrefix,
  formatZonedAddress,
  isLinkLocal,
  type Prefix,
  type PrefixTrie,
  parsePrefix,
  type ZonedAddress,
} from 'net-ipaddr';
import type { Refusal, RefusalRule, UnderlayRoute } from './route.ts';

/** What the guards look at. */
export interface Surroundings {
  /** One entry (/32, /128) an address of any node. */
  readonly nodeAddresses: PrefixTrie<true>;
  readonly underlay: PrefixTrie<UnderlayRoute>;
  readonly localBlocks: PrefixTrie<true>;
}

type Guard = readonly [
  rule: RefusalRule,
  objection: (prefix: Prefix, around: Surroundings) => string | undefined,
];

/** For every route, a pod's and a block's included. */
export const forEveryRoute: Guard = ['covers a node address', coversNodeAddress];

/** In the order in which a refusal is explained. */
export const forRoutesElsewhere: readonly Guard[] = [
  ['is no network to route to', hasNoUnicastMeaning],
  forEveryRoute,
  ['displaces a connected route', displacesConnectedRoute],
  ['shadows a local block', shadowsLocalBlock],
];

/** A node may be the peer: then this is how it is to be reached. */
export const forPeerRoutes: readonly Guard[] = [
  ['is no network to route to', hasNoUnicastMeaning],
  ['displaces a connected route', displacesConnectedRoute],
  ['shadows a local block', shadowsLocalBlock],
];

export function firstObjection(
  guards: readonly Guard[],
  prefix: Prefix,
  around: Surroundings,
): Refusal | undefined {
  for (const [rule, objection] of guards) {
    const reason = objection(prefix, around);
    if (reason !== undefined) return { prefix, rule, reason };
  }
  return undefined;
}

/** Why the next hops can't be programmed; undefined when they can. */
export function objectionToNextHops(
  prefix: Prefix,
  nextHops: readonly ZonedAddress[],
): Refusal | undefined {
  for (const nextHop of nextHops) {
    const fault = faultOfNextHop(prefix, nextHop);
    if (fault === undefined) continue;
    const reason = `${formatPrefix(prefix)} via ${formatZonedAddress(nextHop)}: ${fault}`;
    return { prefix, rule: 'has an unusable next hop', reason };
  }
  return undefined;
}

/** BGP, which is told so too, has no such route for long. */
export function unresolved(prefix: Prefix, nextHops: readonly ZonedAddress[]): Refusal {
  const hops = nextHops.map(formatZonedAddress).join(', ');
  const reason = `${formatPrefix(prefix)} via ${hops}: no route of the host itself leads there`;
  return { prefix, rule: 'has an unusable next hop', reason };
}

/** Either is known by its interface. */
export function twoPods(prefix: Prefix, owner: string, other: string): Refusal {
  const reason =
    `${formatPrefix(prefix)} is claimed by the pods behind ${owner} and ` +
    `${other}; the newer, ${owner}, has it`;
  return { prefix, rule: 'address of two pods', reason };
}

export function localPod(prefix: Prefix, hostInterface: string): Refusal {
  const reason =
    `${formatPrefix(prefix)} is announced by another node, and is the address of the pod behind ` +
    `${hostInterface} here`;
  return { prefix, rule: 'belongs to a local pod', reason };
}

/** Loopback, link-local, multicast: RFC 6890, RFC 4291. The kernel takes most of them for IPv4. */
const NOT_ROUTED = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4'],
  ...['::/127', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'],
].map(parsePrefix);

/** 169.254.0.0/16 holds the gateway of our own pods and, in a cloud, the node's metadata service. */
function hasNoUnicastMeaning(prefix: Prefix): string | undefined {
  const outer = NOT_ROUTED.find((special) => containsPrefix(special, prefix));
  return outer && `${formatPrefix(prefix)} lies in ${formatPrefix(outer)}, which is never routed`;
}

/**
 * A default route may "cover" every node and harm none, as long as something longer that isn't ours
 * still carries each node's address: the connected subnet, mostly. So the question is whether this
 * route would be the one by which a node is reached.
 */
function coversNodeAddress(prefix: Prefix, around: Surroundings): string | undefined {
  for (const node of around.nodeAddresses.covered(prefix)) {
    const underneath = around.underlay.match(node.prefix.address);
    if (underneath !== undefined && underneath.prefix.length > prefix.length) continue;
    return (
      `${formatPrefix(prefix)} holds the node address ${formatAddress(node.prefix.address)}, ` +
      'which no longer route of the host carries: traffic to that node would follow it'
    );
  }
  return undefined;
}

function displacesConnectedRoute(prefix: Prefix, around: Surroundings): string | undefined {
  return around.underlay.get(prefix)?.isConnected
    ? `${formatPrefix(prefix)} is a network that this host is connected to`
    : undefined;
}

/**
 * A block's addresses are this node's, so a part of it is not routed elsewhere. Single addresses are
 * let through: another node may have borrowed one, and says so with a /32 or /128.
 */
function shadowsLocalBlock(prefix: Prefix, around: Surroundings): string | undefined {
  const isHost = prefix.length === familyBits(prefix.address.family);
  for (const block of around.localBlocks.covering(prefix)) {
    if (isHost && !equalPrefixes(block.prefix, prefix)) continue;
    return `${formatPrefix(prefix)} lies in ${formatPrefix(block.prefix)}, a block of this node`;
  }
  return undefined;
}

/** IPv4 by an IPv6 router is RFC 8950, and the kernel's RTA_VIA. */
function faultOfNextHop(prefix: Prefix, nextHop: ZonedAddress): string | undefined {
  if (prefix.address.family === 6 && nextHop.family === 4) return 'IPv6 has no way over IPv4';
  if (isUnspecified(nextHop)) return 'that is no address to send to';
  if (isLinkLocal(nextHop) && nextHop.zone === undefined) {
    return 'a link-local next hop says nothing without its interface';
  }
  return undefined;
}

function isUnspecified(address: Address): boolean {
  return address.bytes.every((byte) => byte === 0);
}
