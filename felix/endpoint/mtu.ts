/** A live pod's MTU: both ends of its veth, which drop what is larger than the receiving end takes. */

import type { Operation } from 'rtnetlink-ts';
import type { Kernel } from '../kernel.ts';
import type { Endpoint } from './endpoint.ts';

/** @throws Error or NetlinkError when an end is not there, or is not what was wired. */
export function setMtu(kernel: Kernel, endpoint: Endpoint, mtu: number): void {
  const { hostInterface, ifname, sandbox } = endpoint;
  const host = kernel.host.link(hostInterface);
  if (host === undefined) throw new Error(`the host has no interface ${hostInterface}`);
  if (sandbox === undefined) throw new Error('where its namespace is was not written down');
  const pod = kernel.enter(sandbox);
  try {
    const link = pod.link(ifname);
    // The path is the runtime's, and may lead elsewhere by now.
    if (link?.peerIndex !== host.index || link.mac !== endpoint.mac)
      throw new Error(`${sandbox} is not the namespace of its ${ifname}`);
    const change = (index: number): Operation => ({ action: 'change', link: { index, mtu } });
    // Nobody is to send what the other end does not take yet, or takes no more.
    if (mtu < link.mtu) pod.change(change(link.index));
    kernel.host.change(change(host.index));
    pod.change(change(link.index));
  } finally {
    pod.close();
  }
}
