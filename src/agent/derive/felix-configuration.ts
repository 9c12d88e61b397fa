/** FelixConfiguration: `default`, and `node.<name>` over it, field by field. Pure. */
import { describeProblem, FelixConfiguration, validate } from '../../../api/index.ts';
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
    const spec = found && readFields(found, problems);
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

/** A field that is malformed counts as absent: with the others, VXLAN's port and VNI say, would go all that they hold up. */
function readFields(
  configuration: FelixConfiguration,
  problems: string[],
): FelixSettings | undefined {
  const found = validate(FelixConfiguration, configuration);
  problems.push(...found.map((problem) => describeProblem(configuration, problem)));
  const malformed = found.flatMap(({ path }) => /^spec\.(\w+)/.exec(path)?.[1] ?? []);
  if (malformed.length < found.length) return undefined;
  const fields = Object.entries(configuration.spec ?? {});
  const spec = Object.fromEntries(fields.filter(([field]) => !malformed.includes(field)));
  return readable(FelixConfiguration, { ...configuration, spec }, [])?.spec;
}
