/** IPPool: a range that pod addresses come from, and how its routes travel. */
import { overlaps, parsePrefix } from 'net-ipaddr';
import { z } from 'zod';
import { conditions, integer, prefix, selector } from './fields.ts';
import { resource, typeAndMeta } from './resource.ts';
import { isSet, type Rule, withRules } from './rules.ts';

const encapsulation = z.enum(['Never', 'Always', 'CrossSubnet']);

const fields = z.looseObject({
  cidr: prefix().meta({
    'x-kubernetes-validations': [
      {
        rule: 'self == oldSelf',
        message: 'cannot be changed: make a new pool, move the pods there, delete this one',
      },
    ],
  }),
  blockSize: integer(0, 128)
    .optional()
    .meta({
      'x-kubernetes-validations': [
        {
          rule: 'self == oldSelf',
          message: 'cannot be changed: make a new pool, move the pods there, delete this one',
        },
      ],
    }),
  ipipMode: encapsulation.default('Never'),
  vxlanMode: encapsulation.default('Never'),
  /** Ours, for kernels that have neither: packets bare in UDP datagrams, as Flannel's. */
  udpMode: encapsulation.default('Never'),
  natOutgoing: z.boolean().default(false),
  disabled: z.boolean().default(false),
  disableBGPExport: z.boolean().default(false),
  nodeSelector: selector().default('all()'),
  namespaceSelector: selector().optional(),
  allowedUses: z
    .array(z.enum(['Workload', 'Tunnel', 'LoadBalancer']))
    .max(10)
    .optional(),
  assignmentMode: z.enum(['Automatic', 'Manual']).default('Automatic'),
});

type Spec = z.output<typeof fields>;

const isLoadBalancer = (spec: Spec) => spec.allowedUses?.includes('LoadBalancer') ?? false;
const isInKernel = (spec: Spec) => spec.ipipMode !== 'Never' || spec.vxlanMode !== 'Never';
const isEncapsulated = (spec: Spec) => isInKernel(spec) || spec.udpMode !== 'Never';

const CEL_LOAD_BALANCER = "(has(self.allowedUses) && 'LoadBalancer' in self.allowedUses)";
const CEL_IPIP = "(has(self.ipipMode) && self.ipipMode != 'Never')";
const CEL_VXLAN = "(has(self.vxlanMode) && self.vxlanMode != 'Never')";
const CEL_UDP = "(has(self.udpMode) && self.udpMode != 'Never')";
const CEL_BLOCK_SIZE =
  '(has(self.blockSize) && self.blockSize != 0 ? self.blockSize : (cidr(self.cidr).ip().family() == 4 ? 26 : 122))';

const rules: readonly Rule<Spec>[] = [
  {
    field: 'cidr',
    // Checked by parsePrefix; here for kube-apiserver, whose format "cidr" lets host bits pass.
    holds: () => true,
    message: 'has host bits set: write the network address',
    cel: 'cidr(self.cidr) == cidr(self.cidr).masked()',
  },
  {
    field: 'cidr',
    holds: ({ cidr }) =>
      !overlaps(parsePrefix('169.254.0.0/16'), parsePrefix(cidr)) &&
      !overlaps(parsePrefix('fe80::/10'), parsePrefix(cidr)),
    message: 'overlaps the link-local range (169.254.0.0/16, fe80::/10): choose another',
    cel: "!cidr('169.254.0.0/16').containsIP(cidr(self.cidr).ip()) && !cidr(self.cidr).containsIP('169.254.0.0') && !cidr('fe80::/10').containsIP(cidr(self.cidr).ip()) && !cidr(self.cidr).containsIP('fe80::')",
  },
  {
    field: 'ipipMode',
    holds: (spec) => spec.ipipMode === 'Never' || spec.vxlanMode === 'Never',
    message: 'and vxlanMode exclude each other: set one of them to Never',
    cel: `!${CEL_IPIP} || !${CEL_VXLAN}`,
  },
  {
    field: 'udpMode',
    holds: (spec) => spec.udpMode === 'Never' || !isInKernel(spec),
    message: 'excludes ipipMode and vxlanMode: set these to Never, or udpMode',
    cel: `!${CEL_UDP} || !${CEL_IPIP} && !${CEL_VXLAN}`,
  },
  {
    field: 'ipipMode',
    holds: (spec) => spec.ipipMode === 'Never' || familyOf(spec.cidr) === 4,
    message: 'is for IPv4 pools only: set it to Never, or use vxlanMode',
    cel: `!${CEL_IPIP} || cidr(self.cidr).ip().family() == 4`,
  },
  {
    field: 'blockSize',
    holds: ({ cidr, blockSize }) => {
      if (!blockSize) return true;
      return familyOf(cidr) === 4
        ? blockSize >= 20 && blockSize <= 32
        : blockSize >= 116 && blockSize <= 128;
    },
    message: 'must be 20 to 32 in an IPv4 pool, 116 to 128 in an IPv6 pool',
    cel: '!has(self.blockSize) || self.blockSize == 0 || (cidr(self.cidr).ip().family() == 4 ? self.blockSize >= 20 && self.blockSize <= 32 : self.blockSize >= 116 && self.blockSize <= 128)',
  },
  {
    field: 'cidr',
    holds: (spec) => spec.disabled || parsePrefix(spec.cidr).length <= blockSizeOf(spec),
    message: 'is smaller than one block: choose a shorter prefix, or a larger blockSize',
    cel: `(has(self.disabled) && self.disabled) || cidr(self.cidr).prefixLength() <= ${CEL_BLOCK_SIZE}`,
  },
  {
    field: 'allowedUses',
    holds: (spec) => !isLoadBalancer(spec) || spec.allowedUses?.length === 1,
    message: 'cannot hold LoadBalancer together with another use: make a pool for each',
    cel: `!${CEL_LOAD_BALANCER} || !self.allowedUses.exists(use, use != 'LoadBalancer')`,
  },
  {
    field: 'allowedUses',
    holds: (spec) => !isLoadBalancer(spec) || !isEncapsulated(spec),
    message: 'is LoadBalancer, which has no tunnels: set ipipMode, vxlanMode and udpMode to Never',
    cel: `!${CEL_LOAD_BALANCER} || !${CEL_IPIP} && !${CEL_VXLAN} && !${CEL_UDP}`,
  },
  {
    field: 'disableBGPExport',
    holds: (spec) => !isLoadBalancer(spec) || !spec.disableBGPExport,
    message: 'makes a LoadBalancer pool unreachable: set it to false',
    cel: `!${CEL_LOAD_BALANCER} || !has(self.disableBGPExport) || !self.disableBGPExport`,
  },
  {
    field: 'nodeSelector',
    holds: (spec) => !isLoadBalancer(spec) || spec.nodeSelector === 'all()',
    message: 'must be all() in a LoadBalancer pool',
    cel: `!${CEL_LOAD_BALANCER} || !has(self.nodeSelector) || self.nodeSelector == 'all()'`,
  },
  {
    field: 'nodeSelector',
    holds: (spec) => !spec.nodeSelector.includes('global('),
    message: 'selects nodes, which global() never does: use all()',
    cel: "!has(self.nodeSelector) || !self.nodeSelector.contains('global(')",
  },
  {
    field: 'namespaceSelector',
    holds: (spec) => !spec.namespaceSelector?.includes('global('),
    message: 'selects namespaces, which global() never does: use all()',
    cel: "!has(self.namespaceSelector) || !self.namespaceSelector.contains('global(')",
  },
  {
    field: 'namespaceSelector',
    holds: (spec) => !isSet(spec.namespaceSelector) || !spec.allowedUses?.includes('Tunnel'),
    message: 'cannot pick the namespaces of tunnel addresses: set allowedUses to [Workload]',
    cel: "!has(self.namespaceSelector) || size(self.namespaceSelector) == 0 || !has(self.allowedUses) || !('Tunnel' in self.allowedUses)",
  },
];

const schema = z.looseObject({
  ...typeAndMeta('IPPool'),
  spec: withRules(fields, rules),
  status: z.looseObject({ conditions: conditions.optional() }).optional(),
});

export type IPPool = z.input<typeof schema>;

export const IPPool = resource('IPPool', {
  plural: 'ippools',
  hasStatus: true,
  columns: [
    { name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' },
    { name: 'Block', type: 'integer', jsonPath: '.spec.blockSize' },
    { name: 'VXLAN', type: 'string', jsonPath: '.spec.vxlanMode' },
    { name: 'IPIP', type: 'string', jsonPath: '.spec.ipipMode' },
    { name: 'UDP', type: 'string', jsonPath: '.spec.udpMode' },
    { name: 'NAT', type: 'boolean', jsonPath: '.spec.natOutgoing' },
    { name: 'Disabled', type: 'boolean', jsonPath: '.spec.disabled' },
  ],
  schema,
});

/**
 * The prefix length of a pool's blocks. Its default depends on the family, which no schema can say,
 * so read it here and not from the field; 0 there means the default too.
 */
export function blockSizeOf(spec: { cidr: string; blockSize?: number | undefined }): number {
  return spec.blockSize || (familyOf(spec.cidr) === 4 ? 26 : 122);
}

/**
 * What a pool's addresses may be used for. Unset depends on another field: a pool for some
 * namespaces has no tunnel addresses, since nodes are in no namespace.
 */
export function allowedUsesOf(
  spec: Pick<Spec, 'allowedUses' | 'namespaceSelector'>,
): readonly ('Workload' | 'Tunnel' | 'LoadBalancer')[] {
  if (spec.allowedUses?.length) return spec.allowedUses;
  return isSet(spec.namespaceSelector) ? ['Workload'] : ['Workload', 'Tunnel'];
}

function familyOf(cidr: string): 4 | 6 {
  return parsePrefix(cidr).address.family;
}
