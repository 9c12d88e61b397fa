/** A server of the test's own in this process, and requests to it as plain as they can be. */
import { mkdtempSync, rmSync } from 'node:fs';
import * as http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Log } from '../../ports.ts';
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts';
import { systemClock } from '../../src/system.ts';

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

export interface Sent {
  headers?: http.OutgoingHttpHeaders;
  body?: unknown;
  type?: string;
}

/** Plain HTTP on a free port of the loopback; `folder` is kept for a restart unless it is ours. */
export class TestServer {
  readonly folder: string;
  readonly #ownsFolder: boolean;
  readonly #clock: Clock;
  #server: ApiServer | undefined;

  constructor(options: { folder?: string; clock?: Clock } = {}) {
    this.#ownsFolder = options.folder === undefined;
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'tortie-apiserver-'));
    this.#clock = options.clock ?? systemClock;
  }

  async start(): Promise<this> {
    this.#server = await startApiServer({
      dataDir: this.folder,
      listen: { host: '127.0.0.1', port: 0 },
      insecure: true,
      log: quiet,
      clock: this.#clock,
    });
    return this;
  }

  async restart(): Promise<void> {
    await this.#server!.close();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true });
  }

  get server(): ApiServer {
    return this.#server!;
  }

  request(method: string, path: string, { headers, body, type }: Sent = {}): Promise<Reply> {
    const text =
      body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = http.request(new URL(path, this.server.url), {
        method,
        agent: false,
        headers: {
          ...(text !== undefined && {
            'content-type': type ?? 'application/json',
            // Not said by itself for a DELETE.
            ...(!headers?.['transfer-encoding'] && { 'content-length': Buffer.byteLength(text) }),
          }),
          ...headers,
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: answer,
            get json() {
              return JSON.parse(answer);
            },
          });
        });
      });
      sent.end(text);
    });
  }

  get = (path: string, headers?: http.OutgoingHttpHeaders) =>
    this.request('GET', path, headers ? { headers } : {});
  post = (path: string, body: unknown) => this.request('POST', path, { body });
  put = (path: string, body: unknown) => this.request('PUT', path, { body });
  patch = (path: string, body: unknown, type = 'application/merge-patch+json') =>
    this.request('PATCH', path, { body, type });
  delete = (path: string, body?: unknown) =>
    this.request('DELETE', path, body === undefined ? {} : { body });

  /** Opens a watch that is read as far as `take` asks. */
  async watch(path: string, headers: http.OutgoingHttpHeaders = {}): Promise<TestWatch> {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http
        .get(new URL(path, this.server.url), { agent: false, headers }, resolve)
        .on('error', reject);
    });
    return new TestWatch(response);
  }
}

export interface Seen {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every shape
  object: any;
}

export class TestWatch {
  readonly response: http.IncomingMessage;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #ready: Seen[] = [];
  #rest = '';

  constructor(response: http.IncomingMessage) {
    this.response = response;
    this.#chunks = response[Symbol.asyncIterator]();
  }

  /** The next `count` events; fewer when the stream ends before. */
  async take(count: number): Promise<Seen[]> {
    while (this.#ready.length < count) {
      const { value, done } = await this.#chunks.next();
      if (done) break;
      const lines = (this.#rest + value.toString()).split('\n');
      this.#rest = lines.pop()!;
      this.#ready.push(...lines.map((line) => JSON.parse(line)));
    }
    return this.#ready.splice(0, count);
  }

  close(): void {
    this.response.destroy();
  }
}

export const POOLS = '/apis/projectcalico.org/v3/ippools';
export const PEERS = '/apis/projectcalico.org/v3/bgppeers';
export const HANDLES = '/apis/projectcalico.org/v3/ipamhandles';
export const NODES = '/api/v1/nodes';
export const NAMESPACES = '/api/v1/namespaces';
export const CONFIG_MAPS = `${NAMESPACES}/default/configmaps`;

export function pool(name: string, spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name, ...metadata },
    spec: { cidr: '10.60.0.0/16', ...spec },
  };
}

export function configMap(name: string, data: Record<string, string> = {}, metadata: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}
