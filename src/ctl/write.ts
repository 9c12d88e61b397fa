/** `apply` and `delete`. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, ResourceType, Store, StoreError } from '../../ports.ts';
import { nameOf } from './kinds.ts';
import type { Manifest } from './manifests.ts';

/** Somebody else wrote between our read and our write: then read again. */
const CONFLICT_RETRIES = 5;

/** What was done to it, in kubectl's words: `created`, `configured` or `unchanged`. */
export async function apply(store: Store, { kind, object }: Manifest): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return `${nameOf(kind, object.metadata.name)} ${await applyOnce(store, kind, object)}`;
    } catch (error) {
      const { code } = error as StoreError;
      if ((code !== 'Conflict' && code !== 'AlreadyExists') || attempt === CONFLICT_RETRIES)
        throw error;
    }
  }
}

async function applyOnce(store: Store, kind: ResourceType, object: KubeObject): Promise<string> {
  const { name, namespace } = object.metadata;
  const current = await store.get(kind, name, namespace).catch((error: StoreError) => {
    if (error.code === 'NotFound') return undefined;
    throw error;
  });
  if (!current) {
    await store.create(kind, object);
    return 'created';
  }
  const wanted = merge(current, object);
  const stored = await store.update(kind, wanted);
  return stored.metadata.resourceVersion === current.metadata.resourceVersion ||
    isDeepStrictEqual(withoutVersion(stored), withoutVersion(current))
    ? 'unchanged'
    : 'configured';
}

/** The file's spec as it is; of the metadata, labels and annotations are added to those that are there. */
function merge(current: KubeObject, object: KubeObject): KubeObject {
  const { metadata: given } = object;
  const { metadata } = current;
  return {
    ...current,
    ...object,
    metadata: {
      ...metadata,
      ...((metadata.labels || given.labels) && { labels: { ...metadata.labels, ...given.labels } }),
      ...((metadata.annotations || given.annotations) && {
        annotations: { ...metadata.annotations, ...given.annotations },
      }),
      ...(given.resourceVersion && { resourceVersion: given.resourceVersion }),
    },
  };
}

function withoutVersion(object: KubeObject): unknown {
  const { resourceVersion, generation, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface Target {
  kind: ResourceType;
  name: string;
  namespace: string | undefined;
}

/** `ippool.projectcalico.org "rack-a" deleted`, as kubectl says it. */
export async function remove(
  store: Store,
  { kind, name, namespace }: Target,
  ignoreNotFound: boolean,
): Promise<string> {
  try {
    await store.delete(kind, name, namespace === undefined ? {} : { namespace });
    return `${nameOf(kind, '').slice(0, -1)} "${name}" deleted`;
  } catch (error) {
    if ((error as StoreError).code !== 'NotFound' || !ignoreNotFound) throw error;
    return `${nameOf(kind, name)} is not there`;
  }
}
