/** One HTTP request: who asks, for what, and the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stringifyJson } from '../../api/index.ts';
import type { Log } from '../../ports.ts';
import { formOf } from './accept.ts';
import { readBody } from './body.ts';
import { deleteCollection, deleteOne } from './delete.ts';
import { discover } from './discovery.ts';
import { getOne, list } from './list.ts';
import { OpenApi } from './openapi.ts';
import { checkOrigin } from './origin.ts';
import { authorize } from './permissions.ts';
import {
  type ApiError,
  internalError,
  methodNotAllowed,
  noSuchPath,
  unauthorized,
  unavailable,
} from './status.ts';
import type { Answer, Storage } from './storage.ts';
import { parseTarget, verbOf } from './target.ts';
import type { Role } from './tokens.ts';
import { versionInfo } from './version.ts';
import type { Watches } from './watch.ts';
import { create, patch, update } from './write.ts';

export interface HandlerOptions {
  storage: Storage;
  watches: Watches;
  /** The role that an Authorization header proves; undefined when it proves none. */
  authenticate(authorization: string | undefined): Role | undefined;
  hostNames: ReadonlySet<string>;
  log: Log;
}

const HEALTH_PATHS = ['/healthz', '/livez', '/readyz'];

const MAX_WARNINGS = 20;
const MAX_WARNING_LENGTH = 256;

export class Handler {
  readonly #options: HandlerOptions;
  readonly #openApi: OpenApi;
  #isStopping = false;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#openApi = new OpenApi(options.storage.resources);
  }

  /** From now on every answer is the last on its connection, and /readyz says no. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Each matters to its own connection only, and is told by its 'close'.
    request.on('error', () => {});
    response.on('error', () => {});
    try {
      await this.#answer(request, response);
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { storage, watches, authenticate, hostNames } = this.#options;
    checkOrigin(request.headers, hostNames);
    const url = parseUrl(request.url ?? '/');
    const path = url.pathname.replace(/(.)\/$/, '$1');
    if (HEALTH_PATHS.includes(path)) return this.#sendHealth(path, response);
    const role = authenticate(request.headers.authorization);
    if (role === undefined) throw unauthorized();
    const form = formOf(request.headers.accept);
    const document = this.#document(path);
    if (document !== undefined) {
      if (request.method !== 'GET') throw methodNotAllowed();
      return this.#send(response, { code: 200, text: document });
    }
    const target = parseTarget(storage.resources, path, url.searchParams);
    const verb = verbOf(request.method ?? '', target);
    authorize(role, verb, target);
    switch (verb) {
      case 'get':
        return this.#send(response, getOne(storage, target, form));
      case 'list':
        return this.#send(response, await list(storage, target, form));
      case 'watch':
        return watches.open(target, form, response);
      case 'create':
        return this.#send(response, await create(storage, target, await readBody(request)));
      case 'update':
        return this.#send(response, await update(storage, target, await readBody(request)));
      case 'patch':
        return this.#send(response, await patch(storage, target, await readBody(request)));
      case 'delete':
        return this.#send(response, await deleteOne(storage, target, await readBody(request)));
      case 'deletecollection':
        return this.#send(
          response,
          await deleteCollection(storage, target, await readBody(request)),
        );
    }
  }

  /** What is the same for everyone: version, discovery, OpenAPI. */
  #document(path: string): string | undefined {
    if (path === '/version') return stringifyJson(versionInfo());
    if (path === '/openapi/v3') return this.#openApi.index;
    if (path.startsWith('/openapi/v3/'))
      return this.#openApi.document(path.slice('/openapi/v3/'.length));
    const found = discover(this.#options.storage.resources, path);
    return found && stringifyJson(found);
  }

  #sendHealth(path: string, response: ServerResponse): void {
    const isOk = path !== '/readyz' || !this.#isStopping;
    response.writeHead(isOk ? 200 : 503, { 'content-type': 'text/plain' });
    response.end(isOk ? 'ok' : 'the server is stopping');
  }

  #send(response: ServerResponse, { code, text, warnings = [] }: Answer): void {
    for (const warning of warnings.slice(0, MAX_WARNINGS))
      response.appendHeader('warning', `299 - "${quoted(warning)}"`);
    if (this.#isStopping) response.setHeader('connection', 'close');
    response.writeHead(code, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-cache, private',
    });
    response.end(text);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return;
    const refusal = refusalOf(error);
    const { method, url } = request;
    if (refusal !== error) this.#options.log.error({ method, url, err: error }, 'a request failed');
    else this.#options.log.debug({ method, url, code: refusal.code }, refusal.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What the client still sends is not read.
    if (!request.complete) response.setHeader('connection', 'close');
    if (refusal.code === 401) response.setHeader('www-authenticate', 'Bearer');
    const { retryAfterSeconds } = refusal.status.details ?? {};
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
    this.#send(response, { code: refusal.code, text: stringifyJson(refusal.status) });
  }
}

function refusalOf(error: unknown): ApiError {
  // By name: classes of another realm are not `instanceof` ours.
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === 'ApiError') return error as ApiError;
  if (code === 'ERR_SQLITE_ERROR')
    return unavailable(
      `the database refuses (${message}): see whether the disk of the server's data folder is full or broken`,
    );
  return internalError(error);
}

function parseUrl(url: string): URL {
  // Only path and query are looked at: the base is never resolved.
  const parsed = URL.parse(url.startsWith('/') ? `http://server${url}` : 'http://server/*');
  if (parsed === null) throw noSuchPath();
  return parsed;
}

/** A quoted-string of ASCII (RFC 9110 §5.6.4). */
function quoted(text: string): string {
  return text
    .slice(0, MAX_WARNING_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/["\\]/g, '\\$&');
}
