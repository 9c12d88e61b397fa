/** A tunnel's address: asked for, annotated, kept, given back; on a fake datastore and allocator. */

import { formatAddress } from 'net-ipaddr';
import { type IPPool, Node, type NodeNetwork, readNodeNetwork } from '../../api/index.ts';
import type { AssignRequest } from '../../ipam/index.ts';
import type { ResourceType, Store } from '../../ports.ts';
import { deriveTunnelAddresses } from '../../src/agent/derive/tunnel-addresses.ts';
import { TunnelAddresses } from '../../src/agent/tunnel-addresses.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

let clock: TestClock;
let log: TestLog;
let addresses: TunnelAddresses;
/** What was done, in order. */
let done: string[];
/** Handle → address. */
let held: Map<string, string>;
let annotations: Record<string, string>;
let beforeAssign: () => Promise<void>;
let assignError: Error | undefined;
let patchError: Error | undefined;

beforeEach(() => {
  clock = new TestClock();
  log = new TestLog();
  done = [];
  held = new Map();
  annotations = {
    'projectcalico.org/IPv4Address': '192.0.2.1/24',
    'projectcalico.org/IPv6Address': '2001:db8::1/64',
  };
  beforeAssign = async () => {};
  assignError = patchError = undefined;
  addresses = newAddresses();
});

afterEach(() => addresses.close());

function newAddresses(): TunnelAddresses {
  return new TunnelAddresses({
    store: { patch } as unknown as Store,
    allocator: { assign, release },
    ...{ nodeName: 'one', clock, log, random: () => 0.5 },
  });
}

async function assign({ handleId, families, pools }: AssignRequest) {
  const [family] = families;
  const [pool] = pools![family!]!;
  const known = held.get(handleId);
  done.push(`assign ${handleId}`);
  await beforeAssign();
  if (assignError) throw assignError;
  const address = known ?? (family === 4 ? `10.${pool}.0.1` : `fd${pool}::1`);
  held.set(handleId, address);
  return [{ family: family!, address, block: '' }];
}

async function release({ handleId }: { handleId: string }) {
  done.push(`release ${handleId}`);
  held.delete(handleId);
  return [];
}

async function patch(type: ResourceType, name: string, change: object) {
  if (patchError) throw patchError;
  expect([type, name]).toEqual([Node, 'one']);
  const { metadata } = change as { metadata: { annotations: Record<string, string | null> } };
  for (const [key, value] of Object.entries(metadata.annotations)) {
    done.push(`annotate ${key.split('/')[1]} ${value}`);
    if (value === null) delete annotations[key];
    else annotations[key] = value;
  }
}

/** `60 Always`: 10.60.0.0/16 with VXLAN; with `v6`, fd60::/16; with `ipip` or `udp` that tunnel. */
function pool(text: string): IPPool {
  const [name, mode, ...more] = text.split(' ');
  const has = (word: string) => more.includes(word);
  const tunnel = (['ipip', 'udp'] as const).find(has) ?? 'vxlan';
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: name! },
    spec: {
      cidr: has('v6') ? `fd${name}::/16` : `10.${name}.0.0/16`,
      [`${tunnel}Mode`]: mode,
      disabled: has('disabled'),
      ...(has('workloads') && { allowedUses: ['Workload'] }),
      ...(has('manual') && { assignmentMode: 'Manual' as const }),
      ...(has('elsewhere') && { nodeSelector: 'rack == "2"' }),
    },
  };
}

function network(): NodeNetwork {
  return readNodeNetwork({ name: 'one', annotations }).network;
}

/** The cluster has these pools now, and what that leads to has been done. */
function pools(...texts: string[]): Promise<void> {
  return poolsWhile([], ...texts);
}

/** While some node sends by these devices. */
async function poolsWhile(inUse: readonly string[], ...texts: string[]): Promise<void> {
  const self = { name: 'one', labels: {}, network: network() };
  const needs = deriveTunnelAddresses(self, texts.map(pool), new Set(inUse));
  addresses.want(needs, self.network);
  await clock.pass(0);
}

function annotated(field: 'ipv4VXLANTunnelAddress' | 'ipv6VXLANTunnelAddress'): string | undefined {
  const address = network()[field];
  return address && formatAddress(address);
}

const EACH_KIND = [
  ...['60 Always', '61 CrossSubnet v6', '62 Always ipip'],
  ...['63 CrossSubnet udp', '64 Always v6 udp'],
];

test('each kind of tunnel has a handle and an annotation of its own, with Calico’s names', async () => {
  await pools(...EACH_KIND);
  expect(done).toEqual([
    'assign vxlan-tunnel-addr-one',
    'annotate IPv4VXLANTunnelAddr 10.60.0.1',
    'assign vxlan-v6-tunnel-addr-one',
    'annotate IPv6VXLANTunnelAddr fd61::1',
    'assign ipip-tunnel-addr-one',
    'annotate IPv4IPIPTunnelAddr 10.62.0.1',
    'assign udp-tunnel-addr-one',
    'annotate IPv4UDPTunnelAddr 10.63.0.1',
    'assign udp-v6-tunnel-addr-one',
    'annotate IPv6UDPTunnelAddr fd64::1',
  ]);
  done = [];
  await pools(...EACH_KIND);
  expect(done).toEqual([]);
});

test('without a tunnel nothing is asked of anybody', async () => {
  await pools('60 Never', '61 Never v6');
  expect(done).toEqual([]);
});

test('what no pool needs is kept while some node sends by it', async () => {
  await pools('60 Always');
  done = [];
  await poolsWhile(['vxlan.calico'], '60 Always ipip');
  expect(done).toEqual(['assign ipip-tunnel-addr-one', 'annotate IPv4IPIPTunnelAddr 10.60.0.1']);
  done = [];
  await poolsWhile(['vxlan-v6.calico', 'tunl0'], '60 Always ipip');
  expect(done).toEqual(['release vxlan-tunnel-addr-one', 'annotate IPv4VXLANTunnelAddr null']);
});

test('an address is given back before its annotation goes', async () => {
  await pools('60 Always');
  done = [];
  await pools('60 Never');
  expect(done).toEqual(['release vxlan-tunnel-addr-one', 'annotate IPv4VXLANTunnelAddr null']);
  done = [];
  await pools();
  expect(done).toEqual([]);
});

test('a restarted agent keeps the address, and gives back what went out of use meanwhile', async () => {
  await pools('60 Always', '62 Always ipip');
  addresses = newAddresses();
  done = [];
  await pools('60 Always');
  expect(done).toEqual([
    'assign vxlan-tunnel-addr-one',
    'release ipip-tunnel-addr-one',
    'annotate IPv4IPIPTunnelAddr null',
  ]);
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
});

test('an address of a pool that is gone is changed for one of the pool that is there', async () => {
  await pools('60 Always');
  done = [];
  await pools('63 Always');
  expect(done).toEqual([
    'assign vxlan-tunnel-addr-one',
    'release vxlan-tunnel-addr-one',
    'assign vxlan-tunnel-addr-one',
    'annotate IPv4VXLANTunnelAddr 10.63.0.1',
  ]);
});

test('an annotation that somebody removed is written again', async () => {
  await pools('60 Always');
  delete annotations['projectcalico.org/IPv4VXLANTunnelAddr'];
  await pools('60 Always');
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
});

test('a pool that is disabled, manual, for workloads only or for other nodes gives none, and keeps what is given', async () => {
  await pools(
    ...['60 Always disabled', '61 Always workloads'],
    ...['62 Always elsewhere', '63 Always manual'],
  );
  expect(done).toEqual([]);
  expect(addresses.problems()).toEqual([
    'no address for vxlan-tunnel-addr-one: no IPPool of this tunnel is enabled, selects this node and allows the use Tunnel',
  ]);
  await clock.pass(10_000);
  await pools('60 Always');
  await clock.pass(10_000);
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
  expect(addresses.problems()).toEqual([]);

  addresses = newAddresses();
  await pools('60 Always disabled');
  expect(addresses.problems()).toEqual([]);
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
});

test('a failure of one keeps no other from its address; it is said, and tried again', async () => {
  assignError = new Error('every block is taken');
  await pools('60 Always', '61 Always v6');
  expect(addresses.problems()).toEqual([
    'no address for vxlan-tunnel-addr-one: every block is taken',
    'no address for vxlan-v6-tunnel-addr-one: every block is taken',
  ]);
  assignError = undefined;
  patchError = new Error('the API server is away');
  await clock.pass(2_000);
  expect(addresses.problems()).toContain(
    'no address for vxlan-tunnel-addr-one: the API server is away',
  );
  patchError = undefined;
  await clock.pass(10_000);
  expect(addresses.problems()).toEqual([]);
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
  expect(annotated('ipv6VXLANTunnelAddress')).toBe('fd61::1');
});

test('a node needs no address of a family that it does not have itself', async () => {
  delete annotations['projectcalico.org/IPv6Address'];
  await pools('61 Always v6');
  expect(done).toEqual([]);
});

test('what is needed anew does not wait for what failed, nor what failed once something else is needed', async () => {
  assignError = new Error('every block is taken');
  await pools('60 Always');
  assignError = undefined;
  await pools('60 Always', '61 Always v6');
  expect(annotated('ipv6VXLANTunnelAddress')).toBe('fd61::1');
  expect(annotated('ipv4VXLANTunnelAddress')).toBeUndefined();
  await pools('60 Always', '61 Always v6', '63 Always');
  expect(annotated('ipv4VXLANTunnelAddress')).toBe('10.60.0.1');
  expect(addresses.problems()).toEqual([]);
});

test('what failed and is needed no more is no problem any more', async () => {
  assignError = new Error('every block is taken');
  await pools('60 Always');
  await pools();
  expect(addresses.problems()).toEqual([]);
});

test('closed in the middle: what is under way ends, nothing follows, and the thread is free', async () => {
  const { promise: assigning, resolve: go } = Promise.withResolvers<void>();
  beforeAssign = () => assigning;
  await pools('60 Always', '61 Always v6');
  addresses.close();
  go();
  await clock.pass(100_000);
  expect(done).toEqual(['assign vxlan-tunnel-addr-one', 'annotate IPv4VXLANTunnelAddr 10.60.0.1']);
});
