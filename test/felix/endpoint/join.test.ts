import { type Address, formatAddress, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Endpoint } from '../../../felix/endpoint/endpoint.ts';
import { type Allocation, type Found, join } from '../../../felix/endpoint/join.ts';
import { hostInterfaceOf } from '../../../felix/ours.ts';

const WEB = hostInterfaceOf('default', 'web');

function endpoint(overrides: Partial<Endpoint> = {}): Endpoint {
  return {
    containerID: 'c1',
    ifname: 'eth0',
    hostInterface: WEB,
    mac: '02:00:00:00:00:01',
    namespace: 'default',
    pod: 'web',
    addresses: [parseAddress('10.60.0.1')],
    mtu: 1500,
    network: 'k8s',
    handleId: 'k8s.c1',
    createdAt: 1000,
    ...overrides,
  };
}

function allocation(address: string, handleId: string, pod?: string): Allocation {
  return { address: parseAddress(address), handleId, namespace: pod && 'default', pod };
}

function interfaces(...entries: string[]): Map<string, Address[]> {
  return new Map(
    entries.map((entry) => {
      const [name, ...addresses] = entry.split(' ');
      return [name!, addresses.map(parseAddress)];
    }),
  );
}

/** `caliX 10.60.0.1` a workload, `subject: words of the reason` a doubt. */
function show(found: Partial<Found>): { workloads: string[]; inDoubt: string[] } {
  const joined = join({
    endpoints: [],
    interfaces: new Map(),
    blocks: [parsePrefix('10.60.0.0/26')],
    allocations: undefined,
    changedSince: new Set(),
    ...found,
  });
  return {
    workloads: joined.workloads.map(
      ({ hostInterface, addresses }) =>
        `${hostInterface} ${addresses.map(formatAddress).join(' ')}`,
    ),
    inDoubt: joined.inDoubt.map(({ subject, reason }) => `${subject}: ${reason}`),
  };
}

test('the host interface is named as Calico names it', () => {
  // printf default.web | sha1sum: 68caf03a5f4aa41b…
  expect(WEB).toBe('cali68caf03a5f4');
});

test.each<[name: string, found: Partial<Found>, workloads: string[], inDoubt: RegExp[]]>([
  [
    'file, interface and allocation agree: a pod without a doubt',
    {
      endpoints: [endpoint()],
      interfaces: interfaces(`${WEB} 10.60.0.1`),
      allocations: [allocation('10.60.0.1', 'k8s.c1', 'web')],
    },
    [`${WEB} 10.60.0.1`],
    [],
  ],
  [
    'before the datastore was read nothing is said of allocations',
    { endpoints: [endpoint()], interfaces: interfaces(`${WEB} 10.60.0.1`) },
    [`${WEB} 10.60.0.1`],
    [],
  ],
  [
    'a file whose interface is gone stays a pod',
    { endpoints: [endpoint()] },
    [`${WEB} 10.60.0.1`],
    [/^cali.*sandbox c1 \(pod default\/web\).*interface is gone/],
  ],
  [
    'an interface without a file keeps the routes that it has',
    { interfaces: interfaces('cali00000000001 10.60.0.5 fd00::5') },
    ['cali00000000001 10.60.0.5 fd00::5'],
    [/^cali00000000001: .*no endpoint file.*10\.60\.0\.5, fd00::5/],
  ],
  [
    'and gets those that IPAM knows its pod by',
    {
      interfaces: interfaces(`${WEB} 10.60.0.1`),
      allocations: [
        allocation('10.60.0.1', 'k8s.c1', 'web'),
        allocation('fd00::1', 'k8s.c1', 'web'),
      ],
    },
    [`${WEB} 10.60.0.1 fd00::1`],
    [/no endpoint file/],
  ],
  [
    'one that nothing is known of is left alone',
    { interfaces: interfaces('cali00000000001') },
    [],
    [/no endpoint file/],
  ],
  [
    'of two files for one interface the newer has it',
    {
      endpoints: [
        endpoint(),
        endpoint({ containerID: 'c2', createdAt: 2000, addresses: [parseAddress('10.60.0.2')] }),
      ],
      interfaces: interfaces(`${WEB} 10.60.0.2`),
    },
    [`${WEB} 10.60.0.2`],
    [/sandboxes c2 and c1 both claim/],
  ],
  [
    'a pod whose address is free in IPAM keeps it',
    { endpoints: [endpoint()], interfaces: interfaces(WEB), allocations: [] },
    [`${WEB} 10.60.0.1`],
    [/^10\.60\.0\.1: pod default\/web .* is free in IPAM/],
  ],
  [
    'so does one whose address belongs to another handle',
    {
      endpoints: [endpoint()],
      interfaces: interfaces(WEB),
      allocations: [allocation('10.60.0.1', 'k8s.c9')],
    },
    [`${WEB} 10.60.0.1`],
    [/^10\.60\.0\.1: .* belongs to handle k8s\.c9/],
  ],
  [
    'an address outside of our blocks is not ours to judge',
    {
      endpoints: [endpoint({ addresses: [parseAddress('10.61.0.1')] })],
      interfaces: interfaces(WEB),
      allocations: [],
    },
    [`${WEB} 10.61.0.1`],
    [],
  ],
  [
    'an allocation to a pod that is not here is reported, a tunnel’s is not',
    { allocations: [allocation('10.60.0.3', 'k8s.c3', 'db'), allocation('10.60.0.4', 'tunnel')] },
    [],
    [/^10\.60\.0\.3: IPAM has given it to pod default\/db \(handle k8s\.c3\)/],
  ],
  [
    'of addresses that pods got or gave back since nothing is said',
    {
      endpoints: [endpoint()],
      interfaces: interfaces(WEB),
      allocations: [allocation('10.60.0.3', 'k8s.c3', 'db')],
      changedSince: new Set(['10.60.0.1', '10.60.0.3']),
    },
    [`${WEB} 10.60.0.1`],
    [],
  ],
])('%s', (_, found, workloads, inDoubt) => {
  const shown = show(found);
  expect(shown.workloads).toEqual(workloads);
  expect(shown.inDoubt).toHaveLength(inDoubt.length);
  for (const [i, pattern] of inDoubt.entries()) expect(shown.inDoubt[i]).toMatch(pattern);
});
