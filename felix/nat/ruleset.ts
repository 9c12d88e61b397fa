/**
 * Our table of nftables, as text: written in one transaction, and read back in the same words.
 *
 * It holds what a pod may send as (its interface must be the way back to the source, or the source one
 * that its annotation allows), and which traffic leaves the node with the node's address (natOutgoing).
 */

import {
  type Address,
  aggregate,
  type Family,
  familyBits,
  formatAddress,
  formatPrefix,
  hostPrefix,
  type Prefix,
} from 'net-ipaddr';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';

export const TABLE_NAME = 'tortie';
/** Family and name of the table that is ours; we touch no other. */
export const TABLE = `inet ${TABLE_NAME}`;

const FAMILIES: readonly Family[] = [4, 6];

export interface NatSettings {
  /** Of pods: whatever goes from one of these to another keeps its source. */
  readonly pools: readonly Prefix[];
  /** Those of the pools whose pods reach the world with an address of the node. */
  readonly outgoing: readonly Prefix[];
  /** Addresses outside the pools to which pods send with their own all the same. */
  readonly exclusions: readonly Address[];
  /** Ports, both included, that TCP and UDP are given. @default the kernel's choice */
  readonly ports?: { readonly first: number; readonly last: number } | undefined;
  /** The source in place of the outgoing interface's own, for traffic of its family. */
  readonly address?: Address | undefined;
  /** UDP port to which no pod may send: with the node's address it would pass for the node's own tunnel, and be answered in its place. */
  readonly tunnelPort?: number | undefined;
}

export const NO_NAT: NatSettings = { pools: [], outgoing: [], exclusions: [] };

/** Sources that pods may use besides their addresses, by host interface. */
export type AllowedSources = ReadonlyMap<string, readonly Prefix[]>;

/** The whole table. Equal inputs, in whatever order, give equal texts; pools that come and go change elements only. */
export function ruleset(nat: NatSettings, sources: AllowedSources): string {
  return block(`table ${TABLE}`, [
    ...FAMILIES.flatMap((family) => sets(family, nat, sources)),
    // Before connection tracking: a forged packet leaves no trace. `fib` finds the interface that
    // leads back to the source, so that nothing is to be written here when a pod comes or goes.
    ...block('chain pod_sources', [
      'type filter hook prerouting priority raw; policy accept;',
      `iifname != "${WORKLOAD_INTERFACE_PREFIX}*" accept`,
      ...(nat.tunnelPort === undefined ? [] : [`udp dport ${nat.tunnelPort} drop`]),
      ...FAMILIES.map((family) => `iifname . ${ip(family)} saddr @allowed_sources${family} accept`),
      'fib saddr . iif oif missing drop',
    ]),
    // A chain of NAT has every connection tracked: not where nobody needs it.
    ...(nat.outgoing.length === 0
      ? []
      : block('chain nat_outgoing', [
          'type nat hook postrouting priority srcnat; policy accept;',
          ...FAMILIES.flatMap((family) => outgoing(family, nat)),
        ])),
  ]).join('\n');
}

/** Replaces the table, whatever it holds, in one transaction. Connections keep their translation. */
export function replacing(table: string): string {
  return `table ${TABLE}\ndelete table ${TABLE}\n${table}\n`;
}

/** One form for texts that say the same: nft breaks lines and orders elements as it likes. */
export function normalized(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/elements = \{([^}]*)\}/g, (_, elements: string) => {
      const sorted = elements
        .split(',')
        .map((element) => element.trim())
        .sort();
      return `elements = { ${sorted.join(', ')} }`;
    })
    .trim();
}

/** `set NAME { type … flags … elements = { … } }`, of which the elements may be missing. */
const SET = /set (\S+) \{ ([^{}=]*)(?:elements = \{ ([^}]*) \} )?\}/g;

/**
 * What makes `listed` into `desired`, both normalized, where they differ in nothing but elements of sets: then
 * no chain leaves its hook. In one transaction, as `replacing`.
 * @returns undefined where more is to change.
 */
export function changingElements(listed: string, desired: string): string | undefined {
  const bare = (text: string) => text.replaceAll(SET, 'set $1 { $2}');
  if (bare(listed) !== bare(desired)) return undefined;
  const elementsOf = (text: string) =>
    new Map(Array.from(text.matchAll(SET), ([, name, , elements]) => [name!, elements]));
  const before = elementsOf(listed);
  return [...elementsOf(desired)]
    .filter(([name, elements]) => elements !== before.get(name))
    .flatMap(([name, elements]) => [
      `flush set ${TABLE} ${name}`,
      ...(elements === undefined ? [] : [`add element ${TABLE} ${name} { ${elements} }`]),
    ])
    .join('\n');
}

function sets(family: Family, nat: NatSettings, sources: AllowedSources): string[] {
  const address = `ipv${family}_addr`;
  const allowed = [...sources].flatMap(([name, prefixes]) =>
    ofFamily(family, prefixes).map((prefix) => `"${name}" . ${element(prefix)}`),
  );
  const inside = [...nat.pools, ...nat.exclusions.map(hostPrefix)];
  return [
    ...set(`allowed_sources${family}`, `ifname . ${address}`, allowed),
    ...set(`outgoing${family}`, address, ofFamily(family, nat.outgoing).map(element)),
    ...set(`inside${family}`, address, ofFamily(family, inside).map(element)),
  ];
}

function outgoing(family: Family, nat: NatSettings): string[] {
  const match = `${ip(family)} saddr @outgoing${family} ${ip(family)} daddr != @inside${family}`;
  return translations(family, nat).map((action) => `${match} ${action}`);
}

function translations(family: Family, { address, ports }: NatSettings): string[] {
  const isFixed = address?.family === family;
  const translate = isFixed ? `snat ${ip(family)}` : 'masquerade';
  const to = isFixed ? formatAddress(address) : '';
  const whatever = isFixed ? `${translate} to ${to}` : translate;
  if (ports === undefined) return [whatever];
  const host = isFixed && family === 6 ? `[${to}]` : to;
  const range = ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
  // Other protocols have no ports.
  return [`meta l4proto { tcp, udp } ${translate} to ${host}:${range}`, whatever];
}

function ip(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** The kernel refuses elements that overlap. */
function ofFamily(family: Family, prefixes: readonly Prefix[]): Prefix[] {
  return aggregate(prefixes.filter(({ address }) => address.family === family));
}

function set(name: string, type: string, elements: readonly string[]): string[] {
  return block(`set ${name}`, [
    `type ${type}`,
    'flags interval',
    ...(elements.length === 0 ? [] : [`elements = { ${elements.join(', ')} }`]),
  ]);
}

function element(prefix: Prefix): string {
  const isHost = prefix.length === familyBits(prefix.address.family);
  return isHost ? formatAddress(prefix.address) : formatPrefix(prefix);
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `\t${line}`), '}'];
}
