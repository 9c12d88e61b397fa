/** The Kubernetes API over HTTP, as the Store that the cores are handed, and a little more. */
import type {
  Clock,
  KubeObject,
  Listing,
  Preconditions,
  Random,
  ResourceType,
  Store,
} from '../../ports.ts';
import { systemClock } from '../system.ts';
import { storeErrorCode } from './errors.ts';
import { type CredentialOptions, readCredentials } from './kubeconfig.ts';
import { type Answer, type Request, type Stream, Transport } from './transport.ts';

export interface ConnectOptions extends CredentialOptions {
  /** For each call, from its start to its end. @default 15000 */
  deadlineMs?: number;
  clock?: Clock;
  random?: Random;
}

export interface WriteOptions {
  /** The server does everything but store it. */
  dryRun?: boolean;
  /** What the server does about fields that it does not know. @default 'Ignore': nobody here reads its warnings */
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
}

export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export interface Page<T> extends Listing<T> {
  /** For the next page; absent on the last. */
  continue?: string;
}

export type PatchType = 'merge' | 'json' | 'strategic';

const PATCH_CONTENT_TYPE: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

export const PAGE_SIZE = 500;

/**
 * Reads the credentials; no connection is made before the first call.
 * @throws Error that names the kubeconfig and what is wrong with it.
 */
export async function connect(options: ConnectOptions = {}): Promise<Datastore> {
  const clock = options.clock ?? systemClock;
  const credentials = await readCredentials({ now: () => clock.monotonic(), ...options });
  const transport = new Transport(credentials, clock, options.random ?? Math.random);
  return new Datastore(transport, options.deadlineMs);
}

export class Datastore implements Store {
  readonly #transport: Transport;
  readonly #deadlineMs: number | undefined;

  constructor(transport: Transport, deadlineMs?: number) {
    this.#transport = transport;
    this.#deadlineMs = deadlineMs;
  }

  /** "https://10.0.0.1:6443" */
  get server(): string {
    return this.#transport.origin.server;
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    namespace?: string,
  ): Promise<T> {
    const path = objectPath(type, name, namespace);
    return this.#object(type, 'get', { method: 'GET', path }, name);
  }

  /** All of it, page by page, at one revision. */
  async list<T extends KubeObject>(
    type: ResourceType<T>,
    options: Selection = {},
  ): Promise<Listing<T>> {
    try {
      const items: T[] = [];
      let page = await this.listPage(type, { ...options, limit: PAGE_SIZE });
      items.push(...page.items);
      while (page.continue) {
        page = await this.listPage(type, { ...options, limit: PAGE_SIZE, continue: page.continue });
        items.push(...page.items);
      }
      return { items, resourceVersion: page.resourceVersion };
    } catch (error) {
      // Compaction overtook the pages: then all in one, which cannot expire.
      if (storeErrorCode(error) !== 'Expired') throw error;
      const { items, resourceVersion } = await this.listPage(type, options);
      return { items, resourceVersion };
    }
  }

  /** One page. Code Expired when its revision is compacted away. */
  async listPage<T extends KubeObject>(
    type: ResourceType<T>,
    options: Selection & { limit?: number; continue?: string; resourceVersion?: string } = {},
  ): Promise<Page<T>> {
    const { namespace, ...query } = options;
    const path = collectionPath(type, namespace) + queryText(query);
    const { body } = await this.request({ method: 'GET', path, asked: `list ${type.plural}` });
    const { metadata, items } = body as {
      metadata: { resourceVersion: string; continue?: string };
      items: T[] | null;
    };
    return {
      items: (items ?? []).map((item) => cleaned(type, item)),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue && { continue: metadata.continue }),
    };
  }

  /** An object without a name but with `generateName` is named by the server. */
  async create<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace) + writeQuery(options);
    return this.#object(
      type,
      'create',
      { method: 'POST', path, body: object },
      object.metadata.name,
    );
  }

  async update<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#put(type, object, '', options);
  }

  async updateStatus<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#put(type, object, '/status', options);
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    patch: object,
    options: WriteOptions & {
      namespace?: string;
      subresource?: 'status';
      /** @default 'merge' */
      patchType?: PatchType;
    } = {},
  ): Promise<T> {
    const subresource = options.subresource ? `/${options.subresource}` : '';
    const path = objectPath(type, name, options.namespace) + subresource + writeQuery(options);
    const contentType = PATCH_CONTENT_TYPE[options.patchType ?? 'merge'];
    return this.#object(type, 'patch', { method: 'PATCH', path, body: patch, contentType }, name);
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    options: { namespace?: string; preconditions?: Preconditions; dryRun?: boolean } = {},
  ): Promise<void> {
    const { preconditions, dryRun } = options;
    await this.request({
      method: 'DELETE',
      path: objectPath(type, name, options.namespace),
      asked: `delete ${type.plural} ${JSON.stringify(name)}`,
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        // Here and not in the query, which the server does not read when there is a body.
        ...(dryRun && { dryRun: ['All'] }),
        ...(preconditions && { preconditions }),
      },
    });
  }

  /** The events after `resourceVersion`, one JSON object a line, until the server ends them. */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: Selection & { resourceVersion: string; timeoutSeconds: number },
  ): Promise<Stream> {
    const { namespace, ...query } = options;
    const path = collectionPath(type, namespace);
    return this.#transport.stream({
      method: 'GET',
      path: path + queryText({ watch: 'true', allowWatchBookmarks: 'true', ...query }),
      asked: `watch ${type.plural}`,
      ...(this.#deadlineMs !== undefined && { deadlineMs: this.#deadlineMs }),
    });
  }

  /** For what no method above does: discovery, tables, other bodies. Rejects as they do. */
  request(request: Request): Promise<Answer> {
    const { deadlineMs = this.#deadlineMs } = request;
    return this.#transport.send({ ...request, ...(deadlineMs !== undefined && { deadlineMs }) });
  }

  /** Ends every connection. A Reflector on it is closed first. */
  close(): void {
    this.#transport.close();
  }

  async #put<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    subresource: string,
    options: WriteOptions,
  ): Promise<T> {
    const { name, namespace } = object.metadata;
    const path = objectPath(type, name, namespace) + subresource + writeQuery(options);
    return this.#object(type, 'update', { method: 'PUT', path, body: object }, name);
  }

  async #object<T extends KubeObject>(
    type: ResourceType<T>,
    verb: string,
    request: Request,
    name: string | undefined,
  ): Promise<T> {
    const asked = `${verb} ${type.plural} ${JSON.stringify(name ?? '')}`;
    const { body } = await this.request({ ...request, asked });
    return cleaned(type, body as T);
  }
}

/** "/apis/projectcalico.org/v3/ippools"; without a namespace, the collection over all of them. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === '' ? '/api' : `/apis/${type.group}`;
  const within = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${type.version}${within}/${type.plural}`;
}

export function objectPath(type: ResourceType, name: string, namespace?: string): string {
  if (name === '') throw new Error(`${type.kind} without a name`);
  if (type.namespaced && !namespace)
    throw new Error(`${type.kind} ${JSON.stringify(name)} without its namespace`);
  return `${collectionPath(type, namespace)}/${encodeURIComponent(name)}`;
}

function queryText(query: Record<string, string | number | undefined>): string {
  const set = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') set.set(name, String(value));
  return set.size === 0 ? '' : `?${set}`;
}

function writeQuery({ dryRun, fieldValidation = 'Ignore' }: WriteOptions): string {
  return queryText({ dryRun: dryRun ? 'All' : undefined, fieldValidation });
}

/**
 * Without managedFields, which are often the larger half of an object and which a server keeps when
 * an update leaves them out; with the kind, which lists of Kubernetes' own objects leave out.
 */
export function cleaned<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  const { metadata } = object as { metadata?: { managedFields?: unknown } };
  if (metadata?.managedFields !== undefined) delete metadata.managedFields;
  if (object.kind !== undefined) return object;
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  return Object.assign({ apiVersion, kind: type.kind }, object);
}
