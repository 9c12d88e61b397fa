/** A VXLAN device (RFC 7348) as Calico has it: told of each peer, it never learns. */

import { equalAddresses } from 'net-ipaddr';
import type { Vxlan } from 'rtnetlink-ts';
import type { VxlanTunnel } from '../calc/tunnels.ts';
import type { Underlay } from './underlay.ts';

export function vxlanKind({ local, port, vni: id }: VxlanTunnel, underlay: Underlay): Vxlan {
  const bound = underlay.index === undefined ? {} : { device: underlay.index };
  return { kind: 'vxlan', id, local, port, learning: false, ...bound };
}

/** Nothing of this can be changed on a device that exists. */
export function fitsVxlan(actual: Vxlan, desired: Vxlan): boolean {
  return (
    actual.id === desired.id &&
    actual.port === desired.port &&
    actual.learning === desired.learning &&
    actual.device === desired.device &&
    actual.local !== undefined &&
    equalAddresses(actual.local, desired.local!)
  );
}
