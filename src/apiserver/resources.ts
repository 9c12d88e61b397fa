/** All that the server serves, and where each resource's objects stand in the store. */
import type { ResourceType } from '../../ports.ts';
import { kubernetesResources } from './kubernetes-kinds.ts';
import { type AnyObject, textAt } from './objects.ts';
import { ourResources } from './our-kinds.ts';
import type { KeyRange } from './revisions.ts';
import type { Selectable } from './selectors.ts';
import type { Served } from './served.ts';

export class Resources {
  readonly all: readonly Served[];
  readonly #byPlural: ReadonlyMap<string, Served>;

  constructor(all: readonly Served[] = [...kubernetesResources(), ...ourResources()]) {
    this.all = all;
    this.#byPlural = new Map(all.map((served) => [pathOf(served.type), served]));
  }

  find(group: string, version: string, plural: string): Served | undefined {
    return this.#byPlural.get(`${group}/${version}/${plural}`);
  }

  /** `v1`, `projectcalico.org/v3`, …: each group version once, the core group first. */
  groupVersions(): { group: string; version: string; resources: Served[] }[] {
    const found = new Map<string, { group: string; version: string; resources: Served[] }>();
    for (const served of this.all) {
      const { group, version } = served.type;
      const key = `${group}/${version}`;
      const one = found.get(key) ?? { group, version, resources: [] };
      one.resources.push(served);
      found.set(key, one);
    }
    return [...found.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
  }
}

function pathOf({ group, version, plural }: ResourceType): string {
  return `${group}/${version}/${plural}`;
}

export function groupVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Where the objects of a resource stand. The version is no part of it: each has one. */
function keyPrefix({ group, plural }: ResourceType): string {
  return `${group === '' ? 'core' : group}/${plural}/`;
}

export function keyOf(type: ResourceType, namespace: string | undefined, name: string): string {
  return type.namespaced ? `${keyPrefix(type)}${namespace}/${name}` : `${keyPrefix(type)}${name}`;
}

/** All objects of a resource, or those of a namespace, or the one of that name. */
export function rangeOf(type: ResourceType, namespace?: string, name?: string): KeyRange {
  if (name !== undefined && (namespace !== undefined || !type.namespaced)) {
    const key = keyOf(type, namespace, name);
    return { from: key, to: `${key}\0` };
  }
  const prefix = keyPrefix(type);
  return startingWith(
    namespace === undefined || !type.namespaced ? prefix : `${prefix}${namespace}/`,
  );
}

/** `prefix` ends in "/"; "0" is the character after it. */
function startingWith(prefix: string): KeyRange {
  return { from: prefix, to: `${prefix.slice(0, -1)}0` };
}

const ALWAYS: Served['fields'] = {
  'metadata.name': ['metadata', 'name'],
  'metadata.namespace': ['metadata', 'namespace'],
};

/** The fields that a selector may use. */
export function selectableFields(served: Served): string[] {
  return [...Object.keys(ALWAYS), ...Object.keys(served.fields)];
}

export function selectableOf(served: Served, object: AnyObject): Selectable {
  const fields: Record<string, string> = {};
  for (const [field, path] of Object.entries({ ...ALWAYS, ...served.fields }))
    fields[field] = textAt(object, path);
  return { labels: object.metadata.labels ?? {}, fields };
}
