/**
 * Kubernetes' own kinds, as much of them as we read or write. All are loose: what is not named here
 * is kept. They have no schema of ours, since kube-apiserver owns their validation.
 */
import type { KubeObject, ObjectMeta, ResourceType } from '../ports.ts';

/** An object of which only some members are named; the others survive a rewrite. */
interface Loose {
  [member: string]: unknown;
}

function core<T extends KubeObject>(
  kind: T['kind'],
  plural: string,
  options: { group?: string; version?: string; namespaced: boolean },
): ResourceType<T> {
  return { group: '', version: 'v1', kind, plural, ...options };
}

export interface Condition extends Loose {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastHeartbeatTime?: string;
}

export interface Node extends Loose {
  apiVersion: 'v1';
  kind: 'Node';
  metadata: ObjectMeta;
  spec?: Loose & {
    podCIDR?: string;
    podCIDRs?: string[];
    unschedulable?: boolean;
    taints?: { key: string; value?: string; effect: string }[];
  };
  status?: Loose & {
    addresses?: { type: string; address: string }[];
    conditions?: Condition[];
  };
}
export const Node = core<Node>('Node', 'nodes', { namespaced: false });

export interface Pod extends Loose {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: ObjectMeta;
  spec?: Loose & {
    nodeName?: string;
    hostNetwork?: boolean;
    containers?: (Loose & { name: string; image?: string })[];
  };
  status?: Loose & {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    podIP?: string;
    podIPs?: { ip: string }[];
    conditions?: Condition[];
  };
}
export const Pod = core<Pod>('Pod', 'pods', { namespaced: true });

export interface Namespace extends Loose {
  apiVersion: 'v1';
  kind: 'Namespace';
  metadata: ObjectMeta;
  status?: Loose & { phase?: 'Active' | 'Terminating' };
}
export const Namespace = core<Namespace>('Namespace', 'namespaces', { namespaced: false });

export interface Secret extends Loose {
  apiVersion: 'v1';
  kind: 'Secret';
  metadata: ObjectMeta;
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
  /** Plain text; the API server turns it into `data` and never returns it. */
  stringData?: Record<string, string>;
}
export const Secret = core<Secret>('Secret', 'secrets', { namespaced: true });

export interface ConfigMap extends Loose {
  apiVersion: 'v1';
  kind: 'ConfigMap';
  metadata: ObjectMeta;
  data?: Record<string, string>;
}
export const ConfigMap = core<ConfigMap>('ConfigMap', 'configmaps', { namespaced: true });

export interface Service extends Loose {
  apiVersion: 'v1';
  kind: 'Service';
  metadata: ObjectMeta;
  spec?: Loose & {
    type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
    clusterIP?: string;
    clusterIPs?: string[];
    externalIPs?: string[];
    loadBalancerIP?: string;
    externalTrafficPolicy?: 'Cluster' | 'Local';
    internalTrafficPolicy?: 'Cluster' | 'Local';
    selector?: Record<string, string>;
    ports?: (Loose & {
      name?: string;
      protocol?: string;
      port: number;
      targetPort?: number | string;
      nodePort?: number;
    })[];
  };
  status?: Loose & { loadBalancer?: { ingress?: (Loose & { ip?: string })[] } };
}
export const Service = core<Service>('Service', 'services', { namespaced: true });

export interface EndpointSlice extends Loose {
  apiVersion: 'discovery.k8s.io/v1';
  kind: 'EndpointSlice';
  metadata: ObjectMeta;
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  endpoints: (Loose & {
    addresses: string[];
    nodeName?: string;
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  })[];
  ports?: (Loose & { name?: string; protocol?: string; port?: number })[];
}
export const EndpointSlice = core<EndpointSlice>('EndpointSlice', 'endpointslices', {
  group: 'discovery.k8s.io',
  namespaced: true,
});

export interface Lease extends Loose {
  apiVersion: 'coordination.k8s.io/v1';
  kind: 'Lease';
  metadata: ObjectMeta;
  spec?: Loose & {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    /** RFC 3339 with microseconds. */
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}
export const Lease = core<Lease>('Lease', 'leases', {
  group: 'coordination.k8s.io',
  namespaced: true,
});

/** A core/v1 Event, the form that kubectl describe shows. */
export interface Event extends Loose {
  apiVersion: 'v1';
  kind: 'Event';
  metadata: ObjectMeta;
  involvedObject: Loose & {
    apiVersion?: string;
    kind?: string;
    name?: string;
    namespace?: string;
    uid?: string;
  };
  reason?: string;
  message?: string;
  type?: 'Normal' | 'Warning';
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  source?: { component?: string; host?: string };
}
export const Event = core<Event>('Event', 'events', { namespaced: true });

export interface CustomResourceDefinition extends Loose {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: ObjectMeta;
  spec: Loose & {
    group: string;
    names: {
      kind: string;
      listKind: string;
      plural: string;
      singular: string;
      shortNames?: string[];
      categories?: string[];
    };
    scope: 'Cluster' | 'Namespaced';
    versions: (Loose & { name: string; served: boolean; storage: boolean })[];
  };
  status?: Loose & { conditions?: Condition[] };
}
export const CustomResourceDefinition = core<CustomResourceDefinition>(
  'CustomResourceDefinition',
  'customresourcedefinitions',
  { group: 'apiextensions.k8s.io', namespaced: false },
);

/** The kinds that the embedded API server serves beside ours. */
export const CORE_RESOURCES: readonly ResourceType[] = [
  Node,
  Pod,
  Namespace,
  Secret,
  ConfigMap,
  Service,
  EndpointSlice,
  Lease,
  Event,
];
