/**
 * The embedded datastore: the Kubernetes API over one SQLite file, for one machine, a lab, or bare
 * metal without Kubernetes. It is meant for a process of its own, since its disk writes block.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Clock, Log, Random } from '../../ports.ts';
import { storeDefinitions } from './definitions.ts';
import { Handler } from './handler.ts';
import { kubeconfig } from './kubeconfig.ts';
import { NamespaceEnder } from './namespace-ender.ts';
import { ensureNamespaces } from './namespaces.ts';
import { writePrivate } from './private-file.ts';
import { Resources } from './resources.ts';
import { Revisions } from './revisions.ts';
import type { Storage } from './storage.ts';
import { type Authority, issueServerCertificate, openAuthority } from './tls.ts';
import { authenticator, openTokens } from './tokens.ts';
import { Upkeep } from './upkeep.ts';
import { Watches } from './watch.ts';

export interface ApiServerOptions {
  /** Holds the database, the keys and the tokens; made with mode 0700 if absent. */
  dataDir: string;
  /** `host` is an address; port 0 takes a free one. */
  listen: { host: string; port: number };
  /** Plain HTTP on a loopback address, where who sends no token is the admin. @default false */
  insecure?: boolean;
  /** Where the admin's kubeconfig is written, mode 0600. */
  kubeconfigOut?: string;
  /** Where the agents' kubeconfig is written, mode 0600: its token reaches only what agents need. */
  nodeKubeconfigOut?: string;
  log: Log;
  clock: Clock;
  /** @default Math.random; for generated names and the spread of timeouts, never for secrets. */
  random?: Random;
}

export interface ApiServer {
  /** `https://192.0.2.1:6443` */
  readonly url: string;
  /** The text of the admin's kubeconfig. */
  readonly kubeconfig: string;
  /** The text of the agents' kubeconfig. */
  readonly nodeKubeconfig: string;
  /** Answers what was asked, ends the watches, and closes the database. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** How late these two may be. */
const CHECK_INTERVAL_MS = 5_000;
/** Of a connection on which nothing moves in either direction; watches are exempt. */
const IDLE_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 90_000;
const MAX_CONNECTIONS = 32_768;
const TCP_KEEPALIVE_DELAY_MS = 30_000;
const CLOSE_DEADLINE_MS = 5_000;

/**
 * Resolves once requests are answered.
 * @throws Error when the address cannot be listened on, or the data folder is in use or damaged.
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataDir, listen, insecure = false, log, clock, random = Math.random } = options;
  if (!isIP(listen.host)) throw new Error(`${listen.host} is not an address to listen on`);
  if (insecure && !isLoopback(listen.host))
    throw new Error(
      `plain HTTP is served on loopback only, and ${listen.host} is not: listen on 127.0.0.1 or ::1, or leave out --insecure`,
    );
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const tokens = openTokens(dataDir);
  const authority = insecure ? undefined : openAuthority(dataDir, clock.now());
  const database = join(dataDir, 'state.db');
  // It holds Secrets, and SQLite would make it readable for all; its log takes the file's mode.
  closeSync(openSync(database, 'a', 0o600));
  const revisions = new Revisions(database);
  const storage: Storage = { revisions, resources: new Resources(), clock, random };
  const watches = new Watches(storage);
  const authenticate = authenticator(tokens);
  const handler = new Handler({
    storage,
    watches,
    authenticate: (header) => (insecure && header === undefined ? 'admin' : authenticate(header)),
    hostNames: new Set(['localhost', hostname().toLowerCase()]),
    log,
  });
  const server = openServer(authority, listen.host, clock, (request, response) => {
    void handler.handle(request, response);
  });
  let upkeep: Upkeep | undefined;
  let closing: Promise<void> | undefined;
  try {
    await ensureNamespaces(storage);
    await storeDefinitions(storage);
    new NamespaceEnder(storage, log);
    upkeep = new Upkeep(storage, log);
    await listening(server, listen);
    const { port } = server.address() as AddressInfo;
    const url = `${insecure ? 'http' : 'https'}://${urlHost(listen.host)}:${port}`;
    const trust = authority && { authority: authority.certificate };
    const admin = kubeconfig({ url, role: 'admin', token: tokens.admin, ...trust });
    const node = kubeconfig({ url, role: 'node', token: tokens.node, ...trust });
    if (options.kubeconfigOut !== undefined) writePrivate(options.kubeconfigOut, admin);
    if (options.nodeKubeconfigOut !== undefined) writePrivate(options.nodeKubeconfigOut, node);
    log.info({ url, dataDir, revision: revisions.current }, 'the API server is ready');
    return { url, kubeconfig: admin, nodeKubeconfig: node, close };
  } catch (error) {
    await close();
    throw error;
  }

  function close(): Promise<void> {
    closing ??= stop();
    return closing;
  }

  async function stop(): Promise<void> {
    handler.stop();
    upkeep?.close();
    watches.close();
    const deadline = clock.after(CLOSE_DEADLINE_MS, () => server.closeAllConnections());
    await new Promise<void>((resolve) => server.close(() => resolve()));
    deadline.cancel();
    revisions.close();
    log.info({ revision: revisions.current }, 'the API server has stopped');
  }
}

function openServer(
  authority: Authority | undefined,
  host: string,
  clock: Clock,
  listener: RequestListener,
): Server {
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // A client that vanished without a word is found out also on an idle watch.
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE_DELAY_MS,
    noDelay: true,
  };
  const server =
    authority === undefined
      ? createServer(timeouts, listener)
      : createTlsServer(
          {
            ...timeouts,
            ...issueServerCertificate(authority, certificateNames(host), clock.now()),
            handshakeTimeout: HEADERS_TIMEOUT_MS,
          },
          listener,
        );
  server.timeout = IDLE_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function listening(server: Server, { host, port }: ApiServerOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another program listens there: choose another port'
          : error.message;
      reject(new Error(`cannot listen on ${urlHost(host)}:${port}: ${why}`));
    });
    server.listen(port, host, resolve);
  });
}

/** All that clients may call this server: what it listens on, and this machine's own names. */
function certificateNames(host: string): string[] {
  const addresses = isWildcard(host)
    ? Object.values(networkInterfaces()).flatMap((all) => all!.map(({ address }) => address))
    : [host];
  const named = [hostname(), 'localhost'].filter((name) => /^[\w.-]+$/.test(name));
  return [...new Set([...named, '127.0.0.1', '::1', ...addresses])];
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** As it stands in a URL; a wildcard is reached on this machine's loopback. */
function urlHost(host: string): string {
  const reached = isWildcard(host) ? (isIP(host) === 4 ? '127.0.0.1' : '::1') : host;
  return isIP(reached) === 6 ? `[${reached}]` : reached;
}
