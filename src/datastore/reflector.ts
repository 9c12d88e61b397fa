/**
 * A local copy of one kind of resource, kept by list and watch, with a callback for each change.
 * It outlives whatever happens to the server: it never gives up and never goes silent unnoticed.
 */
import { parseJson } from '../../api/index.ts';
import { backoffMs } from '../../backoff.ts';
import type { Clock, KubeObject, Log, Random, ResourceType, Timer } from '../../ports.ts';
import { cleaned, type Datastore, PAGE_SIZE, type Selection } from './client.ts';
import { storeErrorCode } from './errors.ts';
import { LineSplitter } from './lines.ts';
import type { Stream } from './transport.ts';

export type ChangeKind = 'added' | 'updated' | 'deleted';

/**
 * `object` is the new state; for a deletion, the last one known. `old` is what the copy held before,
 * absent when added. Both are shared with the copy: not to be changed. An object that was deleted
 * and made again under the same name while we were not looking is reported as just that.
 */
export type OnChange<T> = (kind: ChangeKind, object: T, old: T | undefined) => void;

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  store: Pick<Datastore, 'listPage' | 'watch'>;
  type: ResourceType<T>;
  clock: Clock;
  random: Random;
  log: Log;
  onChange?: OnChange<T>;
  /** Once, when the first list is complete and all its objects have been reported. */
  onSynced?: () => void;
  /** A watch that brings no byte for so long, bookmarks included, is dead. @default 90000 */
  silenceMs?: number;
  /** Objects a page: large objects in large pages hold up the event loop. @default 500 */
  pageSize?: number;
}

/** kube-apiserver sends a bookmark about once a minute. */
const SILENCE_MS = 90_000;

/** The server ends a watch after so long and a random part more, so that they spread out. */
const WATCH_SECONDS = 300;

/** Above what etcd stores (1.5 MB), as JSON with its escapes, in a watch event. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

const BACKOFF = { firstMs: 200, longestMs: 30_000 };

/** A watch that lasted so long has worked, and its end is no failure. */
const STEADY_MS = 5_000;

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #objects = new Map<string, T>();
  /** Where the next watch starts; undefined when only a list can tell. */
  #revision: string | undefined;
  #synced = false;
  #closed = false;
  #failures = 0;
  #stream: Stream | undefined;
  #wake: (() => void) | undefined;

  /** Begins at once; the first callback comes in a later turn. */
  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    void this.#run();
  }

  get synced(): boolean {
    return this.#synced;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#objects.get(keyOf(name, namespace));
  }

  list(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** No callback comes after this. */
  close(): void {
    this.#closed = true;
    this.#stream?.close();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { log, type } = this.#options;
    while (!this.#closed) {
      try {
        if (this.#revision === undefined) await this.#relist();
        else await this.#watch(this.#revision);
      } catch (error) {
        if (this.#closed) return;
        if (storeErrorCode(error) === 'Expired') {
          log.info({ kind: type.kind }, `${type.plural}: watched too long ago, listing again`);
          this.#revision = undefined;
        } else {
          log.warn({ kind: type.kind, err: error }, `${type.plural}: ${(error as Error).message}`);
        }
        await this.#backOff();
      }
    }
  }

  async #relist(): Promise<void> {
    const seen = new Set<string>();
    try {
      await this.#pages(seen, this.#options.pageSize ?? PAGE_SIZE);
    } catch (error) {
      // Compaction overtook the pages: then all in one, which cannot expire.
      if (storeErrorCode(error) !== 'Expired') throw error;
      seen.clear();
      await this.#pages(seen, undefined);
    }
    if (this.#closed) return;
    for (const [key, object] of this.#objects) {
      if (seen.has(key)) continue;
      this.#objects.delete(key);
      this.#report('deleted', object, object);
    }
    if (this.#synced || this.#closed) return;
    this.#synced = true;
    this.#guard(() => this.#options.onSynced?.());
  }

  /** Each page is reported as it comes, so that a large list does not come in one turn. */
  async #pages(seen: Set<string>, limit: number | undefined): Promise<void> {
    const { store, type, namespace, labelSelector, fieldSelector } = this.#options;
    const selection = { namespace, labelSelector, fieldSelector, ...(limit && { limit }) };
    let more: string | undefined;
    do {
      const page = await store.listPage(type, { ...selection, ...(more && { continue: more }) });
      if (this.#closed) return;
      for (const object of page.items) {
        seen.add(keyOf(object.metadata.name, object.metadata.namespace));
        this.#put(object);
      }
      more = page.continue;
      if (!more) this.#revision = page.resourceVersion;
    } while (more);
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { store, type, clock, random, namespace, labelSelector, fieldSelector } = this.#options;
    const began = clock.monotonic();
    const stream = await store.watch(type, {
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + random())),
    });
    if (this.#closed) {
      stream.close();
      return;
    }
    this.#stream = stream;
    const watchdog = new Watchdog(clock, this.#options.silenceMs ?? SILENCE_MS, () =>
      stream.close(),
    );
    try {
      await this.#events(stream, watchdog);
    } catch (error) {
      if (watchdog.barked)
        throw new Error(`the watch was silent for ${watchdog.silenceMs / 1000} s`);
      throw error;
    } finally {
      watchdog.stop();
      stream.close();
      this.#stream = undefined;
    }
    // Ended by the server, as it should be at the timeout. A server that ends every watch at once
    // is not to be asked in a tight loop.
    if (clock.monotonic() - began < STEADY_MS && !this.#closed) await this.#backOff();
  }

  async #events(stream: Stream, watchdog: Watchdog): Promise<void> {
    const lines = new LineSplitter(MAX_EVENT_BYTES);
    for await (const chunk of stream.response) {
      watchdog.feed();
      for (const line of lines.push(chunk)) {
        if (this.#closed) return;
        this.#apply(parseJson(line) as WatchEvent<T>, stream);
      }
    }
  }

  #apply({ type: kind, object }: WatchEvent<T>, stream: Stream): void {
    const { type } = this.#options;
    if (kind === 'ERROR') throw stream.error(object);
    this.#failures = 0;
    if (kind !== 'BOOKMARK') {
      const clean = cleaned(type, object);
      if (kind === 'DELETED') this.#remove(clean);
      else this.#put(clean);
    }
    this.#revision = object.metadata.resourceVersion;
  }

  #put(object: T): void {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const key = keyOf(name, namespace);
    const old = this.#objects.get(key);
    if (old && old.metadata.uid === uid && old.metadata.resourceVersion === resourceVersion) return;
    if (old && old.metadata.uid !== uid) {
      this.#objects.delete(key);
      this.#report('deleted', old, old);
    }
    this.#objects.set(key, object);
    if (old && old.metadata.uid === uid) this.#report('updated', object, old);
    else this.#report('added', object, undefined);
  }

  #remove(object: T): void {
    const key = keyOf(object.metadata.name, object.metadata.namespace);
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    this.#report('deleted', object, old);
  }

  #report(kind: ChangeKind, object: T, old: T | undefined): void {
    if (!this.#closed) this.#guard(() => this.#options.onChange?.(kind, object, old));
  }

  /** A listener's fault is its own: the copy goes on. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (err) {
      const { log, type } = this.#options;
      log.error({ kind: type.kind, err }, `${type.plural}: a listener failed`);
    }
  }

  async #backOff(): Promise<void> {
    if (this.#closed) return;
    const { clock, random } = this.#options;
    const pauseMs = backoffMs(BACKOFF, ++this.#failures, random);
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = clock.after(pauseMs, resolve);
    });
    timer?.cancel();
    this.#wake = undefined;
  }
}

function keyOf(name: string, namespace: string | undefined): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** Calls `bark` once nobody fed it for `silenceMs`; a feed costs one clock reading, no timer. */
class Watchdog {
  readonly silenceMs: number;
  readonly #clock: Clock;
  readonly #bark: () => void;
  #fedAt: number;
  #timer: Timer;
  barked = false;

  constructor(clock: Clock, silenceMs: number, bark: () => void) {
    this.#clock = clock;
    this.silenceMs = silenceMs;
    this.#bark = bark;
    this.#fedAt = clock.monotonic();
    this.#timer = clock.after(silenceMs, () => this.#look());
  }

  feed(): void {
    this.#fedAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const leftMs = this.#fedAt + this.silenceMs - this.#clock.monotonic();
    if (leftMs > 0) {
      this.#timer = this.#clock.after(leftMs, () => this.#look());
      return;
    }
    this.barked = true;
    this.#bark();
  }
}
