/** The lab's pools with another encapsulation, as an admin applies it. */
import type { Lab } from '../../src/lab/lab.ts';

const POOLS = [
  { name: 'pods-ipv4', cidr: '10.244.0.0/16', blockSize: 26 },
  { name: 'pods-ipv6', cidr: 'fd44::/48', blockSize: 122 },
];

/** @param modes fields of IPPool; `ipipMode` is the IPv4 pool's alone, the other then has no tunnel. */
export async function setPoolModes(lab: Lab, modes: Record<string, string>): Promise<void> {
  const items = POOLS.map(({ name, ...spec }) => ({
    ...{ apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name } },
    spec: { ...spec, ...(name === 'pods-ipv6' && 'ipipMode' in modes ? {} : modes) },
  }));
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await lab.mustRun('api', ['tortiectl', 'apply', '-f', '-'], list);
}
