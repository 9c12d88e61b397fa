import {
  ConfigMap,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
} from '../../../api/index.ts';
import type { KubeObject, ResourceType } from '../../../ports.ts';
import type { Contract } from '../contract.ts';
import { configMap, node, pod } from './samples.ts';

export function kubernetesKindsContract(contract: Contract): void {
  const { fresh } = contract;
  const inDefault = (name: string) => ({ name, namespace: 'default' });

  const examples: [kind: string, ResourceType, (name: string) => KubeObject][] = [
    ['Node', Node, (name) => node(name, { labels: { 'kubernetes.io/hostname': name } })],
    ['Pod', Pod, (name) => pod(name, 'n')],
    [
      'Namespace',
      Namespace,
      (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ],
    ['ConfigMap', ConfigMap, (name) => configMap(name, { a: 'b' })],
    [
      'Secret',
      Secret,
      (name) =>
        ({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: inDefault(name),
          type: 'Opaque',
          data: { password: 'c2VjcmV0' },
        }) as KubeObject,
    ],
    [
      'Service',
      Service,
      (name) =>
        ({
          apiVersion: 'v1',
          kind: 'Service',
          metadata: inDefault(name),
          spec: { selector: { app: 'a' }, ports: [{ port: 80, protocol: 'TCP' }] },
        }) as KubeObject,
    ],
    [
      'EndpointSlice',
      EndpointSlice,
      (name) =>
        ({
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { ...inDefault(name), labels: { 'kubernetes.io/service-name': 'a' } },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
          ports: [{ port: 80, name: 'http', protocol: 'TCP' }],
        }) as KubeObject,
    ],
    [
      'Lease',
      Lease,
      (name) =>
        ({
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: inDefault(name),
          spec: {
            holderIdentity: 'a',
            leaseDurationSeconds: 15,
            renewTime: '2026-01-01T00:00:00.000000Z',
          },
        }) as KubeObject,
    ],
    [
      'Event',
      Event,
      (name) =>
        ({
          apiVersion: 'v1',
          kind: 'Event',
          metadata: inDefault(name),
          involvedObject: { kind: 'Node', name: 'n', namespace: 'default' },
          reason: 'R',
          message: 'M',
          type: 'Normal',
          source: { component: 'tortie' },
        }) as KubeObject,
    ],
  ];

  test.each(examples)('%s: create, read, patch, update, list', async (kind, type, example) => {
    const { store } = contract;
    const object = example(fresh(`kind-${kind.toLowerCase()}`));
    const { name, namespace } = object.metadata;
    const created = await store.create(type, object);
    expect(created).toMatchObject(object);
    expect(created.metadata.uid).toBeTruthy();
    const within = namespace ? { namespace } : {};
    const labelled = await store.patch(
      type,
      name,
      { metadata: { labels: { seen: name } } },
      within,
    );
    const annotated = await store.update(type, {
      ...labelled,
      metadata: { ...labelled.metadata, annotations: { a: 'b' } },
    });
    expect(await store.get(type, name, namespace)).toEqual(annotated);
    const { items } = await store.list(type, { labelSelector: `seen=${name}` });
    expect(items).toEqual([annotated]);
  });

  test("a node's status has an address of its own", async () => {
    const { store } = contract;
    const name = fresh('node-status');
    const created = await store.create(Node, node(name));
    const addresses = [{ type: 'InternalIP', address: '10.0.0.1' }];
    const reported = await store.updateStatus(Node, { ...created, status: { addresses } });
    expect(reported.status!.addresses).toEqual(addresses);
    const annotated = await store.patch(Node, name, {
      metadata: { annotations: { 'projectcalico.org/IPv4Address': '10.0.0.1/24' } },
      status: { addresses: [] },
    });
    expect(annotated.status!.addresses).toEqual(addresses);
  });

  test("a pod's status has, too", async () => {
    const { store } = contract;
    const name = fresh('pod-status');
    await store.create(Pod, pod(name, 'n'));
    const patched = await store.patch(
      Pod,
      name,
      { status: { phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] } },
      { namespace: 'default', subresource: 'status' },
    );
    expect(patched.status).toMatchObject({ phase: 'Running', podIP: '10.0.0.9' });
    await store.delete(Pod, name, { namespace: 'default' });
  });

  test("a secret's stringData is stored as data", async () => {
    const created = await contract.store.create(Secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: inDefault(fresh('secret')),
      stringData: { password: 'secret' },
    });
    expect(created.data).toEqual({ password: 'c2VjcmV0' });
    expect(created.stringData).toBeUndefined();
  });

  test('an unconditional update is allowed where Kubernetes allows it', async () => {
    const name = fresh('blind');
    await contract.store.create(ConfigMap, configMap(name, { a: '1' }));
    const updated = await contract.store.update(ConfigMap, configMap(name, { a: '2' }));
    expect(updated.data).toEqual({ a: '2' });
  });
}
