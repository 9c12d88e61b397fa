/** Small valid objects for the contract's tests. */
import type { BGPPeer, ConfigMap, IPPool, Node, Pod } from '../../../api/index.ts';
import type { ObjectMeta } from '../../../ports.ts';

export function pool(name: string, metadata: Partial<ObjectMeta> = {}): IPPool {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name, ...metadata },
    spec: { cidr: '10.0.0.0/16' },
  };
}

export function peer(name: string, spec: Partial<BGPPeer['spec']> = {}): BGPPeer {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name },
    spec: { peerIP: '192.0.2.1', asNumber: 64512, ...spec },
  };
}

export function node(name: string, metadata: Partial<ObjectMeta> = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, ...metadata } };
}

export function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data,
  };
}

export function pod(name: string, nodeName: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName,
      containers: [{ name: 'pause', image: 'pause' }],
      // Without a controller there is no service account to mount a token of.
      automountServiceAccountToken: false,
    },
  };
}
