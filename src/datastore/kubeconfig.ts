/**
 * Where the API server is and how to be let in: from a kubeconfig, or from the service account of a
 * pod. Read here, without @kubernetes/client-node, whose import takes longer than most commands;
 * only a user with a credential plugin needs it (see plugin.ts).
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import type { Credentials, TlsOptions } from './credentials.ts';

export interface CredentialOptions {
  /** A kubeconfig's path. Unset: $KUBECONFIG, then the pod's service account, then ~/.kube/config. */
  kubeconfig?: string | undefined;
  /** A context of it; unset: its current-context. */
  context?: string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
  /** Monotonic milliseconds. */
  now?: () => number;
}

/** @throws Error that names the file, what is wrong with it, and what to do. */
export async function readCredentials(options: CredentialOptions = {}): Promise<Credentials> {
  const env = options.env ?? process.env;
  const now = options.now ?? (() => performance.now());
  const path = options.kubeconfig || env.KUBECONFIG;
  if (path) return fromFiles(path, options.context, now);
  if (env.KUBERNETES_SERVICE_HOST) return inCluster(env, now);
  const home = join(env.HOME || homedir(), '.kube', 'config');
  return fromFiles(home, options.context, now);
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

async function inCluster(
  env: Readonly<Record<string, string | undefined>>,
  now: () => number,
): Promise<Credentials> {
  const host = env.KUBERNETES_SERVICE_HOST!;
  const port = env.KUBERNETES_SERVICE_PORT || '443';
  const source = `the pod's service account (${ACCOUNT})`;
  const token = new TokenFile(`${ACCOUNT}/token`, now);
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    source,
    tls: { ca: await readNamed(`${ACCOUNT}/ca.crt`, source) },
    authorization: () => token.authorization(),
    refused: () => token.forget(),
  };
}

interface Named {
  name?: string;
}
interface Config {
  'current-context'?: string;
  clusters?: (Named & { cluster?: Cluster })[] | null;
  users?: (Named & { user?: User })[] | null;
  contexts?: (Named & { context?: { cluster?: string; user?: string } })[] | null;
}
interface Cluster {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
  'proxy-url'?: string;
}
interface User {
  token?: string;
  tokenFile?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  username?: string;
  password?: string;
  exec?: object;
  'auth-provider'?: object;
}

/** A member of a kubeconfig with the file that it is from: relative paths count from there. */
interface Found<T> {
  value: T;
  file: string;
}

async function fromFiles(
  paths: string,
  contextName: string | undefined,
  now: () => number,
): Promise<Credentials> {
  const files = paths.split(delimiter).filter((file) => file !== '');
  const configs: Found<Config>[] = [];
  for (const file of files) configs.push({ file, value: await readConfig(file) });
  const source = files.join(delimiter);

  const current =
    contextName ?? first(configs, (config) => config['current-context'] || undefined)?.value;
  if (current === undefined)
    throw new Error(`${source}: current-context is not set. Set it, or name a context`);
  const { value: context } = find(
    'context',
    current,
    (config) => named(config.contexts, current)?.context,
  );
  const clusterName = context.cluster ?? '';
  const cluster = find(
    'cluster',
    clusterName,
    (config) => named(config.clusters, clusterName)?.cluster,
  );
  const userName = context.user ?? '';
  // A context without a user is one of a server that lets everybody in.
  const user: Found<User> =
    userName === ''
      ? { file: cluster.file, value: {} }
      : find('user', userName, (config) => named(config.users, userName)?.user ?? undefined);

  const server = serverOf(cluster, clusterName);
  const tls = { ...(await clusterTls(cluster)), ...(await userTls(user)) };
  const base = { server, source, tls };
  const { token, tokenFile, username, password } = user.value;
  if (user.value.exec || user.value['auth-provider']) {
    const { pluginCredentials } = await import('./plugin.ts');
    return pluginCredentials(base, cluster.file, { cluster: cluster.value, user: user.value });
  }
  // As client-go has it: the file is the token's newest state, and goes before the token itself.
  if (tokenFile) {
    const file = new TokenFile(resolve(user.file, tokenFile), now);
    return { ...base, authorization: () => file.authorization(), refused: () => file.forget() };
  }
  const fixed =
    token !== undefined
      ? `Bearer ${token}`
      : username !== undefined
        ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
        : undefined;
  return { ...base, authorization: async () => fixed, refused: () => {} };

  function find<T>(what: string, name: string, pick: (config: Config) => T | undefined): Found<T> {
    const found = first(configs, pick);
    if (found === undefined)
      throw new Error(`${source}: there is no ${what} named ${JSON.stringify(name)}`);
    return found;
  }
}

function first<T>(
  configs: readonly Found<Config>[],
  pick: (config: Config) => T | undefined,
): Found<T> | undefined {
  for (const { file, value: config } of configs) {
    const value = pick(config);
    if (value !== undefined) return { file, value };
  }
  return undefined;
}

function named<T extends Named>(list: T[] | null | undefined, name: string): T | undefined {
  return list?.find((one) => one.name === name);
}

async function readConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(
      `there is no kubeconfig to be read at ${file} (${(error as { code?: string }).code}). Name one with --kubeconfig or KUBECONFIG`,
      { cause: error },
    );
  }
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    throw new Error(`${file} is not YAML: ${(error as Error).message}`, { cause: error });
  }
  if (typeof config !== 'object' || config === null || !('clusters' in config))
    throw new Error(`${file} is not a kubeconfig: it has no clusters`);
  return config as Config;
}

function serverOf(
  { value: { server, 'proxy-url': proxy }, file }: Found<Cluster>,
  name: string,
): URL {
  const whose = `${file}: cluster ${JSON.stringify(name)}`;
  if (proxy)
    throw new Error(`${whose} has a proxy-url, which is not supported. Use a direct address`);
  let url: URL | undefined;
  try {
    url = new URL(server ?? '');
  } catch {
    // Said below, together with an address of another kind.
  }
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new Error(`${whose}: server ${JSON.stringify(server ?? '')} is not an https:// address`);
  return url;
}

async function clusterTls({ value: cluster, file }: Found<Cluster>): Promise<TlsOptions> {
  const ca = await fileOrData(
    file,
    'certificate-authority',
    cluster['certificate-authority'],
    cluster['certificate-authority-data'],
  );
  return {
    ...(ca && { ca }),
    ...(cluster['tls-server-name'] && { servername: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] && { rejectUnauthorized: false }),
  };
}

async function userTls({ value: user, file }: Found<User>): Promise<TlsOptions> {
  const cert = await fileOrData(
    file,
    'client-certificate',
    user['client-certificate'],
    user['client-certificate-data'],
  );
  const key = await fileOrData(file, 'client-key', user['client-key'], user['client-key-data']);
  return { ...(cert && { cert }), ...(key && { key }) };
}

/** As kubectl has it, data goes before a file. */
async function fileOrData(
  config: string,
  what: string,
  file: string | undefined,
  data: string | undefined,
): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  if (!file) return undefined;
  return readNamed(resolve(config, file), `${config}: ${what}`);
}

function resolve(config: string, file: string): string {
  return isAbsolute(file) ? file : join(dirname(config), file);
}

async function readNamed(file: string, whose: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`${whose}: ${file} cannot be read (${(error as { code?: string }).code})`, {
      cause: error,
    });
  }
}

/** Bound tokens are replaced in place, about hourly; client-go reads them anew as often as this. */
const TOKEN_FRESH_MS = 60_000;

/** A token that somebody else keeps fresh in a file. */
class TokenFile {
  readonly #path: string;
  readonly #now: () => number;
  #header: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  async authorization(): Promise<string | undefined> {
    if (this.#now() - this.#readAt >= TOKEN_FRESH_MS) {
      const token = await readNamed(this.#path, 'the token');
      this.#header = `Bearer ${token.toString('utf8').trim()}`;
      this.#readAt = this.#now();
    }
    return this.#header;
  }

  forget(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}
