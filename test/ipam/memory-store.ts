/**
 * A Store in memory with the API server's rules (names, resourceVersion, uid, preconditions, label
 * selectors), a random delay for each call, and the faults that networks and other writers have.
 */

import { parseJson, stringifyJson } from '../../api/index.ts';
import type {
  Clock,
  KubeObject,
  Listing,
  Preconditions,
  Random,
  ResourceType,
  Store,
  StoreError,
} from '../../ports.ts';

export interface Call {
  verb: 'get' | 'list' | 'create' | 'update' | 'delete';
  kind: string;
  name: string;
}

/**
 * What happens to one call:
 * refused   it fails and nothing is done
 * deaf      it is done, but the answer is lost
 * late      the answer is lost, and it is done up to `lateMs` later, if it still can be
 * meddled   another writer changes the object just before
 */
export type Fault = 'refused' | 'deaf' | 'late' | 'meddled';

/** Undefined: no fault. */
export type Faults = (call: Call) => Fault | undefined;

export function storeError(code: StoreError['code'], message: string): StoreError {
  return Object.assign(new Error(message), { code });
}

export class MemoryStore implements Store {
  readonly #objects = new Map<string, KubeObject>();
  readonly #clock: Clock;
  readonly #random: Random;
  #revision = 0;
  calls: Call[] = [];
  faults: Faults = () => undefined;
  lateMs = 200;
  /** Late writes under way. */
  pendingLate = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** How many calls of these verbs there were since `calls` was last emptied. */
  count(...verbs: Call['verb'][]): number {
    return this.calls.filter(({ verb }) => verbs.includes(verb)).length;
  }

  /** All objects of a kind, at once and without a call. */
  all<T extends KubeObject>(type: ResourceType<T>): T[] {
    return [...this.#objects.entries()]
      .filter(([key]) => key.startsWith(`${type.kind}/`))
      .map(([, object]) => copy(object) as T);
  }

  /** Puts an object there, at once and without a call. */
  put<T extends KubeObject>(type: ResourceType<T>, object: T): T {
    return this.#write(key(type, object.metadata.name), object) as T;
  }

  drop<T extends KubeObject>(type: ResourceType<T>, name: string): void {
    this.#objects.delete(key(type, name));
  }

  get<T extends KubeObject>(type: ResourceType<T>, name: string): Promise<T> {
    return this.#call({ verb: 'get', kind: type.kind, name }, () => this.#stored(type, name));
  }

  list<T extends KubeObject>(
    type: ResourceType<T>,
    options: { labelSelector?: string } = {},
  ): Promise<Listing<T>> {
    return this.#call({ verb: 'list', kind: type.kind, name: '' }, () => ({
      items: this.all(type).filter((object) => selects(options.labelSelector, object)),
      resourceVersion: String(this.#revision),
    }));
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const { name } = object.metadata;
    const body = copy(object);
    return this.#call({ verb: 'create', kind: type.kind, name }, () => {
      if (this.#objects.has(key(type, name))) throw storeError('AlreadyExists', `${name} exists`);
      return this.#write(key(type, name), body) as T;
    });
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const { name, resourceVersion, uid } = object.metadata;
    const body = copy(object);
    return this.#call({ verb: 'update', kind: type.kind, name }, () => {
      const stored = this.#stored(type, name);
      this.#require(stored, { resourceVersion: resourceVersion!, uid: uid! });
      // As kube-apiserver: an update that changes nothing is none.
      if (stringifyJson(stored) === stringifyJson(body)) return stored;
      return this.#write(key(type, name), body) as T;
    });
  }

  delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    options: { preconditions?: Preconditions } = {},
  ): Promise<void> {
    return this.#call({ verb: 'delete', kind: type.kind, name }, () => {
      this.#require(this.#stored(type, name), options.preconditions ?? {});
      this.#objects.delete(key(type, name));
    });
  }

  updateStatus(): Promise<never> {
    throw new Error('addresses have no status');
  }

  patch(): Promise<never> {
    throw new Error('addresses are never patched');
  }

  async #call<T>(call: Call, work: () => T): Promise<T> {
    this.calls.push(call);
    const fault = this.faults(call);
    await this.#delay(5);
    if (fault === 'refused') throw storeError('Unavailable', 'refused');
    if (fault === 'late') {
      this.pendingLate++;
      void this.#delay(this.lateMs).then(() => {
        this.pendingLate--;
        try {
          work();
        } catch {} // too late
      });
      throw storeError('Unavailable', 'no answer');
    }
    if (fault === 'meddled') {
      const object = this.#objects.get(`${call.kind}/${call.name}`);
      if (object !== undefined) this.#write(`${call.kind}/${call.name}`, object);
    }
    const result = work();
    await this.#delay(5);
    if (fault === 'deaf') throw storeError('Unavailable', 'no answer');
    return result;
  }

  #delay(maxMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(this.#random() * maxMs, resolve));
  }

  #stored<T extends KubeObject>(type: ResourceType<T>, name: string): T {
    const object = this.#objects.get(key(type, name));
    if (object === undefined) throw storeError('NotFound', `${type.kind} ${name} is not there`);
    return copy(object) as T;
  }

  #require({ metadata }: KubeObject, { uid, resourceVersion }: Preconditions): void {
    const isStale = resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion;
    if (isStale || (uid !== undefined && uid !== metadata.uid)) {
      throw storeError('Conflict', `${metadata.name} has changed`);
    }
  }

  #write(at: string, object: KubeObject): KubeObject {
    const resourceVersion = String(++this.#revision);
    const uid = this.#objects.get(at)?.metadata.uid ?? `uid-${resourceVersion}`;
    const written = {
      ...copy(object),
      metadata: { ...copy(object).metadata, uid, resourceVersion },
    };
    this.#objects.set(at, written);
    return copy(written);
  }
}

function key(type: ResourceType, name: string): string {
  return `${type.kind}/${name}`;
}

/** As over the wire, so that nobody shares an object with the store. */
function copy<T extends KubeObject>(object: T): T {
  return parseJson(stringifyJson(object)) as T;
}

/** `key=value` and `!key`, as much of the language as is used here. */
function selects(selector: string | undefined, { metadata }: KubeObject): boolean {
  if (selector === undefined) return true;
  const labels = metadata.labels ?? {};
  if (selector.startsWith('!')) return labels[selector.slice(1)] === undefined;
  const [label, value] = selector.split('=');
  return labels[label!] === value;
}
