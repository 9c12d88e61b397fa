/** A lab's pools with another encapsulation, as an admin applies it, and TCP between pods meanwhile. */
import type { Lab } from '../../src/lab/lab.ts';
import type { LabPod } from '../../src/lab/pods.ts';
import { ipRoutes } from '../ip-routes.ts';
import { onePodANode, within } from './lab-with-pods.ts';
import { type Transfer, transfersDuring } from './transfer.ts';

export const IPV4_POOL = { name: 'pods-ipv4', cidr: '10.244.0.0/16', blockSize: 26 };
export const IPV6_POOL = { name: 'pods-ipv6', cidr: 'fd44::/48', blockSize: 122 };
const POOLS = [IPV4_POOL, IPV6_POOL];

/** Fields of IPPool, and by which devices the routes then lead to other nodes. */
const VXLAN = [{ vxlanMode: 'Always' }, /^vxlan/] as const;
const UDP = [{ udpMode: 'Always' }, /^udp/] as const;
const NONE = [{}, /^eth1/] as const;

/** From no encapsulation on, and back to it: together each to each other. */
export const TO_VXLAN_FIRST = [VXLAN, UDP, NONE];
export const TO_UDP_FIRST = [UDP, VXLAN, NONE];

const SWITCH_DEADLINE_MS = 30_000;

/** @param modes fields of IPPool; `ipipMode` is the IPv4 pool's alone, the other then has no tunnel. */
export async function setPoolModes(
  lab: Lab,
  modes: Record<string, string>,
  pools: readonly (typeof IPV4_POOL)[] = POOLS,
): Promise<void> {
  const items = pools.map(({ name, ...spec }) => ({
    ...{ apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name } },
    spec: { ...spec, ...(name === IPV6_POOL.name && 'ipipMode' in modes ? {} : modes) },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await lab.mustRun('api', ['tortiectl', 'apply', '-f', '-'], list);
}

/**
 * Takes the pools from one mode to the next, while a pod of the first node sends to one of each other.
 * @returns of each transfer what became of it: UNBROKEN, or what is wrong
 */
export async function transfersThroughModes(
  lab: Lab,
  pods: readonly LabPod[],
  order: typeof TO_VXLAN_FIRST,
  longestStallMs: number,
  pools: readonly (typeof IPV4_POOL)[] = POOLS,
): Promise<string[]> {
  const [from, ...others] = onePodANode(pods);
  const routes = others.flatMap((to) =>
    to.addresses.map((address) => ({ from: from!, to, address })),
  );
  const nodes = [from!, ...others].map(({ node }) => node);
  const transfers = await transfersDuring(lab, routes, async () => {
    for (const [modes, device] of order) {
      await setPoolModes(lab, modes, pools);
      const areAll = async () =>
        (await Promise.all(nodes.map((node) => isBy(lab, node, device, routes.length)))).every(
          Boolean,
        );
      if (!(await within(SWITCH_DEADLINE_MS, areAll)))
        throw new Error(`${JSON.stringify(modes)}: after 30 s not all routes are by ${device}`);
    }
  });
  return transfers.map((transfer) => verdictOf(transfer, longestStallMs));
}

/** All routes of a node to other nodes' blocks lead into such a device, and there is no other tunnel. */
async function isBy(lab: Lab, node: string, device: RegExp, blocks: number): Promise<boolean> {
  const show = 'ip route show proto 80; ip -6 route show proto 80; ip -br link';
  const shown = await lab.mustRun(node, ['sh', '-c', show]);
  const ways = [
    ...ipRoutes(shown)
      .join('\n')
      .matchAll(/^\S+\/(?:26|122) .*\bdev (\S+)/gm),
  ].map(([, way]) => way!);
  const tunnels = [...shown.matchAll(/^(?:vxlan|udp)\S*/gm)].map(([name]) => name);
  return ways.length === blocks && [...ways, ...tunnels].every((name) => device.test(name));
}

export const UNBROKEN = 'whole, and never still for longer';

function verdictOf({ name, isWhole, stallMs }: Transfer, longestStallMs: number): string {
  if (!isWhole) return `${name}: not whole`;
  return stallMs > longestStallMs ? `${name}: nothing came for ${stallMs} ms` : UNBROKEN;
}
