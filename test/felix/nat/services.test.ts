/**
 * Whose address a server sees, where another program translates destinations, as kube-proxy does for services:
 * the real nftables, in network namespaces of its own. Needs root.
 */

import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import type { Family } from 'net-ipaddr';
import { openTcp } from 'rtnetlink-ts';
import type { Felix } from '../../../felix/felix.ts';
import { eventually, type TestNamespace } from '../namespace.ts';
import { TestLog } from '../ports.ts';
import { type NatStage, startNatStage } from './stage.ts';

const exec = promisify(execFile);
const PORT = 8080;

/** The node's port 30080 and a service lead to pod b, another service to a server outside. */
const KUBE_PROXY = `table inet kube {
  chain services {
    ip daddr { 192.0.2.1, 10.96.0.2 } tcp dport 30080 dnat ip to 10.60.0.2:${PORT}
    ip daddr 10.96.0.9 tcp dport 30080 dnat ip to 192.0.2.9:${PORT}
    ip6 daddr { 2001:db8::1, fd96::2 } tcp dport 30080 dnat ip6 to [fd60::2]:${PORT}
    ip6 daddr fd96::9 tcp dport 30080 dnat ip6 to [2001:db8::9]:${PORT}
  }
  chain prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain output { type nat hook output priority -100; jump services; }
}`;

let stage: NatStage;
let felix: Felix;
const servers: Server[] = [];

beforeAll(async () => {
  stage = await startNatStage();
  const { b, host, kernel, outside } = stage;
  felix = stage.newFelix(kernel, new TestLog());
  // As distributions have it: what could be answered by another interface only is dropped.
  await host.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
  await stage.run(felix);
  await exec('nsenter', [`--net=${host.path}`, 'nft', KUBE_PROXY]);
  // The kernel looks for a way to a service before anybody translates it.
  await host.ip('route add default via 192.0.2.9');
  await host.ip('-6 route add default via 2001:db8::9');
  for (const netns of [b, host, outside])
    for (const family of [4, 6] as const) serve(netns, family);
}, 60_000);

afterAll(async () => {
  for (const server of servers) server.close();
  await felix.close();
  await stage.end();
});

/** Tells each who connects the address that it sees. */
function serve({ path: netns }: TestNamespace, family: Family): void {
  const server = createServer((socket) => socket.end(`${socket.remoteAddress}`));
  server.listen({ fd: openTcp({ netns, family, port: PORT }) });
  servers.push(server);
}

async function seenBy(from: TestNamespace, server: string, port: number): Promise<string> {
  const script = `exec 3<>/dev/tcp/${server}/${port} && cat <&3`;
  const args = [`--net=${from.path}`, 'timeout', '5', 'bash', '-c', script];
  const { stdout } = await exec('nsenter', args);
  return stdout;
}

test.each<[who: string, from: 'a' | 'b' | 'host' | 'outside', to: string, seen: string[]]>([
  [
    'a client outside, to a node port: its own',
    'outside',
    'node port',
    ['192.0.2.9', '2001:db8::9'],
  ],
  ['a pod, to a service of pods: its own', 'a', 'service', ['10.60.0.1', 'fd60::1']],
  ['a pod, to a node port of pods: its own', 'a', 'node port', ['10.60.0.1', 'fd60::1']],
  [
    'a pod, to a service outside the pools: the node’s',
    'a',
    'service outside',
    ['192.0.2.1', '2001:db8::1'],
  ],
  ['a pod, to another pod: its own', 'a', 'pod', ['10.60.0.1', 'fd60::1']],
  ['a pod, to its node: its own', 'a', 'node', ['10.60.0.1', 'fd60::1']],
  ['a pod, to another node: the node’s', 'a', 'outside', ['192.0.2.1', '2001:db8::1']],
  ['the node, to a pod: its own', 'host', 'pod', ['192.0.2.1', '2001:db8::1']],
  ['the node, to a service of pods: its own', 'host', 'service', ['192.0.2.1', '2001:db8::1']],
])('what a server sees of %s address', async (_, from, to, seen) => {
  const [servers, port]: [string[], number] = {
    'node port': [['192.0.2.1', '2001:db8::1'], 30_080],
    service: [['10.96.0.2', 'fd96::2'], 30_080],
    'service outside': [['10.96.0.9', 'fd96::9'], 30_080],
    pod: [['10.60.0.2', 'fd60::2'], PORT],
    node: [['192.0.2.1', '2001:db8::1'], PORT],
    outside: [['192.0.2.9', '2001:db8::9'], PORT],
  }[to]! as [string[], number];
  for (const [at, server] of servers.entries()) {
    let answer = '';
    await eventually(
      async () => {
        answer = await seenBy(stage[from], server, port).catch((error: Error) => error.message);
        return !answer.includes('Command failed');
      },
      () => answer,
    );
    expect(answer).toBe(seen[at]);
  }
});
