/**
 * Handles in the datastore, and those that this process wrote last, so that a release need not read
 * its handle first. A stale one costs a conflict and a reading, never an address: every change
 * carries the resourceVersion that it was decided on.
 */

import { IPAMHandle } from '../api/index.ts';
import type { Store } from '../ports.ts';
import { IpamError } from './errors.ts';
import { type Counts, newHandle, withCounts } from './handle.ts';
import { find, remove } from './objects.ts';

/** Those of a full node. */
const MAX_KNOWN = 1_024;

export class KnownHandles {
  readonly #store: Store;
  /** By object name, the one that was used last at the end. */
  readonly #known = new Map<string, IPAMHandle>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** As last read or written here; undefined when unknown, which says nothing about the datastore. */
  get(name: string): IPAMHandle | undefined {
    return this.#known.get(name);
  }

  async read(name: string, handleId: string): Promise<IPAMHandle | undefined> {
    const handle = await find(this.#store, IPAMHandle, name);
    if (handle === undefined) {
      this.#known.delete(name);
      return undefined;
    }
    if (handle.spec.handleID !== handleId) {
      const ids = `${JSON.stringify(handleId)} and ${JSON.stringify(handle.spec.handleID)}`;
      throw new IpamError('Invalid', `handles ${ids} have one object name: use another handle id`);
    }
    return this.#remember(handle);
  }

  async create(handleId: string, counts: Counts): Promise<IPAMHandle> {
    return this.#remember(await this.#store.create(IPAMHandle, newHandle(handleId, counts)));
  }

  /** Writes the counts into the handle, or deletes it when there are none left. */
  async change(handle: IPAMHandle, counts: Counts): Promise<IPAMHandle | undefined> {
    this.#known.delete(handle.metadata.name); // unknown, unless the write is answered
    if (counts.size > 0) {
      return this.#remember(await this.#store.update(IPAMHandle, withCounts(handle, counts)));
    }
    await remove(this.#store, IPAMHandle, handle);
    return undefined;
  }

  #remember(handle: IPAMHandle): IPAMHandle {
    const { name } = handle.metadata;
    this.#known.delete(name);
    this.#known.set(name, handle);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
    return handle;
  }
}
