/** `node status`: this node's BGP sessions, in calicoctl's table. */
import type { AgentStatus, SessionStatus } from '../inspect/agent-status.ts';
import { formatBox } from '../text-table.ts';

const COLUMNS = ['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'INFO'];
const DAY_MS = 86_400_000;

export function nodeStatusText(status: AgentStatus, now: number): string {
  return [
    `Tortie ${status.version} runs as node ${status.node}, AS ${status.asNumber}.`,
    ...status.notReady.map((reason) => `Not ready: ${reason}`),
    ...status.problems.map((problem) => `Problem: ${problem}`),
    ...(status.udpTunnel ? [udpTunnelText(status.udpTunnel)] : []),
    '',
    ...([4, 6] as const).flatMap((family) => [
      `IPv${family} BGP status`,
      table(
        status.sessions.filter((session) => session.address.includes(':') === (family === 6)),
        `No IPv${family} peers found.`,
        now,
      ),
      '',
    ]),
  ]
    .join('\n')
    .trimEnd();
}

/** `UDP tunnel: 12 packets sent, 10 received; dropped: 2 receive_no_node`, in the forwarder's own names. */
function udpTunnelText(counters: Readonly<Record<string, number>>): string {
  const dropped = Object.entries(counters)
    .filter(([name, count]) => count > 0 && /^(send|receive)_/.test(name))
    .map(([name, count]) => `${count} ${name}`);
  const { sent = 0, received = 0 } = counters;
  const passed = `UDP tunnel: ${sent} packets sent, ${received} received`;
  return dropped.length === 0 ? passed : `${passed}; dropped: ${dropped.join(', ')}`;
}

function table(sessions: readonly SessionStatus[], none: string, now: number): string {
  if (sessions.length === 0) return none;
  return formatBox(
    COLUMNS,
    sessions.map((session) => [
      session.address,
      session.type,
      session.state === 'Established' ? 'up' : 'start',
      since(session.since, now),
      session.state === 'Established' || !session.lastError
        ? session.state
        : `${session.state}: ${session.lastError}`,
    ]),
  );
}

/** The time of day; the date where that was not today. As BIRD prints it, in the machine's time zone. */
function since(at: number, now: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString();
  return now - at < DAY_MS ? date.slice(11, 19) : date.slice(0, 10);
}
