/** FelixConfiguration: what of it is honoured, and that the rest is kept without effect. Pure. */
import { FelixConfiguration } from '../../../api/index.ts';
import type { TunnelSettings } from '../../../felix/felix.ts';
import { readable } from './cluster.ts';

const HONOURED = ['vxlanMTU', 'vxlanMTUV6', 'ipipMTU', 'vxlanPort', 'vxlanVNI'];

/** Calico's own. */
const DEFAULT_PORT = 4789;
const DEFAULT_VNI = 4096;

/** `default`, with `node.<name>` over it field by field. */
export function readTunnelSettings(
  configurations: readonly FelixConfiguration[],
  nodeName: string,
  problems: string[],
): TunnelSettings {
  const spec: NonNullable<FelixConfiguration['spec']> = {};
  for (const name of ['default', `node.${nodeName}`]) {
    const found = configurations.find(({ metadata }) => metadata.name === name);
    const read = found && readable(FelixConfiguration, found, problems)?.spec;
    if (read === undefined) continue;
    Object.assign(spec, read);
    const idle = Object.keys(read).filter((field) => !HONOURED.includes(field));
    if (idle.length > 0)
      problems.push(
        `FelixConfiguration "${name}": kept, and without effect in this version: ${idle.join(', ')}`,
      );
  }
  return {
    vxlan: {
      vni: spec.vxlanVNI ?? DEFAULT_VNI,
      port: spec.vxlanPort ?? DEFAULT_PORT,
      mtu: { ...mtuOf(4, spec.vxlanMTU), ...mtuOf(6, spec.vxlanMTUV6) },
    },
    ipip: { mtu: spec.ipipMTU || undefined },
  };
}

/** 0 means: made of the underlay's. */
function mtuOf(family: 4 | 6, mtu: number | undefined): { 4?: number; 6?: number } {
  return mtu ? { [family]: mtu } : {};
}
