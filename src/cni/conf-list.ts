/** The conf list as text, and which files of its folder runtimes read. Pure. */
import type { CniVersion } from './protocol.ts';

/** Runtimes use the first of the folder by name; Calico's and Flannel's begin with 10 too. */
export const CONF_LIST_FILE = '10-tortie.conflist';

/** Calico's: addresses that it assigned are found by it, and released by us. */
const NETWORK_NAME = 'k8s-pod-network';

/** What a runtime may ask of us: without these it keeps to itself what its users ask for. */
const OURS = { type: 'tortie', capabilities: { ips: true, mac: true } };

const CHAINED = {
  portmap: { type: 'portmap', snat: true, capabilities: { portMappings: true } },
  bandwidth: { type: 'bandwidth', capabilities: { bandwidth: true } },
};

export function confList(options: {
  cniVersion: CniVersion;
  /** In this order, after our own plugin. */
  chained: readonly (keyof typeof CHAINED)[];
}): string {
  const plugins = [OURS, ...options.chained.map((name) => CHAINED[name])];
  const content = { name: NETWORK_NAME, cniVersion: options.cniVersion, plugins };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** What libcni looks at. */
export function isConfFile(name: string): boolean {
  return /\.(conflist|conf|json)$/.test(name);
}
