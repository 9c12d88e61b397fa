/**
 * The agent's settings. Each can be given as a flag, an environment variable or a key of the settings file (in this
 * order of precedence); where Calico's node has the same setting, the variable has Calico's name.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isAddress, parseInterfaceAddress, parsePrefix } from 'net-ipaddr';
import { parse as parseYaml } from 'yaml';
import { type CniVersion, SUPPORTED_VERSIONS } from '../cni/protocol.ts';
import { LOG_LEVELS, type LogLevel } from '../system.ts';

export interface AgentConfig {
  nodeName: string;
  /** Undefined: in-cluster credentials, or the usual places. */
  kubeconfig: string | undefined;
  /** What outlives the agent: endpoint files and, beyond a reboot of the machine, releases that wait for the datastore. */
  stateDir: string;
  /** Sockets. */
  runDir: string;
  /** This node's address with its prefix length; `autodetect`, or `none`: the family is not used. */
  ipv4: string;
  ipv6: string;
  /** How `autodetect` looks: `first-found`, `interface=REGEX` or `cidr=CIDR[,CIDR]`. */
  autodetection: string;
  /** Of IPv6, where that is another. */
  autodetection6: string | undefined;
  asNumber: number | undefined;
  /** Where the Secrets are that BGPPeers name. */
  namespace: string;
  /** Pods have addresses of the Node's spec.podCIDRs instead of blocks: the same on every node of a cluster. */
  usePodCidr: boolean | undefined;
  /** Where the container runtime looks for conf lists and for plugins, where the agent puts its own; or `none`. */
  cniConfDir: string;
  cniBinDir: string;
  /** Of the conf list: what the runtime and all chained plugins must know. */
  cniVersion: CniVersion;
  /** Where /healthz and /readyz are served: ADDRESS:PORT. */
  healthListen: string;
  logLevel: LogLevel;
}

interface Setting {
  key: keyof AgentConfig;
  flag: string;
  variable: string;
  description: string;
  fallback: string | undefined;
}

/** The order of `--help`. */
export const SETTINGS: readonly Setting[] = [
  setting('nodeName', '--node-name <name>', 'NODENAME', 'name of this Node', hostname()),
  setting('kubeconfig', '--kubeconfig <file>', 'KUBECONFIG', 'credentials for the datastore'),
  setting(
    'ipv4',
    '--ipv4 <cidr>',
    'IP',
    'IPv4 address with length, autodetect or none',
    'autodetect',
  ),
  setting('ipv6', '--ipv6 <cidr>', 'IP6', 'IPv6 address with length, autodetect or none', 'none'),
  setting(
    'autodetection',
    '--autodetection <method>',
    'IP_AUTODETECTION_METHOD',
    'first-found, interface=REGEX or cidr=CIDR',
    'first-found',
  ),
  setting(
    'autodetection6',
    '--autodetection6 <method>',
    'IP6_AUTODETECTION_METHOD',
    'the same for IPv6 (default: as for IPv4)',
  ),
  setting(
    'asNumber',
    '--as <number>',
    'AS',
    'AS number of this node (default: that of BGPConfiguration)',
  ),
  setting(
    'namespace',
    '--namespace <name>',
    'NAMESPACE',
    'where the Secrets with BGP passwords are',
    ownNamespace(),
  ),
  setting(
    'stateDir',
    '--state-dir <folder>',
    'TORTIE_STATE_DIR',
    'endpoint files',
    '/var/lib/tortie',
  ),
  setting('runDir', '--run-dir <folder>', 'TORTIE_RUN_DIR', 'sockets', '/run/tortie'),
  setting(
    'usePodCidr',
    '--use-pod-cidr <true|false>',
    'USE_POD_CIDR',
    'pods’ addresses are of the Node’s spec.podCIDRs (default: of blocks)',
  ),
  setting(
    'cniConfDir',
    '--cni-conf-dir <folder>',
    'CNI_CONF_DIR',
    'where 10-tortie.conflist goes, or none',
    '/etc/cni/net.d',
  ),
  setting(
    'cniBinDir',
    '--cni-bin-dir <folder>',
    'CNI_BIN_DIR',
    'where the CNI plugins go, or none',
    '/opt/cni/bin',
  ),
  setting(
    'cniVersion',
    '--cni-version <version>',
    'CNI_VERSION',
    `of the conf list: ${SUPPORTED_VERSIONS.join(', ')}`,
    '1.0.0',
  ),
  setting(
    'healthListen',
    '--health-listen <address:port>',
    'TORTIE_HEALTH_LISTEN',
    '/healthz and /readyz',
    '127.0.0.1:9099',
  ),
  setting('logLevel', '--log-level <level>', 'TORTIE_LOG_LEVEL', LOG_LEVELS.join(', '), 'info'),
];

/** A pod is told its own; agents outside of pods share their Secrets with the system's. */
function ownNamespace(): string {
  try {
    return readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8').trim();
  } catch {
    return 'kube-system';
  }
}

export class ConfigError extends Error {}

/** `flags` by key, as the command line gave them. Throws ConfigError that names the setting and where it came from. */
export function readConfig(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  settingsFile: string | undefined,
): AgentConfig {
  const file = settingsFile === undefined ? {} : readSettingsFile(settingsFile);
  const values: Record<string, unknown> = {};
  for (const { key, flag, variable, fallback } of SETTINGS) {
    const [value, source] =
      flags[key] !== undefined
        ? [flags[key], flag.split(' ')[0]!]
        : environment[variable]
          ? [environment[variable], variable]
          : [file[key], `${key} in ${settingsFile}`];
    values[key] = value === undefined ? fallback : checkers[key](value, source);
  }
  const config = values as unknown as AgentConfig;
  if (config.ipv4 === 'none' && config.ipv6 === 'none')
    throw new ConfigError('IP and IP6 are both none: a node needs an address of one family');
  return config;
}

type Checker = (value: string, source: string) => unknown;

const checkers: Record<keyof AgentConfig, Checker> = {
  nodeName(value, source) {
    if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value))
      throw new ConfigError(
        `${source}: "${value}" is not a Node name (lower-case letters, digits, - and .)`,
      );
    return value;
  },
  kubeconfig: asIs,
  stateDir: absolutePath,
  runDir: absolutePath,
  ipv4: nodeAddress(4),
  ipv6: nodeAddress(6),
  autodetection: detectionMethod,
  autodetection6: detectionMethod,
  asNumber: integer(1, 4_294_967_295),
  namespace(value, source) {
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value))
      throw new ConfigError(
        `${source}: "${value}" is not a namespace (lower-case letters, digits and -)`,
      );
    return value;
  },
  usePodCidr(value, source) {
    if (value === 'true' || value === 'false') return value === 'true';
    throw new ConfigError(`${source}: "${value}" is neither true nor false`);
  },
  cniConfDir: absolutePathOrNone,
  cniBinDir: absolutePathOrNone,
  cniVersion(value, source) {
    if (!SUPPORTED_VERSIONS.includes(value as CniVersion))
      throw new ConfigError(`${source}: "${value}" is none of ${SUPPORTED_VERSIONS.join(', ')}`);
    return value;
  },
  healthListen(value, source) {
    const colon = value.lastIndexOf(':');
    const port = integer(1, 65_535)(value.slice(colon + 1), source);
    const host = value.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    if (!isAddress(host)) throw new ConfigError(`${source}: "${host}" is not an address`);
    return `${value.slice(0, colon)}:${port}`;
  },
  logLevel(value, source) {
    if (!LOG_LEVELS.includes(value as LogLevel))
      throw new ConfigError(`${source}: "${value}" is none of ${LOG_LEVELS.join(', ')}`);
    return value;
  },
};

function setting(
  key: keyof AgentConfig,
  flag: string,
  variable: string,
  description: string,
  fallback?: string,
): Setting {
  return { key, flag, variable, description, fallback };
}

function readSettingsFile(path: string): Record<string, string> {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError(`the settings file ${path}: ${(error as Error).message}`);
  }
  if (typeof content !== 'object' || Array.isArray(content))
    throw new ConfigError(`the settings file ${path}: write one "key: value" a line`);
  for (const key of Object.keys(content as object))
    if (!SETTINGS.some((known) => known.key === key))
      throw new ConfigError(
        `the settings file ${path}: there is no setting ${key}; there are ${SETTINGS.map((known) => known.key).join(', ')}`,
      );
  return Object.fromEntries(
    Object.entries(content as object).map(([key, value]) => [key, String(value)]),
  );
}

function asIs(value: string): string {
  return value;
}

function absolutePath(value: string, source: string): string {
  if (!value.startsWith('/'))
    throw new ConfigError(`${source}: "${value}" is not an absolute path`);
  return value;
}

function absolutePathOrNone(value: string, source: string): string {
  return value === 'none' ? value : absolutePath(value, source);
}

function integer(least: number, most: number) {
  return (value: string, source: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most)
      throw new ConfigError(`${source}: "${value}" is not a number from ${least} to ${most}`);
    return number;
  };
}

function detectionMethod(value: string, source: string): string {
  const [method, argument] = split(value, '=');
  try {
    if (method === 'first-found' && argument === undefined) return value;
    if (method === 'interface' && argument) return new RegExp(argument) && value;
    if (method === 'cidr' && argument) return argument.split(',').map(parsePrefix) && value;
  } catch (error) {
    throw new ConfigError(`${source}: ${(error as Error).message}`);
  }
  throw new ConfigError(`${source}: "${value}" is none of first-found, interface=REGEX, cidr=CIDR`);
}

function nodeAddress(family: 4 | 6): Checker {
  return (value, source) => {
    if (value === 'autodetect' || value === 'none') return value;
    try {
      if (parseInterfaceAddress(value).address.family === family) return value;
    } catch (error) {
      throw new ConfigError(`${source}: ${(error as Error).message}`);
    }
    throw new ConfigError(`${source}: ${value} is not an IPv${family} address`);
  };
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
