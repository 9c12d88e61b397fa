/** BGPConfiguration: cluster-wide BGP settings (`default`) and one node's (`node.<name>`). */
import { z } from 'zod';
import { isCommunity } from './community.ts';
import {
  address,
  addressOfFamily,
  asNumber,
  bfd,
  community,
  duration,
  integer,
  password,
  prefix,
  programClusterRoutes,
  routePriority,
} from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';
import { withRules } from './rules.ts';

/** Bounds keep the cost that kube-apiserver estimates for CEL rules within its budget. */
const MAX_CIDRS = 500;

const cidrs = z.array(z.looseObject({ cidr: prefix() })).max(MAX_CIDRS);

const spec = withRules(
  z.looseObject({
    logSeverityScreen: z
      .string()
      .regex(/^(Trace|Debug|Info|Warning|Error|Fatal)?$/i, {
        error: ({ input }) =>
          `${JSON.stringify(input)} is not a severity: write Trace, Debug, Info, Warning, Error or Fatal`,
      })
      .default('Info')
      // A CRD's pattern has no flags, so it says there what i says here.
      .meta({ pattern: '^(?i)(Trace|Debug|Info|Warning|Error|Fatal)?$' }),
    nodeToNodeMeshEnabled: z.boolean().default(true),
    asNumber: asNumber().default(64512),
    listenPort: integer(1, 65535).default(179),
    bindMode: z.enum(['None', 'NodeIP']).default('None'),
    nodeMeshPassword: password.optional(),
    nodeMeshMaxRestartTime: duration().optional(),
    /** Ours: the hold time of every session whose BGPPeer says none. Keepalives at a third of it. */
    holdTime: duration().default('90s'),
    /** Ours: BFD for every session of the mesh; other sessions have their BGPPeer's. */
    bfd: bfd.optional(),
    /** Ours: the collectors that every node tells of its sessions and routes (RFC 7854). */
    bmp: z
      .looseObject({
        collectors: z.array(z.looseObject({ address: address(), port: integer(1, 65535) })).max(16),
        /** Between statistics reports; 0s: none. */
        statisticsInterval: duration().default('60s'),
      })
      .optional(),
    /** Ours: without filters nothing comes from, or goes to, a peer in another AS (RFC 8212). */
    ebgpRequiresPolicy: z.enum(['Enabled', 'Disabled']).default('Disabled'),
    /** Ours: the origins of routes from eBGP peers are validated (RFC 6811) by what these caches say (RFC 8210). */
    rpki: z
      .looseObject({
        servers: z
          .array(z.looseObject({ address: address(), port: integer(1, 65535).default(323) }))
          .max(8),
        invalidRoutes: z.enum(['Accept', 'Reject']).default('Accept'),
      })
      .optional(),
    ignoredInterfaces: z.array(z.string().min(1)).optional(),
    communities: z
      .array(z.looseObject({ name: z.string().min(1).max(253), value: community() }))
      .max(500)
      .optional(),
    prefixAdvertisements: z
      .array(
        z.looseObject({
          cidr: prefix(),
          communities: z.array(z.string().max(253)).max(50),
        }),
      )
      .max(500)
      .optional(),
    serviceClusterIPs: cidrs.optional(),
    serviceExternalIPs: cidrs.optional(),
    serviceLoadBalancerIPs: cidrs.optional(),
    serviceLoadBalancerAggregation: z.enum(['Enabled', 'Disabled']).default('Enabled'),
    localWorkloadPeeringIPV4: addressOfFamily(4).optional(),
    localWorkloadPeeringIPV6: addressOfFamily(6).optional(),
    programClusterRoutes: programClusterRoutes.optional(),
    ipv4NormalRoutePriority: routePriority().default(1024),
    ipv6NormalRoutePriority: routePriority().default(1024),
  }),
  [
    {
      field: 'nodeMeshPassword',
      holds: (spec) => spec.nodeMeshPassword === undefined || spec.nodeToNodeMeshEnabled,
      message: 'needs the mesh: remove it, or set nodeToNodeMeshEnabled to true',
      cel: '!has(self.nodeMeshPassword) || !has(self.nodeToNodeMeshEnabled) || self.nodeToNodeMeshEnabled',
    },
    {
      field: 'nodeMeshMaxRestartTime',
      holds: (spec) => spec.nodeMeshMaxRestartTime === undefined || spec.nodeToNodeMeshEnabled,
      message: 'needs the mesh: remove it, or set nodeToNodeMeshEnabled to true',
      cel: '!has(self.nodeMeshMaxRestartTime) || !has(self.nodeToNodeMeshEnabled) || self.nodeToNodeMeshEnabled',
    },
    {
      field: 'bfd',
      holds: (spec) => spec.bfd === undefined || spec.nodeToNodeMeshEnabled,
      message: 'needs the mesh: remove it, or set nodeToNodeMeshEnabled to true',
      cel: '!has(self.bfd) || !has(self.nodeToNodeMeshEnabled) || self.nodeToNodeMeshEnabled',
    },
    {
      field: 'communities',
      holds: ({ communities = [], prefixAdvertisements = [] }) =>
        communities.every(({ name }) =>
          prefixAdvertisements.some((advertisement) => advertisement.communities.includes(name)),
        ),
      message: 'has a name that no prefixAdvertisements entry uses: use it there, or remove it',
      cel: '!has(self.communities) || size(self.communities) == 0 || (has(self.prefixAdvertisements) && size(self.prefixAdvertisements) > 0)',
    },
    {
      field: 'prefixAdvertisements',
      holds: ({ communities = [], prefixAdvertisements = [] }) =>
        prefixAdvertisements.every((advertisement) =>
          advertisement.communities.every(
            (text) => isCommunity(text) || communities.some(({ name }) => name === text),
          ),
        ),
      message:
        'uses a community that is neither a value (aa:nn or aa:nn:mm) nor a name in communities: define it there',
    },
  ],
);

/** What only the whole cluster can have: a node's own configuration must not set it. */
const CLUSTER_WIDE = [
  'nodeToNodeMeshEnabled',
  'asNumber',
  'nodeMeshPassword',
  'nodeMeshMaxRestartTime',
  'bfd',
  'bmp',
  'ebgpRequiresPolicy',
  'rpki',
  'serviceClusterIPs',
  'serviceExternalIPs',
  'serviceLoadBalancerIPs',
] as const;

const schema = z.looseObject({
  ...typeAndMeta('BGPConfiguration'),
  spec: spec.prefault({}),
});

function isNodeForm(name: string): boolean {
  return name.startsWith('node.');
}

export type BGPConfiguration = z.input<typeof schema>;

export const BGPConfiguration = resource('BGPConfiguration', {
  plural: 'bgpconfigurations',
  shortNames: ['bgpconfig', 'bgpconfigs'],
  storesDefaults: false,
  rulesAsWritten: [
    {
      holds: ({ metadata }) => metadata.name === 'default' || isNodeForm(metadata.name),
      message: 'must be named default, or node.<name> for what one node overrides',
      cel: "self.metadata.name == 'default' || self.metadata.name.startsWith('node.')",
    },
    ...CLUSTER_WIDE.map((field) => ({
      field: `spec.${field}`,
      holds: ({ metadata, spec }: BGPConfiguration) =>
        !isNodeForm(metadata.name) || spec?.[field] === undefined,
      message: 'holds for the whole cluster: set it in the BGPConfiguration named default',
      cel: `!self.metadata.name.startsWith('node.') || !has(self.spec) || !has(self.spec.${field})`,
    })),
  ],
  columns: [
    { name: 'AS', type: 'string', jsonPath: '.spec.asNumber' },
    { name: 'Mesh', type: 'boolean', jsonPath: '.spec.nodeToNodeMeshEnabled' },
    { name: 'Log', type: 'string', jsonPath: '.spec.logSeverityScreen' },
  ],
  schema,
});
