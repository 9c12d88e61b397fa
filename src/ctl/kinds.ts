/** The kinds that tortiectl knows by name, as calicoctl and kubectl spell them, and what it shows of each. */

import { formatAddress } from 'net-ipaddr';
import {
  allowedUsesOf,
  BGPConfiguration,
  BGPPeer,
  CUSTOM_RESOURCES,
  type CustomResource,
  IPPool,
  Node,
  readNodeNetwork,
} from '../../api/index.ts';
import type { KubeObject, ResourceType } from '../../ports.ts';

export class UsageError extends Error {}

/** calicoctl's short names that the resources themselves do not carry. */
const ALIASES: Record<string, string> = {
  bgpp: 'bgppeers',
  ipp: 'ippools',
  no: 'nodes',
  felixconfig: 'felixconfigurations',
  ipamconfig: 'ipamconfigurations',
};

const KINDS: readonly ResourceType[] = [...CUSTOM_RESOURCES, Node];

/** `bgppeer`, `BGPPeer`, `bgppeers`, `bgppeers.projectcalico.org`. */
export function kindByName(name: string): ResourceType {
  const wanted = name.toLowerCase().replace(/\.(projectcalico\.org|v3\.projectcalico\.org)$/, '');
  const plural = ALIASES[wanted] ?? wanted;
  const found = KINDS.find((kind) => namesOf(kind).includes(plural));
  if (found) return found;
  throw new UsageError(
    `there is no resource type "${name}"; there are ${KINDS.map((kind) => kind.plural).join(', ')}`,
  );
}

/** By an object's own apiVersion and kind, among KINDS and `also`. */
export function kindOf(
  object: { apiVersion?: unknown; kind?: unknown },
  also: readonly ResourceType[],
): ResourceType {
  const found = [...KINDS, ...also].find(
    (kind) => kind.kind === object.kind && apiVersionOf(kind) === object.apiVersion,
  );
  if (found) return found;
  throw new UsageError(
    `${object.apiVersion} ${object.kind} is not a resource of ours; write for example "apiVersion: projectcalico.org/v3" and "kind: IPPool"`,
  );
}

export function customKind(kind: ResourceType): CustomResource | undefined {
  return CUSTOM_RESOURCES.find((custom) => custom.plural === kind.plural);
}

function apiVersionOf(kind: ResourceType): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

function namesOf(kind: ResourceType): string[] {
  const { singular = kind.kind.toLowerCase(), shortNames = [] } = customKind(kind) ?? {};
  return [kind.plural, singular, ...shortNames];
}

/** `ippool.projectcalico.org/rack-a`, as kubectl names an object. */
export function nameOf(kind: ResourceType, name: string): string {
  const group = kind.group === '' ? '' : `.${kind.group}`;
  return `${kind.kind.toLowerCase()}${group}/${name}`;
}

interface Columns {
  titles: readonly string[];
  cells: (object: KubeObject) => string[];
}

/** calicoctl's columns, narrow and wide; for the other kinds the name. */
export function columnsOf(kind: ResourceType, wide: boolean): Columns {
  return (
    COLUMNS[kind.plural]?.(wide) ?? { titles: ['NAME'], cells: (object) => [object.metadata.name] }
  );
}

function columns<T extends KubeObject>(
  _kind: ResourceType<T>,
  titles: readonly string[],
  cells: (object: T) => unknown[],
): Columns {
  return {
    titles,
    cells: (object) => cells(object as T).map((cell) => (cell === undefined ? '' : String(cell))),
  };
}

const COLUMNS: Record<string, (wide: boolean) => Columns> = {
  bgppeers: () =>
    columns(BGPPeer, ['NAME', 'PEERIP', 'NODE', 'ASN'], ({ metadata, spec }) => [
      metadata.name,
      spec.peerIP ?? spec.peerSelector ?? spec.interface,
      spec.node ?? spec.nodeSelector ?? '(global)',
      spec.asNumber,
    ]),
  bgpconfigurations: () =>
    columns(
      BGPConfiguration,
      ['NAME', 'LOGSEVERITY', 'MESHENABLED', 'ASNUMBER'],
      ({ metadata, spec }) => [
        metadata.name,
        spec?.logSeverityScreen ?? 'Info',
        spec?.nodeToNodeMeshEnabled ?? true,
        spec?.asNumber ?? 64512,
      ],
    ),
  ippools: (wide) =>
    wide
      ? columns(
          IPPool,
          [
            'NAME',
            'CIDR',
            'NAT',
            'IPIPMODE',
            'VXLANMODE',
            'UDPMODE',
            'DISABLED',
            'DISABLEBGPEXPORT',
            'SELECTOR',
            'ASSIGNMENTMODE',
            'ALLOWEDUSES',
          ],
          (pool) => [
            pool.metadata.name,
            pool.spec.cidr,
            pool.spec.natOutgoing ?? false,
            pool.spec.ipipMode ?? 'Never',
            pool.spec.vxlanMode ?? 'Never',
            pool.spec.udpMode ?? 'Never',
            pool.spec.disabled ?? false,
            pool.spec.disableBGPExport ?? false,
            pool.spec.nodeSelector ?? 'all()',
            pool.spec.assignmentMode ?? 'Automatic',
            allowedUsesOf(pool.spec),
          ],
        )
      : columns(IPPool, ['NAME', 'CIDR', 'SELECTOR'], ({ metadata, spec }) => [
          metadata.name,
          spec.cidr,
          spec.nodeSelector ?? 'all()',
        ]),
  nodes: (wide) =>
    columns(Node, wide ? ['NAME', 'ASN', 'IPV4', 'IPV6'] : ['NAME'], ({ metadata }) => {
      const { network } = readNodeNetwork(metadata);
      const text = (one: typeof network.ipv4Address) =>
        one && `${formatAddress(one.address)}/${one.length}`;
      return wide
        ? [
            metadata.name,
            network.asNumber ?? '(cluster)',
            text(network.ipv4Address),
            text(network.ipv6Address),
          ]
        : [metadata.name];
    }),
};
