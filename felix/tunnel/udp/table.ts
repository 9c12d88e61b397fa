/** What the forwarder is told: a text whose form is in forwarder/table.h. Pure. */

import { formatAddress, formatPrefix } from 'net-ipaddr';
import type { UdpTunnel } from '../../calc/tunnels.ts';

/** What the forwarder must know, too: TABLE_FORMAT there. */
export const TABLE_FORMAT = 1;

/** @param tunnels of this node, at most one a family. */
export function forwarderTable(tunnels: readonly UdpTunnel[]): string {
  const lines = [`format ${TABLE_FORMAT}`];
  for (const { local, ways } of tunnels) {
    lines.push(`local ${formatAddress(local)}`);
    // A prefix that two nodes claim goes to the later, as its route does: the forwarder takes each only once.
    const nodes = new Map(ways.map(({ prefix, node }) => [formatPrefix(prefix), node]));
    for (const [prefix, node] of nodes) lines.push(`${prefix} ${formatAddress(node)}`);
  }
  return `${lines.join('\n')}\n`;
}
