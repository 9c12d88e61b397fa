/**
 * The Container Network Interface as data: requests checked, results and errors in the form of the version that the
 * conf asks for (0.3.1 to 1.1.0). https://www.cni.dev/docs/spec/
 */
import {
  type Address,
  type Family,
  formatAddress,
  type InterfaceAddress,
  parseInterfaceAddress,
} from 'net-ipaddr';
import { z } from 'zod';
import { faultOfContainerID, faultOfInterfaceName } from '../../felix/endpoint/names.ts';
import { faultOfMac, readAddresses } from './asked.ts';

export const SUPPORTED_VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

/** Of the specification's error codes those that we answer with, and above 100 our own. */
export const CNI_ERROR = {
  incompatibleVersion: 1,
  unknownContainer: 3,
  invalidEnvironment: 4,
  decodeFailure: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  notReady: 50,
  checkFailed: 101,
} as const;

/** An answer that is an error: its code, what was wrong, and what to do. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;
  constructor(code: number, message: string, details = '') {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export type Command = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC';

export interface Attachment {
  containerID: string;
  ifname: string;
}

export interface Conf {
  cniVersion: CniVersion;
  name: string;
  mtu: number | undefined;
  /** Set where another plugin, of this type, does the wiring, and only asks for addresses. */
  delegatedBy: string | undefined;
  /** The routers of a network that others run, such as macvlan's; none: each block is a subnet of its own. */
  gateways: readonly InterfaceAddress[];
  /** For the other plugin to set; undefined: a default route of each family. */
  routes: CniResult['routes'] | undefined;
  /** For GC: all that the runtime still knows of. */
  validAttachments: readonly Attachment[];
  /** Of a family: whether it is to be assigned, where the conf says so. */
  assigns: Partial<Record<Family, boolean>>;
  /** Of a family: names or CIDRs of the IPPools to assign from, where the conf names any. */
  pools: Partial<Record<Family, readonly string[]>>;
  prevResult: CniResult | undefined;
}

export interface CniRequest {
  command: Command;
  conf: Conf;
  containerID: string;
  ifname: string;
  /** What CNI_NETNS said; empty where it was absent. */
  netns: string;
  /** The pod's Kubernetes namespace and name; outside Kubernetes the conf's name and the containerID stand in. */
  namespace: string;
  pod: string;
  /** There is, or was, such a Pod at the API server. */
  isKubernetes: boolean;
  /** The Pod's, where the runtime tells it. */
  uid: string | undefined;
  /** Addresses that the runtime asks for: `IP` in CNI_ARGS, or the capability `ips`. */
  addresses: readonly Address[];
  /** `MAC` in CNI_ARGS, or the capability `mac`. */
  mac: string | undefined;
}

export interface CniResult {
  interfaces: { name: string; mac?: string | undefined; sandbox?: string | undefined }[];
  ips: { address: string; gateway?: string | undefined; interface?: number | undefined }[];
  routes: { dst: string; gw?: string | undefined }[];
}

const route = z.looseObject({ dst: z.string(), gw: z.string().optional() });

const result = z.looseObject({
  interfaces: z
    .array(
      z.looseObject({
        name: z.string(),
        mac: z.string().optional(),
        sandbox: z.string().optional(),
      }),
    )
    .default([]),
  ips: z
    .array(
      z.looseObject({
        address: z.string(),
        gateway: z.string().optional(),
        interface: z.number().optional(),
      }),
    )
    .default([]),
  routes: z.array(route).default([]),
});

const MAX_POOLS = 64;

const interfaceAddress = z.string().transform((text, context) => {
  try {
    return parseInterfaceAddress(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** Calico's are strings. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
  .optional();
const poolNames = z.array(z.string().min(1)).min(1).max(MAX_POOLS).optional();

const conf = z.looseObject({
  cniVersion: z.string().default('0.1.0'),
  name: z
    .string()
    .regex(
      /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
      'must begin with a letter or digit, then letters, digits, _ . -',
    )
    .max(255),
  type: z.string(),
  mtu: z.int().min(0).max(65_535).optional(),
  ipam: z
    .looseObject({
      assign_ipv4: flag,
      assign_ipv6: flag,
      ipv4_pools: poolNames,
      ipv6_pools: poolNames,
      type: z.string().optional(),
      gateways: z.array(interfaceAddress).max(2).default([]),
      routes: z.array(route).optional(),
    })
    .prefault({}),
  /** What the runtime fills in by the conf's capabilities. */
  runtimeConfig: z
    .looseObject({ ips: z.array(z.string()).default([]), mac: z.string().optional() })
    .prefault({}),
  'cni.dev/valid-attachments': z
    .array(z.looseObject({ containerID: z.string(), ifname: z.string() }))
    .optional(),
  prevResult: result.optional(),
});

/** `variables` are the CNI_* ones; `stdin` the conf's text. Throws CniError. */
export function readRequest(variables: ReadonlyMap<string, string>, stdin: string): CniRequest {
  const command = readCommand(variables.get('CNI_COMMAND'));
  const { runtimeConfig, ...checked } = readConf(stdin, command);
  // STATUS and GC are about the network, not about one container.
  const ofContainer = command !== 'STATUS' && command !== 'GC';
  const containerID = variables.get('CNI_CONTAINERID') ?? '';
  const ifname = variables.get('CNI_IFNAME') ?? '';
  const netns = variables.get('CNI_NETNS') ?? '';
  if (ofContainer) {
    refuse('CNI_CONTAINERID', faultOfContainerID(containerID));
    refuse('CNI_IFNAME', faultOfInterfaceName(ifname));
  }
  if ((command === 'ADD' || command === 'CHECK') && netns === '')
    refuse('CNI_NETNS', 'is not set; the runtime must name the pod’s network namespace');
  const args = readArgs(variables.get('CNI_ARGS') ?? '');
  return {
    command,
    conf: checked,
    containerID,
    ifname,
    netns,
    namespace: args.get('K8S_POD_NAMESPACE') ?? checked.name,
    pod: args.get('K8S_POD_NAME') ?? containerID,
    isKubernetes: POD_ARGS.every((key) => isObjectName(args.get(key))),
    uid: args.get('K8S_POD_UID'),
    ...askedByRuntime(args, runtimeConfig),
  };
}

type RuntimeConfig = z.output<typeof conf>['runtimeConfig'];

/** Podman's and nerdctl's `--ip` and `--mac-address`; the capabilities come before the older CNI_ARGS. */
function askedByRuntime(
  args: ReadonlyMap<string, string>,
  { ips, mac }: RuntimeConfig,
): Pick<CniRequest, 'addresses' | 'mac'> {
  const texts = ips.length > 0 ? ips : (args.get('IP')?.split(',') ?? []);
  const source = ips.length > 0 ? 'runtimeConfig.ips' : 'CNI_ARGS: IP';
  const asked = (fault: string) => new CniError(CNI_ERROR.invalidEnvironment, fault);
  // With or without a length, which the pod's interface does not take from here.
  const addresses = readAddresses(
    texts.map((text) => text.replace(/\/\d+$/, '')),
    (fault) => asked(`${source}: ${fault}`),
  );
  const wanted = mac ?? args.get('MAC');
  if (wanted === undefined) return { addresses, mac: undefined };
  const fault = faultOfMac(wanted);
  if (fault !== undefined) throw asked(`${mac ? 'runtimeConfig.mac' : 'CNI_ARGS: MAC'}: ${fault}`);
  return { addresses, mac: wanted.toLowerCase() };
}

function readCommand(text: string | undefined): Command {
  switch (text) {
    case 'ADD':
    case 'DEL':
    case 'CHECK':
    case 'STATUS':
    case 'GC':
      return text;
    default:
      throw new CniError(
        CNI_ERROR.invalidEnvironment,
        `CNI_COMMAND is ${text ? `"${text}"` : 'not set'}`,
        'it must be one of ADD, DEL, CHECK, GC, STATUS, VERSION',
      );
  }
}

function readConf(stdin: string, command: Command): Conf & { runtimeConfig: RuntimeConfig } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(stdin);
  } catch (error) {
    throw new CniError(
      CNI_ERROR.decodeFailure,
      stdin.trim() === ''
        ? 'the CNI conf on standard input is empty'
        : `the CNI conf on standard input is not JSON: ${(error as Error).message}`,
      'look at the conf file in /etc/cni/net.d: it may be truncated',
    );
  }
  const checked = conf.safeParse(parsed);
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    throw new CniError(
      CNI_ERROR.invalidConfig,
      `the CNI conf: ${issue.path.join('.') || 'it'}: ${issue.message}`,
      'correct the conf file in /etc/cni/net.d',
    );
  }
  const { cniVersion, name, type, mtu, ipam, runtimeConfig, prevResult } = checked.data;
  const validAttachments = checked.data['cni.dev/valid-attachments'];
  // None is another thing than an empty list: all would go.
  if (command === 'GC' && validAttachments === undefined)
    throw new CniError(
      CNI_ERROR.invalidConfig,
      'the CNI conf: cni.dev/valid-attachments is missing, without which GC cannot tell what to keep',
      'the runtime must name every attachment that is still valid',
    );
  if (!SUPPORTED_VERSIONS.includes(cniVersion as CniVersion))
    throw new CniError(
      CNI_ERROR.incompatibleVersion,
      `the CNI conf asks for version ${cniVersion}`,
      `supported are ${SUPPORTED_VERSIONS.join(', ')}: set cniVersion to one of them`,
    );
  return {
    cniVersion: cniVersion as CniVersion,
    name,
    mtu,
    assigns: byFamily(ipam.assign_ipv4, ipam.assign_ipv6),
    pools: byFamily(ipam.ipv4_pools, ipam.ipv6_pools),
    delegatedBy: ipam.type === 'tortie-ipam' && type !== 'tortie' ? type : undefined,
    gateways: ipam.gateways,
    routes: ipam.routes,
    validAttachments: validAttachments ?? [],
    runtimeConfig,
    prevResult,
  };
}

function byFamily<T>(ipv4: T | undefined, ipv6: T | undefined): Partial<Record<Family, T>> {
  return { ...(ipv4 !== undefined && { 4: ipv4 }), ...(ipv6 !== undefined && { 6: ipv6 }) };
}

/** `CNI_ARGS`: `KEY=VALUE;KEY=VALUE`. Keys that we do not know are none of our business. */
function readArgs(text: string): Map<string, string> {
  const args = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals <= 0)
      throw new CniError(
        CNI_ERROR.invalidEnvironment,
        `CNI_ARGS: "${part}" is not KEY=VALUE`,
        'write KEY=VALUE;KEY=VALUE',
      );
    args.set(part.slice(0, equals), part.slice(equals + 1));
  }
  for (const key of POD_ARGS) {
    const value = args.get(key);
    // They become part of the host interface's name and of file contents, never of a path.
    if (value !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$/.test(value))
      throw new CniError(
        CNI_ERROR.invalidEnvironment,
        `CNI_ARGS: ${key} is "${value}"`,
        'it must be the name of a Kubernetes object, or at least of a container',
      );
  }
  return args;
}

/** Podman gives its containers' names in them, which may be no names of Kubernetes'. */
const POD_ARGS = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME'];

function isObjectName(text: string | undefined): boolean {
  return text !== undefined && /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text);
}

function refuse(variable: string, fault: string | undefined): void {
  if (fault !== undefined)
    throw new CniError(CNI_ERROR.invalidEnvironment, `${variable}: ${fault}`);
}

/** The answer to an ADD, in the form of `version`. */
export function formatResult(version: CniVersion, answer: CniResult): string {
  return JSON.stringify({
    cniVersion: version,
    // What a plugin that only assigns addresses has none of.
    ...(answer.interfaces.length > 0 && { interfaces: answer.interfaces }),
    ips: answer.ips.map((ip) =>
      // Up to 0.4.0 each address says its IP version in a field of its own.
      version === '0.3.1' || version === '0.4.0'
        ? { version: ip.address.includes(':') ? '6' : '4', ...ip }
        : ip,
    ),
    routes: answer.routes,
    dns: {},
  });
}

export function formatError(version: string, error: CniError): string {
  return JSON.stringify({
    cniVersion: version,
    code: error.code,
    msg: error.message,
    ...(error.details && { details: error.details }),
  });
}

/** The version to tag an error with, from a conf that may be broken. */
export function versionForErrors(stdin: string): string {
  const found = /"cniVersion"\s*:\s*"([0-9.]{1,15})"/.exec(stdin)?.[1];
  return found ?? '1.0.0';
}

/** An address as a single host's prefix, as results carry it. */
export function hostCidr(address: Address): string {
  return `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;
}
