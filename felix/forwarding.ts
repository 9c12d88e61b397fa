/** Whether the host forwards packets. Where nobody turned that on the kernel drops whatever is not for itself. */

import type { Log } from '../ports.ts';
import type { Kernel } from './kernel.ts';
import { TABLE } from './ours.ts';

const IPV4 = 'net/ipv4/ip_forward';
const IPV6 = 'net/ipv6/conf/all/forwarding';

/** RTPROT_RA: a router advertised it. */
const ADVERTISED = 9;

/**
 * Turns it on where it is off: without it pods reach nobody. What is on is not written again, which would reset
 * other sysctls.
 * @throws NodeJS.ErrnoException where a sysctl can't be written, NetlinkError
 */
export async function enableForwarding(
  kernel: Pick<Kernel, 'host' | 'sysctls'>,
  log: Log,
): Promise<void> {
  const { sysctls } = kernel;
  // Absent: this kernel has no IPv6.
  const isOff = (key: string) => !['1', undefined].includes(sysctls.read(key));
  if (isOff(IPV6)) await heedRouters(kernel, log);
  for (const sysctl of [IPV4, IPV6]) {
    if (!isOff(sysctl)) continue;
    sysctls.write({ [sysctl]: 1 });
    log.info({ sysctl }, 'IP forwarding was off: pods would reach nobody');
  }
}

/**
 * A host that forwards takes itself for a router, and drops the default route that another advertised
 * (RFC 4861 §6.2.8), unless accept_ra is 2.
 */
async function heedRouters({ host, sysctls }: Pick<Kernel, 'host' | 'sysctls'>, log: Log) {
  const advertised = await host.routes({ family: 6, table: TABLE, protocol: ADVERTISED });
  for (const { oif = 0 } of advertised) {
    const sysctl = `net/ipv6/conf/${host.link(oif)?.name}/accept_ra`;
    if (sysctls.read(sysctl) !== '1') continue;
    sysctls.write({ [sysctl]: 2 });
    log.info({ sysctl }, 'a router’s advertisements count here, though the host forwards');
  }
}
