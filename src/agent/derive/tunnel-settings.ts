/** What FelixConfiguration says of tunnels. Pure. */
import type { TunnelSettings } from '../../../felix/felix.ts';
import type { FelixSettings } from './felix-configuration.ts';

/** Calico's own. */
const DEFAULT_PORT = 4789;
const DEFAULT_VNI = 4096;

export function deriveTunnelSettings(felix: FelixSettings): TunnelSettings {
  return {
    vxlan: {
      vni: felix.vxlanVNI ?? DEFAULT_VNI,
      port: felix.vxlanPort ?? DEFAULT_PORT,
      mtu: { ...mtuOf(4, felix.vxlanMTU), ...mtuOf(6, felix.vxlanMTUV6) },
    },
    ipip: { mtu: felix.ipipMTU || undefined },
  };
}

/** 0 means: made of the underlay's. */
function mtuOf(family: 4 | 6, mtu: number | undefined): { 4?: number; 6?: number } {
  return mtu ? { [family]: mtu } : {};
}
