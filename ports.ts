/**
 * What the cores are handed instead of reaching for it: time, randomness, a log, the datastore.
 * Types only. Every room but packages/ may import this file; it imports nothing.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock milliseconds since the epoch: for timestamps that people or other nodes read. */
  now(): number;
  /** Milliseconds that never go backwards: for durations and deadlines. */
  monotonic(): number;
  /** Runs `fn` once, `delayMs` from now or a little later, never synchronously. */
  after(delayMs: number, fn: () => void): Timer;
}

/** A uniform number in [0, 1), as Math.random gives. */
export type Random = () => number;

/** The shape of a pino logger: fields first, then a sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** The metadata that every Kubernetes object has. Unknown fields are kept. */
export interface ObjectMeta {
  name: string;
  namespace?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  generation?: number | bigint | undefined;
  creationTimestamp?: string | undefined;
  deletionTimestamp?: string | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  finalizers?: string[] | undefined;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** How one kind of resource is addressed at the API server, and `T`, what its objects look like. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never present at run time: carries `T` for the compiler. */
  readonly objectType?: T;
}

/** What a Store's promise is rejected with. `code` is the reason; test it, not the class. */
export interface StoreError extends Error {
  code:
    | 'NotFound'
    | 'AlreadyExists'
    /** The resourceVersion or uid given is not the stored one: read again, decide again. */
    | 'Conflict'
    | 'Invalid'
    /** The revision asked for is compacted away: list again. */
    | 'Expired'
    | 'Unauthorized'
    | 'Forbidden'
    /** No answer, or one that says to come back later. Nothing is known of the write. */
    | 'Unavailable';
}

export interface Preconditions {
  uid?: string;
  resourceVersion?: string;
}

export interface Listing<T> {
  items: T[];
  /** The revision of the whole list: where a watch may start. */
  resourceVersion: string;
}

/** The Kubernetes API, as much of it as the cores use. Every call has a deadline of its own. */
export interface Store {
  get<T extends KubeObject>(type: ResourceType<T>, name: string, namespace?: string): Promise<T>;
  list<T extends KubeObject>(
    type: ResourceType<T>,
    options?: { namespace?: string; labelSelector?: string; fieldSelector?: string },
  ): Promise<Listing<T>>;
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** Compare-and-swap: the object's metadata.resourceVersion must still be the stored one. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** JSON merge patch (RFC 7386). */
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    patch: object,
    options?: { namespace?: string; subresource?: 'status' },
  ): Promise<T>;
  delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    options?: { namespace?: string; preconditions?: Preconditions },
  ): Promise<void>;
}
