import { nodeStatusText } from '../../src/ctl/node-status.ts';
import type { AgentStatus } from '../../src/inspect/agent-status.ts';

const NOW = new Date(2026, 4, 5, 12, 0, 0).getTime();

const status: AgentStatus = {
  node: 'node1',
  version: '0.1.0',
  asNumber: 64512,
  startedAt: NOW,
  convergedAt: NOW,
  notReady: [],
  knownNodes: ['node1', 'node2'],
  sessions: [
    {
      address: '172.17.8.102',
      port: 179,
      type: 'node-to-node mesh',
      remoteAs: 64512,
      state: 'Established',
      since: new Date(2026, 4, 5, 11, 30, 4).getTime(),
      lastError: undefined,
      received: 1,
      advertised: 1,
    },
    {
      address: '172.17.8.103',
      port: 179,
      type: 'global',
      remoteAs: 65000,
      state: 'Active',
      since: new Date(2026, 3, 1, 11, 30, 4).getTime(),
      lastError: 'connect ECONNREFUSED',
      received: 0,
      advertised: 0,
    },
  ],
  blocks: [],
  endpoints: [],
  problems: [],
};

test('calicoctl’s table, a family each', () => {
  expect(nodeStatusText(status, NOW)).toBe(
    `Tortie 0.1.0 runs as node node1, AS 64512.

IPv4 BGP status
+--------------+-------------------+-------+------------+------------------------------+
| PEER ADDRESS |     PEER TYPE     | STATE |   SINCE    |             INFO             |
+--------------+-------------------+-------+------------+------------------------------+
| 172.17.8.102 | node-to-node mesh | up    | 11:30:04   | Established                  |
| 172.17.8.103 | global            | start | 2026-04-01 | Active: connect ECONNREFUSED |
+--------------+-------------------+-------+------------+------------------------------+

IPv6 BGP status
No IPv6 peers found.`,
  );
});

test('of a UDP tunnel what it carried, and what it dropped and why', () => {
  const udpTunnel = { sent: 12, received: 10, segmented: 4, receive_no_node: 2, send_failed: 0 };
  const [, line] = nodeStatusText({ ...status, udpTunnel }, NOW).split('\n');
  expect(line).toBe('UDP tunnel: 12 packets sent, 10 received; dropped: 2 receive_no_node');
});
