/** Tables: ages as kubectl rounds them, and the cells of Kubernetes' own kinds. */
import type { AnyObject } from '../../src/apiserver/objects.ts';
import { Resources } from '../../src/apiserver/resources.ts';
import { formatLabels, humanDuration } from '../../src/apiserver/table.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

test.each([
  [-5 * S, '<invalid>'],
  [-0.5 * S, '0s'],
  [0, '0s'],
  [119 * S, '119s'],
  [2 * M, '2m'],
  [2 * M + S, '2m1s'],
  [9 * M + 59 * S, '9m59s'],
  [10 * M + 59 * S, '10m'],
  [179 * M, '179m'],
  [3 * H, '3h'],
  [7 * H + 59 * M, '7h59m'],
  [8 * H + 59 * M, '8h'],
  [47 * H, '47h'],
  [2 * D, '2d'],
  [7 * D + 23 * H, '7d23h'],
  [8 * D + 23 * H, '8d'],
  [729 * D, '729d'],
  [730 * D, '2y'],
  [735 * D, '2y5d'],
  [9 * 365 * D, '9y'],
])('%d ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

test('labels are shown sorted', () => {
  expect(formatLabels({ b: '2', a: '1' })).toBe('a=1,b=2');
  expect(formatLabels({})).toBe('<none>');
});

const resources = new Resources();

function cells(group: string, plural: string, object: object): Record<string, unknown> {
  const served = resources.find(group, 'v1', plural)!;
  return Object.fromEntries(
    served.columns.map(({ name, cell }) => [name, cell(object as AnyObject, 5 * M)]),
  );
}

const metadata = { name: 'x', creationTimestamp: '1970-01-01T00:00:00Z' };

test.each<[string, string, object, object]>([
  [
    '',
    'nodes',
    { metadata },
    { Name: 'x', Status: 'Unknown', Roles: '<none>', Age: '5m', 'Internal-IP': '<none>' },
  ],
  [
    '',
    'nodes',
    {
      metadata: {
        ...metadata,
        labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/edge': '' },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
        nodeInfo: { kubeletVersion: 'v1.37.0' },
      },
    },
    {
      Status: 'Ready,SchedulingDisabled',
      Roles: 'edge,worker',
      'Internal-IP': '192.0.2.1',
      Version: 'v1.37.0',
    },
  ],
  [
    '',
    'pods',
    {
      metadata,
      spec: { nodeName: 'n1', containers: [{}, {}] },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        containerStatuses: [
          { ready: true, restartCount: 2 },
          { ready: false, restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } },
        ],
      },
    },
    { Ready: '1/2', Status: 'CrashLoopBackOff', Restarts: '3', IP: '10.0.0.1', Node: 'n1' },
  ],
  [
    '',
    'pods',
    { metadata: { ...metadata, deletionTimestamp: 'x' }, status: { phase: 'Running' } },
    { Ready: '0/0', Status: 'Terminating' },
  ],
  [
    '',
    'secrets',
    { metadata, type: 'Opaque', data: { a: '', b: '' } },
    { Type: 'Opaque', Data: 2 },
  ],
  ['', 'configmaps', { metadata, data: { a: '' }, binaryData: { b: '' } }, { Data: 2 }],
  [
    '',
    'services',
    {
      metadata,
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.1',
        selector: { app: 'web' },
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: 'UDP' },
        ],
      },
    },
    {
      Type: 'LoadBalancer',
      'Cluster-IP': '10.96.0.1',
      'External-IP': '<pending>',
      'Port(s)': '80:30080/TCP,53/UDP',
      Selector: 'app=web',
    },
  ],
  [
    '',
    'services',
    {
      metadata,
      spec: { externalIPs: ['192.0.2.9'] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }] } },
    },
    { 'External-IP': '192.0.2.9,192.0.2.8', 'Port(s)': '<none>' },
  ],
  [
    'discovery.k8s.io',
    'endpointslices',
    {
      metadata,
      addressType: 'IPv4',
      ports: [{ port: 80 }],
      endpoints: [{ addresses: ['1', '2', '3'] }, { addresses: ['4'] }],
    },
    { AddressType: 'IPv4', Ports: '80', Endpoints: '1,2,3 + 1 more...' },
  ],
  ['coordination.k8s.io', 'leases', { metadata, spec: { holderIdentity: 'me' } }, { Holder: 'me' }],
  [
    '',
    'events',
    {
      metadata,
      involvedObject: { kind: 'BGPPeer', name: 'tor' },
      lastTimestamp: '1970-01-01T00:04:00Z',
      type: 'Warning',
      reason: 'R',
      message: ' m\n',
    },
    { 'Last Seen': '60s', Object: 'bgppeer/tor', Message: 'm', Reason: 'R', Count: 1 },
  ],
  ['', 'namespaces', { metadata, status: { phase: 'Active' } }, { Status: 'Active' }],
])('%s/%s: %j', (group, plural, object, expected) => {
  expect(cells(group, plural, object)).toMatchObject(expected);
});

test('a malformed object has a row too', () => {
  const odd = {
    metadata: { name: 'x' },
    spec: 1,
    status: [null],
    data: 'x',
    ports: {},
    endpoints: 1,
  };
  for (const { columns } of resources.all)
    for (const { cell } of columns)
      expect(() => cell(odd as unknown as AnyObject, 0)).not.toThrow();
});
