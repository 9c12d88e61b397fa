/** FelixConfiguration: `default`, and `node.<name>` over it, field by field. Pure. */
import { FelixConfiguration } from '../../../api/index.ts';
import { readable } from './cluster.ts';

export type FelixSettings = NonNullable<FelixConfiguration['spec']>;

/** What we act on. The rest is kept in the resource. */
const HONOURED = [
  ...['vxlanMTU', 'vxlanMTUV6', 'ipipMTU', 'vxlanPort', 'vxlanVNI'],
  ...['natPortRange', 'natOutgoingAddress', 'natOutgoingExclusions'],
  ...['deviceRouteProtocol', 'ipv4NormalRoutePriority', 'ipv6NormalRoutePriority'],
  ...['routeRefreshInterval', 'programClusterRoutes'],
];

export function readFelixConfiguration(
  configurations: readonly FelixConfiguration[],
  nodeName: string,
  problems: string[],
): FelixSettings {
  const settings: FelixSettings = {};
  for (const name of ['default', `node.${nodeName}`]) {
    const found = configurations.find(({ metadata }) => metadata.name === name);
    const spec = found && readable(FelixConfiguration, found, problems)?.spec;
    if (spec === undefined) continue;
    Object.assign(settings, spec);
    const idle = Object.keys(spec).filter((field) => !HONOURED.includes(field));
    if (idle.length > 0)
      problems.push(
        `FelixConfiguration "${name}": kept, and without effect in this version: ${idle.join(', ')}`,
      );
  }
  return settings;
}
