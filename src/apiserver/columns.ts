/** The columns that kubectl shows for Kubernetes' own kinds, computed as kube-apiserver does. */
import { type AnyObject, isMembers, listAt, type Members, textAt, valueAt } from './objects.ts';
import { AGE_COLUMN, age, type Column, column, formatLabels, NAME_COLUMN } from './table.ts';

const WIDE = { priority: 1 };
const NONE = '<none>';

function field(name: string, path: string, ifEmpty = '', more = {}): Column {
  const steps = path.split('.');
  return column(name, (object) => textAt(object, steps) || ifEmpty, more);
}

function count(name: string, of: (object: AnyObject) => number): Column {
  return column(name, of, { type: 'integer' });
}

function memberCount(object: AnyObject, member: string): number {
  const members = object[member];
  return isMembers(members) ? Object.keys(members).length : 0;
}

const ROLE_LABEL = 'node-role.kubernetes.io/';

function nodeStatus(node: AnyObject): string {
  const ready = listAt(node, ['status', 'conditions']).find(({ type }) => type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (valueAt(node, ['spec', 'unschedulable']) === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeRoles(node: AnyObject): string {
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_LABEL)) return [key.slice(ROLE_LABEL.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return [...new Set(roles.filter(Boolean))].sort().join(',') || NONE;
}

function nodeAddress(type: string): Column['cell'] {
  return (node) => {
    const found = listAt(node, ['status', 'addresses']).find((one) => one.type === type);
    return found === undefined ? NONE : String(found.address);
  };
}

function podStatus(pod: AnyObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const { state } of listAt(pod, ['status', 'containerStatuses'])) {
    const reason = textAt(state, ['waiting', 'reason']) || textAt(state, ['terminated', 'reason']);
    if (reason !== '') return reason;
  }
  return textAt(pod, ['status', 'reason']) || textAt(pod, ['status', 'phase']) || 'Unknown';
}

function podReady(pod: AnyObject): string {
  const ready = listAt(pod, ['status', 'containerStatuses']).filter((one) => one.ready === true);
  return `${ready.length}/${listAt(pod, ['spec', 'containers']).length}`;
}

function podRestarts(pod: AnyObject): string {
  const counts = listAt(pod, ['status', 'containerStatuses']).map((one) => one.restartCount);
  return String(counts.reduce((sum: number, one) => sum + Number(one ?? 0), 0));
}

function servicePorts(service: AnyObject): string {
  const ports = listAt(service, ['spec', 'ports']).map(({ port, nodePort, protocol }) => {
    return `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`;
  });
  return ports.join(',') || NONE;
}

function serviceExternal(service: AnyObject): string {
  const external = valueAt(service, ['spec', 'externalIPs']);
  const addresses = Array.isArray(external) ? external.map(String) : [];
  for (const { ip, hostname } of listAt(service, ['status', 'loadBalancer', 'ingress']))
    addresses.push(String(ip ?? hostname));
  if (addresses.length > 0) return addresses.join(',');
  return textAt(service, ['spec', 'type']) === 'LoadBalancer' ? '<pending>' : NONE;
}

/** The first three, as kubectl has them, and how many more there are. */
function abbreviated(values: readonly string[]): string {
  if (values.length === 0) return '<unset>';
  const shown = values.slice(0, 3).join(',');
  return values.length > 3 ? `${shown} + ${values.length - 3} more...` : shown;
}

function sliceEndpoints(slice: AnyObject): string {
  return abbreviated(
    listAt(slice, ['endpoints']).flatMap(({ addresses }) =>
      Array.isArray(addresses) ? addresses.map(String) : [],
    ),
  );
}

function eventTime(event: AnyObject): string {
  return (
    textAt(event, ['series', 'lastObservedTime']) ||
    textAt(event, ['lastTimestamp']) ||
    textAt(event, ['eventTime']) ||
    textAt(event, ['metadata', 'creationTimestamp'])
  );
}

function eventObject(event: AnyObject): string {
  const { kind = '', name = '' } = (event.involvedObject ?? {}) as Members;
  return `${String(kind).toLowerCase()}/${name}`;
}

export const NODE_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  AGE_COLUMN,
  field('Version', 'status.nodeInfo.kubeletVersion'),
  column('Internal-IP', nodeAddress('InternalIP'), WIDE),
  column('External-IP', nodeAddress('ExternalIP'), WIDE),
  field('OS-Image', 'status.nodeInfo.osImage', '<unknown>', WIDE),
  field('Kernel-Version', 'status.nodeInfo.kernelVersion', '<unknown>', WIDE),
  field('Container-Runtime', 'status.nodeInfo.containerRuntimeVersion', '<unknown>', WIDE),
];

export const POD_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  column('Ready', podReady),
  column('Status', podStatus),
  column('Restarts', podRestarts),
  AGE_COLUMN,
  field('IP', 'status.podIP', NONE, WIDE),
  field('Node', 'spec.nodeName', NONE, WIDE),
  field('Nominated Node', 'status.nominatedNodeName', NONE, WIDE),
  column('Readiness Gates', () => NONE, WIDE),
];

export const NAMESPACE_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('Status', 'status.phase'),
  AGE_COLUMN,
];

export const SECRET_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('Type', 'type'),
  count('Data', (secret) => memberCount(secret, 'data')),
  AGE_COLUMN,
];

export const CONFIG_MAP_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  count('Data', (map) => memberCount(map, 'data') + memberCount(map, 'binaryData')),
  AGE_COLUMN,
];

export const SERVICE_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('Type', 'spec.type'),
  field('Cluster-IP', 'spec.clusterIP', NONE),
  column('External-IP', serviceExternal),
  column('Port(s)', servicePorts),
  AGE_COLUMN,
  column('Selector', (service) => formatLabels(valueAt(service, ['spec', 'selector'])), WIDE),
];

export const ENDPOINT_SLICE_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('AddressType', 'addressType'),
  column('Ports', (slice) => abbreviated(listAt(slice, ['ports']).map(({ port }) => String(port)))),
  column('Endpoints', sliceEndpoints),
  AGE_COLUMN,
];

export const LEASE_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('Holder', 'spec.holderIdentity'),
  AGE_COLUMN,
];

export const EVENT_COLUMNS: readonly Column[] = [
  column('Last Seen', (event, nowMs) => age(eventTime(event), nowMs)),
  field('Type', 'type'),
  field('Reason', 'reason'),
  column('Object', eventObject),
  field('Subobject', 'involvedObject.fieldPath', '', WIDE),
  field('Source', 'source.component', '', WIDE),
  column('Message', (event) => textAt(event, ['message']).trim()),
  column('Count', (event) => valueAt(event, ['count']) ?? 1, { ...WIDE, type: 'integer' }),
  { ...NAME_COLUMN, ...WIDE },
];

export const CRD_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  field('Created At', 'metadata.creationTimestamp'),
];
