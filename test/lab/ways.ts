/** Which way packets go from one node's pods to another's: what its kernel says, and what its tunnels counted. */
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { onePodANode } from './lab-with-pods.ts';

const PINGS = 20;
const TUNNEL = /^(vxlan|udp)/;

/**
 * From a pod of the first node to each address of one of each other: the route that the node's kernel chooses, and the
 * tunnel into which as many packets went as were sent.
 */
export async function ways(lab: Lab, pods: readonly LabPod[]): Promise<string[]> {
  const [from, ...others] = onePodANode(pods) as [LabPod, ...LabPod[]];
  const found: string[] = [];
  for (const address of others.flatMap((pod) => pod.addresses)) {
    const route = await lab.mustRun(from.node, ['ip', 'route', 'get', address]);
    const before = await packetsSent(lab, from.node);
    const ping = ['ping', '-n', '-q', '-i', '0.02', '-c', String(PINGS), '-W', '5', address];
    await lab.mustRun(from.node, ['ip', 'netns', 'exec', from.name, ...ping]);
    const after = await packetsSent(lab, from.node);
    const tunnels = [...after.keys()].filter(
      (name) => after.get(name)! - (before.get(name) ?? 0) >= PINGS,
    );
    const way = /(?:via \S+ )?dev \S+/.exec(route)![0];
    found.push(`${way}, ${tunnels.join(' and ') || 'no tunnel'}`);
  }
  return found;
}

/** Of a node, by tunnel. */
export async function packetsSent(lab: Lab, node: string): Promise<Map<string, number>> {
  const links: { ifname: string; stats64: { tx: { packets: number } } }[] = JSON.parse(
    await lab.mustRun(node, ['ip', '-j', '-s', 'link']),
  );
  return new Map(
    links
      .filter(({ ifname }) => TUNNEL.test(ifname))
      .map(({ ifname, stats64 }) => [ifname, stats64.tx.packets]),
  );
}
