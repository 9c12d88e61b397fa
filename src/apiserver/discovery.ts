/** /api and /apis: which groups, versions and resources there are. kubectl begins with these. */
import type { Resources } from './resources.ts';
import { groupVersionOf } from './resources.ts';
import type { Served } from './served.ts';

/** The document at `path`, without a slash at its end; undefined when there is none. */
export function discover(resources: Resources, path: string): object | undefined {
  if (path === '/api')
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: namedGroups(resources) };
  const [, root, ...steps] = path.split('/');
  if (root === 'api' && steps.length === 1) return resourceList(resources, '', steps[0]!);
  if (root !== 'apis') return undefined;
  if (steps.length === 1) {
    const group = namedGroups(resources).find(({ name }) => name === steps[0]);
    return group && { kind: 'APIGroup', apiVersion: 'v1', ...group };
  }
  return steps.length === 2 ? resourceList(resources, steps[0]!, steps[1]!) : undefined;
}

function namedGroups(resources: Resources) {
  const named = resources.groupVersions().filter(({ group }) => group !== '');
  return named.map(({ group, version }) => {
    const one = { groupVersion: `${group}/${version}`, version };
    return { name: group, versions: [one], preferredVersion: one };
  });
}

function resourceList(resources: Resources, group: string, version: string) {
  const found = resources
    .groupVersions()
    .find((one) => one.group === group && one.version === version);
  return (
    found && {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: groupVersionOf(found.resources[0]!.type),
      resources: found.resources.flatMap(describe),
    }
  );
}

function describe({ type, singular, shortNames, categories, verbs, hasStatus }: Served) {
  const { plural, kind, namespaced } = type;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      ...(shortNames.length > 0 && { shortNames }),
      ...(categories.length > 0 && { categories }),
    },
    ...(hasStatus
      ? [
          {
            name: `${plural}/status`,
            singularName: '',
            namespaced,
            kind,
            verbs: ['get', 'patch', 'update'],
          },
        ]
      : []),
  ];
}
