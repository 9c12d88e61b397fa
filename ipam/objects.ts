/**
 * IPAM objects in the datastore. Calico deletes them in two steps, `deleted: true` and then the
 * deletion itself, so an object that says so is gone, and whoever meets it finishes the second step.
 */

import type { KubeObject, ResourceType, Store } from '../ports.ts';
import { storeCode } from './errors.ts';

type Deletable = KubeObject & { spec: { deleted?: boolean | undefined } };

/** The object of that name, or undefined when there is none. */
export async function find<T extends Deletable>(
  store: Store,
  type: ResourceType<T>,
  name: string,
): Promise<T | undefined> {
  try {
    const object = await store.get(type, name);
    if (!object.spec.deleted) return object;
    await remove(store, type, object);
    return undefined;
  } catch (error) {
    if (storeCode(error) === 'NotFound') return undefined;
    throw error;
  }
}

/** Deletes exactly this version of the object. Rejects with 'Conflict' when it has changed since. */
export async function remove<T extends KubeObject>(
  store: Store,
  type: ResourceType<T>,
  { metadata }: T,
): Promise<void> {
  const preconditions = {
    ...(metadata.uid !== undefined && { uid: metadata.uid }),
    ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
  };
  try {
    await store.delete(type, metadata.name, { preconditions });
  } catch (error) {
    if (storeCode(error) !== 'NotFound') throw error;
  }
}
