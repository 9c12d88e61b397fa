/**
 * What a role may do. An admin may do all that is served; an agent what agents need, so that a
 * token stolen from one node cannot, for example, make peers or read every Secret.
 */
import type { Served, Verb } from './served.ts';
import { ApiError, qualified } from './status.ts';
import type { Target } from './target.ts';
import type { Role } from './tokens.ts';

const READ: readonly Verb[] = ['get', 'list', 'watch'];
const WRITE: readonly Verb[] = ['create', 'update', 'patch'];
const ALL: readonly Verb[] = [...READ, ...WRITE, 'delete'];

/** Where agents' Secrets (BGP passwords) are. */
const AGENT_NAMESPACE = 'kube-system';

/** `plural.group` or `plural.group/status` → verbs. */
const NODE_ROLE: Readonly<Record<string, readonly Verb[]>> = {
  // Registers its own node, and keeps its addresses and tunnel annotations.
  nodes: [...READ, ...WRITE],
  'nodes/status': WRITE,
  // Workloads and what is advertised of them.
  pods: READ,
  'pods/status': ['patch'],
  namespaces: READ,
  services: READ,
  'endpointslices.discovery.k8s.io': READ,
  secrets: READ,
  events: WRITE,
  'leases.coordination.k8s.io': [...READ, ...WRITE],
  // Configuration is read; only its status is written.
  'bgpconfigurations.projectcalico.org': READ,
  'bgppeers.projectcalico.org': READ,
  'bgppeers.projectcalico.org/status': ['update', 'patch'],
  'bgpfilters.projectcalico.org': READ,
  'ippools.projectcalico.org': READ,
  'ipreservations.projectcalico.org': READ,
  'ipamconfigurations.projectcalico.org': READ,
  'felixconfigurations.projectcalico.org': READ,
  'clusterinformations.projectcalico.org': READ,
  'caliconodestatuses.projectcalico.org': [...READ, ...WRITE],
  'caliconodestatuses.projectcalico.org/status': ['update', 'patch'],
  // Addresses are handed out by the agents themselves.
  'ipamblocks.projectcalico.org': ALL,
  'blockaffinities.projectcalico.org': ALL,
  'ipamhandles.projectcalico.org': ALL,
};

/** @throws ApiError 403 */
export function authorize(role: Role, verb: Verb, target: Target): void {
  if (role === 'admin' || mayNode(verb, target)) return;
  const { served, namespace, name, isStatus } = target;
  const { group } = served.type;
  const resource = `${served.type.plural}${isStatus ? '/status' : ''}`;
  const scope =
    namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  throw new ApiError(
    403,
    'Forbidden',
    `${qualified(served.type)}${name === undefined ? '' : ` "${name}"`} is forbidden: User "tortie:${role}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`,
    { details: { ...(name !== undefined && { name }), group, kind: served.type.plural } },
  );
}

function mayNode(verb: Verb, target: Target): boolean {
  const { served, isStatus } = target;
  if (isSecret(served) && !isNamedSecret(target)) return false;
  const rule = NODE_ROLE[`${qualified(served.type)}${isStatus ? '/status' : ''}`];
  return rule?.includes(verb) ?? false;
}

/** One that the asker knows the name of, as RBAC's resourceNames let through: a token does not tell which there are. */
function isNamedSecret({ namespace, name, query }: Target): boolean {
  const isOne =
    name !== undefined || /^metadata\.name=[^,]+$/.test(query.get('fieldSelector') ?? '');
  return namespace === AGENT_NAMESPACE && isOne;
}

function isSecret({ type }: Served): boolean {
  return type.group === '' && type.kind === 'Secret';
}
