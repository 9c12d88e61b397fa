/** By which handle IPAM keeps what an attachment holds. Pure. */
import type { Attachment, Conf } from './protocol.ts';

/**
 * As Calico names it, so that both can release what the other assigned. Of a container that another plugin wires,
 * each interface has a handle of its own: it may have several of one network, with an address each.
 */
export function handleOf(
  { name, delegatedBy }: Pick<Conf, 'name' | 'delegatedBy'>,
  { containerID, ifname }: Attachment,
): string {
  const ofContainer = `${name}.${containerID}`;
  return delegatedBy === undefined ? ofContainer : `${ofContainer}.${ifname}`;
}
