/** What `tortie lab` prints of a running lab: sessions, blocks, routes, who reaches whom. Pure text. */
import { containsAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import type { AgentStatus } from '../inspect/agent-status.ts';
import { formatTable } from '../text-table.ts';
import type { LabPod, Ping } from './pods.ts';

export function sessionsReport(agents: readonly AgentStatus[]): string {
  const rows = agents.flatMap((agent) =>
    agent.sessions.map((session) => [
      agent.node,
      session.address,
      session.type,
      String(session.remoteAs),
      session.state,
      String(session.received),
      String(session.advertised),
    ]),
  );
  return formatTable(
    ['NODE', 'PEER ADDRESS', 'PEER TYPE', 'ASN', 'STATE', 'RECEIVED', 'SENT'],
    rows,
  );
}

export function blocksReport(agents: readonly AgentStatus[]): string {
  const rows = agents.flatMap((agent) =>
    agent.blocks.map((block) => [
      agent.node,
      block,
      agent.endpoints
        .flatMap(({ addresses }) => addresses.filter((one) => isIn(block, one)))
        .join(' '),
    ]),
  );
  return formatTable(['NODE', 'BLOCK', 'PODS'], rows);
}

function isIn(block: string, address: string): boolean {
  const prefix = parsePrefix(block);
  const parsed = parseAddress(address);
  return prefix.address.family === parsed.family && containsAddress(prefix, parsed);
}

/** One line a source pod, one column a target; each cell the IPv4 and the IPv6 time. */
export function pingReport(pods: readonly LabPod[], pings: readonly Ping[]): string {
  const rows = pods.map((from) => [
    from.name,
    ...pods.map((to) =>
      from === to
        ? '-'
        : pings
            .filter((ping) => ping.from === from && ping.to === to)
            .map(({ milliseconds }) =>
              milliseconds === undefined ? 'LOST' : milliseconds.toFixed(2),
            )
            .join(' '),
    ),
  ]);
  return formatTable(['ms', ...pods.map((pod) => pod.name)], rows);
}
