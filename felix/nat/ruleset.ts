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

/** Family and name of the table that is ours; we touch no other. */
export const TABLE = 'inet tortie';

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

/** The whole table. Equal inputs, in whatever order, give equal texts. */
export function ruleset(nat: NatSettings, sources: AllowedSources): string {
  const families = ([4, 6] as const).map((family) => familyRules(family, nat, sources));
  const sets = families.flatMap((one) => one.sets);
  const allowed = families.flatMap((one) => one.allowed);
  const outgoing = families.flatMap((one) => one.outgoing);
  return block(`table ${TABLE}`, [
    ...sets,
    // Before connection tracking: a forged packet leaves no trace. `fib` finds the interface that
    // leads back to the source, so that nothing is to be written here when a pod comes or goes.
    ...block('chain pod_sources', [
      'type filter hook prerouting priority raw; policy accept;',
      `iifname != "${WORKLOAD_INTERFACE_PREFIX}*" accept`,
      ...(nat.tunnelPort === undefined ? [] : [`udp dport ${nat.tunnelPort} drop`]),
      ...allowed,
      'fib saddr . iif oif missing drop',
    ]),
    ...(outgoing.length === 0
      ? []
      : block('chain nat_outgoing', [
          'type nat hook postrouting priority srcnat; policy accept;',
          ...outgoing,
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

interface FamilyRules {
  sets: string[];
  allowed: string[];
  outgoing: string[];
}

function familyRules(family: Family, nat: NatSettings, sources: AllowedSources): FamilyRules {
  const ip = family === 4 ? 'ip' : 'ip6';
  const type = `ipv${family}_addr`;
  const rules: FamilyRules = { sets: [], allowed: [], outgoing: [] };
  const allowed = [...sources].flatMap(([name, prefixes]) =>
    ofFamily(family, prefixes).map((prefix) => `"${name}" . ${element(prefix)}`),
  );
  if (allowed.length > 0) {
    rules.sets.push(...set(`allowed_sources${family}`, `ifname . ${type}`, allowed));
    rules.allowed.push(`iifname . ${ip} saddr @allowed_sources${family} accept`);
  }
  const outgoing = ofFamily(family, nat.outgoing);
  if (outgoing.length > 0) {
    const inside = ofFamily(family, [...nat.pools, ...nat.exclusions.map(hostPrefix)]);
    rules.sets.push(...set(`outgoing${family}`, type, outgoing.map(element)));
    rules.sets.push(...set(`inside${family}`, type, inside.map(element)));
    const match = `${ip} saddr @outgoing${family} ${ip} daddr != @inside${family}`;
    rules.outgoing.push(...translations(family, nat).map((action) => `${match} ${action}`));
  }
  return rules;
}

function translations(family: Family, { address, ports }: NatSettings): string[] {
  const isFixed = address?.family === family;
  const translate = isFixed ? `snat ${family === 4 ? 'ip' : 'ip6'}` : 'masquerade';
  const to = isFixed ? formatAddress(address) : '';
  const whatever = isFixed ? `${translate} to ${to}` : translate;
  if (ports === undefined) return [whatever];
  const host = isFixed && family === 6 ? `[${to}]` : to;
  const range = ports.first === ports.last ? `${ports.first}` : `${ports.first}-${ports.last}`;
  // Other protocols have no ports.
  return [`meta l4proto { tcp, udp } ${translate} to ${host}:${range}`, whatever];
}

/** The kernel refuses elements that overlap. */
function ofFamily(family: Family, prefixes: readonly Prefix[]): Prefix[] {
  return aggregate(prefixes.filter(({ address }) => address.family === family));
}

function set(name: string, type: string, elements: readonly string[]): string[] {
  return block(`set ${name}`, [
    `type ${type}`,
    'flags interval',
    `elements = { ${elements.join(', ')} }`,
  ]);
}

function element(prefix: Prefix): string {
  const isHost = prefix.length === familyBits(prefix.address.family);
  return isHost ? formatAddress(prefix.address) : formatPrefix(prefix);
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `\t${line}`), '}'];
}
