/**
 * Kubernetes' own kinds as the server serves them. kube-apiserver has schemas for these; here they
 * are kept as they are written, apart from what its clients count on being filled in.
 */
import {
  ConfigMap,
  CustomResourceDefinition,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
} from '../../api/index.ts';
import type { ResourceType } from '../../ports.ts';
import {
  CONFIG_MAP_COLUMNS,
  CRD_COLUMNS,
  ENDPOINT_SLICE_COLUMNS,
  EVENT_COLUMNS,
  LEASE_COLUMNS,
  NAMESPACE_COLUMNS,
  NODE_COLUMNS,
  POD_COLUMNS,
  SECRET_COLUMNS,
  SERVICE_COLUMNS,
} from './columns.ts';
import { type AnyObject, isMembers, type Members } from './objects.ts';
import { ALL_VERBS, AS_SET, type MergeKeys, READ_VERBS, type Served } from './served.ts';
import type { Column } from './table.ts';

const META: MergeKeys = { 'metadata.finalizers': AS_SET, 'metadata.ownerReferences': 'uid' };

const CONTAINER: MergeKeys = {
  ports: 'containerPort',
  env: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
};

function under(path: string, keys: MergeKeys): MergeKeys {
  return Object.fromEntries(Object.entries(keys).map(([list, key]) => [`${path}.${list}`, key]));
}

/** What `patchMergeKey` says in Kubernetes' Go types. */
const POD_MERGE_KEYS: MergeKeys = {
  ...META,
  'spec.containers': 'name',
  'spec.initContainers': 'name',
  'spec.ephemeralContainers': 'name',
  ...under('spec.containers', CONTAINER),
  ...under('spec.initContainers', CONTAINER),
  ...under('spec.ephemeralContainers', CONTAINER),
  'spec.volumes': 'name',
  'spec.imagePullSecrets': 'name',
  'spec.hostAliases': 'ip',
  'spec.topologySpreadConstraints': 'topologyKey',
  'spec.resourceClaims': 'name',
  'status.conditions': 'type',
  'status.podIPs': 'ip',
  'status.hostIPs': 'ip',
};

const NODE_MERGE_KEYS: MergeKeys = {
  ...META,
  'spec.podCIDRs': AS_SET,
  'status.addresses': 'type',
  'status.conditions': 'type',
};

type Kind = Pick<Served, 'type' | 'columns'> & Partial<Served>;

function kubernetes(type: ResourceType, columns: readonly Column[], more: Partial<Kind>): Served {
  return {
    type,
    columns,
    singular: type.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: ALL_VERBS,
    hasStatus: false,
    hasGeneration: false,
    allowsUnconditionalUpdate: true,
    nameForm: 'subdomain',
    fields: {},
    mergeKeys: META,
    ...more,
  };
}

export function kubernetesResources(): Served[] {
  return [
    kubernetes(Node, NODE_COLUMNS, {
      shortNames: ['no'],
      hasStatus: true,
      fields: { 'spec.unschedulable': ['spec', 'unschedulable'] },
      mergeKeys: NODE_MERGE_KEYS,
    }),
    kubernetes(Pod, POD_COLUMNS, {
      shortNames: ['po'],
      categories: ['all'],
      hasStatus: true,
      hasGeneration: true,
      fields: fieldsOf(
        'spec.nodeName',
        'spec.restartPolicy',
        'spec.schedulerName',
        'spec.serviceAccountName',
        'spec.hostNetwork',
        'status.phase',
        'status.podIP',
        'status.nominatedNodeName',
      ),
      mergeKeys: POD_MERGE_KEYS,
      fillIn: fillInPod,
    }),
    kubernetes(Namespace, NAMESPACE_COLUMNS, {
      shortNames: ['ns'],
      hasStatus: true,
      nameForm: 'label',
      verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
      fields: fieldsOf('status.phase'),
      mergeKeys: { ...META, 'status.conditions': 'type' },
      fillIn: fillInNamespace,
    }),
    kubernetes(Secret, SECRET_COLUMNS, { fields: fieldsOf('type'), fillIn: fillInSecret }),
    kubernetes(ConfigMap, CONFIG_MAP_COLUMNS, { shortNames: ['cm'] }),
    kubernetes(Service, SERVICE_COLUMNS, {
      shortNames: ['svc'],
      categories: ['all'],
      hasStatus: true,
      nameForm: 'service',
      fields: fieldsOf('spec.clusterIP', 'spec.type'),
      mergeKeys: { ...META, 'spec.ports': 'port', 'status.conditions': 'type' },
      fillIn: fillInService,
    }),
    kubernetes(EndpointSlice, ENDPOINT_SLICE_COLUMNS, { hasGeneration: true }),
    kubernetes(Lease, LEASE_COLUMNS, { allowsUnconditionalUpdate: false }),
    kubernetes(Event, EVENT_COLUMNS, {
      shortNames: ['ev'],
      fields: {
        ...fieldsOf(
          'involvedObject.kind',
          'involvedObject.namespace',
          'involvedObject.name',
          'involvedObject.uid',
          'involvedObject.apiVersion',
          'involvedObject.resourceVersion',
          'involvedObject.fieldPath',
          'reason',
          'reportingComponent',
          'type',
        ),
        source: ['source', 'component'],
      },
    }),
    kubernetes(CustomResourceDefinition, CRD_COLUMNS, {
      shortNames: ['crd', 'crds'],
      verbs: READ_VERBS,
      hasGeneration: true,
    }),
  ];
}

function fieldsOf(...paths: string[]): Served['fields'] {
  return Object.fromEntries(paths.map((path) => [path, path.split('.')]));
}

function fillInPod(pod: AnyObject, old: AnyObject | undefined): void {
  if (old === undefined) pod.status = { phase: 'Pending' };
}

function fillInNamespace(namespace: AnyObject, old: AnyObject | undefined): void {
  const { metadata } = namespace;
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  if (old === undefined) {
    namespace.spec = { finalizers: ['kubernetes'] };
    namespace.status = { phase: 'Active' };
  }
}

/** `stringData` is written only: it becomes part of `data`. */
function fillInSecret(secret: AnyObject): void {
  secret.type ??= 'Opaque';
  if (!isMembers(secret.stringData)) return;
  const data: Members = isMembers(secret.data) ? { ...secret.data } : {};
  for (const [key, text] of Object.entries(secret.stringData))
    data[key] = Buffer.from(String(text)).toString('base64');
  secret.data = data;
  delete secret.stringData;
}

function fillInService(service: AnyObject): void {
  if (isMembers(service.spec)) service.spec = { type: 'ClusterIP', ...service.spec };
}
