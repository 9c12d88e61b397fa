/**
 * Reads a containerlab file (containerlab.dev/manual/topo-def-file) into a Topology. What the lab does not honour is
 * an error that names it: a lab that silently ignored a setting would test something else than what was written.
 */
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import {
  type LabNode,
  type Link,
  type LinkEnd,
  PODS_LABEL,
  type Topology,
  TopologyError,
} from './topology.ts';
import { substituteVariables } from './variables.ts';
import { splitWords } from './words.ts';

/** Containerlab's own default for links between nodes. */
const DEFAULT_LINK_MTU = 9500;
const MANAGEMENT = {
  network: 'clab',
  ipv4Subnet: '172.20.20.0/24',
  ipv6Subnet: '3fff:172:20:20::/64',
  mtu: 1500,
};

/** YAML reads `1` and `true` as what they are; in env, labels and sysctls they mean their text. */
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const scalars = z.record(z.string(), scalar);
const interfaceName = z
  .string()
  .regex(/^[^\s/:]{1,15}$/, 'an interface name has 1 to 15 characters, no space, slash or colon');
const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'a node name has letters, digits, - and _ only');

const nodeSettings = z.strictObject({
  kind: z.enum(['linux', 'bridge', 'host']).optional(),
  group: z.string().optional(),
  image: z.string().optional(),
  entrypoint: z.string().optional(),
  cmd: z.string().optional(),
  env: scalars.optional(),
  binds: z.array(z.string()).optional(),
  exec: z.array(z.string()).optional(),
  'network-mode': z.enum(['bridge', 'none', 'host']).optional(),
  'mgmt-ipv4': z.ipv4().optional(),
  'mgmt-ipv6': z.ipv6().optional(),
  labels: scalars.optional(),
  sysctls: scalars.optional(),
  'startup-delay': z.int().min(0).max(3600).optional(),
});
type NodeSettings = z.infer<typeof nodeSettings>;

const mtu = z.int().min(68).max(65535).optional();
const endObject = z.strictObject({
  node: z.string(),
  interface: interfaceName,
  mac: z.string().optional(),
});
const shortLink = z.strictObject({
  endpoints: z.tuple([z.string(), z.string()]),
  mtu,
});
const vethLink = z.strictObject({
  type: z.literal('veth'),
  endpoints: z.tuple([endObject, endObject]),
  mtu,
});
const hostLink = z.strictObject({
  type: z.enum(['host', 'mgmt-net']),
  endpoint: endObject,
  'host-interface': interfaceName,
  mtu,
});

const file = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'letters, digits, - and _ only'),
  prefix: z.string().optional(),
  mgmt: z
    .strictObject({
      network: z.string().optional(),
      bridge: interfaceName.optional(),
      'ipv4-subnet': z.cidrv4().optional(),
      'ipv6-subnet': z.cidrv6().optional(),
      mtu,
    })
    .optional(),
  topology: z.strictObject({
    defaults: nodeSettings.optional(),
    kinds: z.record(z.string(), nodeSettings).optional(),
    groups: z.record(z.string(), nodeSettings).optional(),
    nodes: z.record(nodeName, nodeSettings.nullable()),
    links: z.array(z.unknown()).optional(),
  }),
});
type File = z.infer<typeof file>;

/** Throws TopologyError; its message begins with `fileName` and names the setting. */
export function readTopology(
  fileName: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): Topology {
  try {
    const parsed = checked(file, parseYaml(substituteVariables(text, environment)), '');
    const nodes = Object.entries(parsed.topology.nodes).map(([name, own]) =>
      foldNode(parsed, name, own ?? {}),
    );
    const links = (parsed.topology.links ?? []).map((link, index) =>
      readLink(link, `topology.links.${index}`),
    );
    checkLinks(nodes, links);
    return {
      // `prefix` names the containers in containerlab; here it keeps two labs of one file apart.
      name: parsed.prefix ? `${parsed.prefix}-${parsed.name}` : parsed.name,
      management: {
        network: parsed.mgmt?.bridge ?? parsed.mgmt?.network ?? MANAGEMENT.network,
        ipv4Subnet: parsed.mgmt?.['ipv4-subnet'] ?? MANAGEMENT.ipv4Subnet,
        ipv6Subnet: parsed.mgmt?.['ipv6-subnet'] ?? MANAGEMENT.ipv6Subnet,
        mtu: parsed.mgmt?.mtu ?? MANAGEMENT.mtu,
      },
      nodes,
      links,
    };
  } catch (error) {
    if (error instanceof YAMLParseError || error instanceof Error)
      throw new TopologyError(`${fileName}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Node beats group beats kind beats defaults; maps are merged and lists joined, as in containerlab. */
function foldNode(parsed: File, name: string, own: NodeSettings): LabNode {
  const { defaults, kinds, groups } = parsed.topology;
  const groupName = own.group ?? defaults?.group;
  const group = groupName === undefined ? undefined : groups?.[groupName];
  if (groupName !== undefined && !group)
    throw new TopologyError(
      `topology.nodes.${name}: the group ${groupName} is not in topology.groups`,
    );
  const kind = own.kind ?? group?.kind ?? defaults?.kind;
  if (!kind)
    throw new TopologyError(
      `topology.nodes.${name}: has no kind; give it one of linux, bridge, host`,
    );
  const layers = [defaults, kinds?.[kind], group, own].filter((layer) => layer !== undefined);
  const last = <K extends keyof NodeSettings>(key: K): NodeSettings[K] =>
    layers.findLast((layer) => layer[key] !== undefined)?.[key];
  const merged = (key: 'env' | 'labels' | 'sysctls'): Record<string, string> =>
    Object.assign({}, ...layers.map((layer) => layer[key] ?? {}));
  const joined = (key: 'binds' | 'exec'): string[] => layers.flatMap((layer) => layer[key] ?? []);
  const entrypoint = last('entrypoint');
  const labels = merged('labels');
  if (!/^\d{0,3}$/.test(labels[PODS_LABEL] ?? ''))
    throw new TopologyError(
      `topology.nodes.${name}.labels: ${PODS_LABEL} is "${labels[PODS_LABEL]}"; give a number of pods`,
    );
  return {
    name,
    kind,
    image: last('image'),
    entrypoint: entrypoint === undefined ? undefined : splitWords(entrypoint),
    cmd: splitWords(last('cmd') ?? ''),
    env: merged('env'),
    binds: joined('binds'),
    exec: joined('exec').map(splitWords),
    networkMode: last('network-mode') ?? 'bridge',
    mgmtIpv4: own['mgmt-ipv4'],
    mgmtIpv6: own['mgmt-ipv6'],
    labels,
    sysctls: merged('sysctls'),
    startupDelaySeconds: last('startup-delay') ?? 0,
  };
}

function readLink(link: unknown, path: string): Link {
  const type = (link as { type?: unknown } | null)?.type;
  if (type === undefined) {
    const { endpoints, mtu } = checked(shortLink, link, path);
    return {
      ends: [readEnd(endpoints[0], path), readEnd(endpoints[1], path)],
      mtu: mtu ?? DEFAULT_LINK_MTU,
    };
  }
  if (type === 'veth') {
    const { endpoints, mtu } = checked(vethLink, link, path);
    return { ends: endpoints, mtu: mtu ?? DEFAULT_LINK_MTU };
  }
  if (type === 'host' || type === 'mgmt-net') {
    const long = checked(hostLink, link, path);
    const far = { node: type, interface: long['host-interface'] };
    return { ends: [long.endpoint, far], mtu: long.mtu ?? DEFAULT_LINK_MTU };
  }
  throw new TopologyError(
    `${path}: the link type ${JSON.stringify(type)} is not honoured; the lab knows veth, host and mgmt-net`,
  );
}

function readEnd(text: string, path: string): LinkEnd {
  const [node, name, ...rest] = text.split(':');
  if (!node || !name || rest.length > 0)
    throw new TopologyError(`${path}: the endpoint "${text}" is not NODE:INTERFACE`);
  return { node, interface: checked(interfaceName, name, `${path} "${text}"`) };
}

function checkLinks(nodes: readonly LabNode[], links: readonly Link[]): void {
  const known = new Set(['host', 'mgmt-net', ...nodes.map((node) => node.name)]);
  const taken = new Set<string>();
  for (const { ends } of links)
    for (const end of ends) {
      const text = `${end.node}:${end.interface}`;
      if (!known.has(end.node))
        throw new TopologyError(`topology.links: "${text}": there is no node ${end.node}`);
      if (taken.has(text)) throw new TopologyError(`topology.links: "${text}" is used twice`);
      taken.add(text);
      if (end.interface === 'eth0' && hasManagement(nodes, end.node))
        throw new TopologyError(
          `topology.links: "${text}": eth0 is the management network; use eth1, or network-mode: none`,
        );
    }
}

function hasManagement(nodes: readonly LabNode[], name: string): boolean {
  const node = nodes.find((candidate) => candidate.name === name);
  return node?.kind === 'linux' && node.networkMode === 'bridge';
}

function checked<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = [path, ...issue.path].filter((part) => part !== '').join('.') || 'the file';
  if (issue.code === 'unrecognized_keys')
    throw new TopologyError(`${where}: the lab does not honour ${issue.keys.join(', ')}`);
  throw new TopologyError(`${where}: ${issue.message}`);
}
