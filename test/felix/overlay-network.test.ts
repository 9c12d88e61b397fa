/** Tunnels and routes in step, on a virtual clock and a fake kernel: what comes late, and what an earlier felix left. */

import {
  formatAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
} from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import { Calculation } from '../../felix/calc/calculation.ts';
import type { OverlayInput, OverlayNode, OverlayPool } from '../../felix/calc/overlay.ts';
import { Interfaces } from '../../felix/interfaces.ts';
import { OverlayNetwork } from '../../felix/overlay-network.ts';
import { FakeKernel, type FakeNetlink } from './fake-kernel.ts';
import { TestClock, TestLog } from './ports.ts';

const BLOCK = parsePrefix('10.60.1.0/26');
const MAC = '66:00:00:00:00:01';
const IPIP: OverlayPool = {
  ...{ name: 'p', prefix: parsePrefix('10.60.0.0/16'), routesFrom: 'datastore' },
  ...{ tunnel: 'ipip', mode: 'always' },
};
const VXLAN: OverlayPool = { ...IPIP, tunnel: 'vxlan' };

let clock: TestClock;
let stranger: FakeNetlink;
let network: OverlayNetwork;
let calculation: Calculation;
/** The last that the other nodes were told. */
let told: string;

/** @param left routes of ours that are there at start */
function start(left: RouteSpec[] = []): void {
  clock = new TestClock();
  const kernel = new FakeKernel();
  stranger = kernel.stranger();
  kernel.addLink('eth0', '192.0.2.1', 24);
  calculation = new Calculation((nextHop) => ({ cost: 0, gateways: [nextHop] }), 1);
  const interfaces = new Interfaces();
  interfaces.hear({ index: 77, name: 'tunl0', up: true }, false);
  network = new OverlayNetwork({
    ...{ kernel, clock, random: () => 0.5, log: new TestLog(), forwarderFolder: '/nowhere' },
    reconciler: {
      ...{ calculation, interfaces, table: { programmed: () => left[Symbol.iterator]() as never } },
      setOverlay: (overlay) => calculation.setRemote(overlay),
    },
    onUse: ({ receivingTunnels, sendingTunnels }) => {
      told = `receives ${receivingTunnels} sends ${sendingTunnels}`;
    },
    onLack() {},
  });
  network.start();
}

afterEach(() => network.close());

function node(name: string, address: string, says: Partial<OverlayNode> = {}): OverlayNode {
  return {
    ...{
      name,
      underlay: { 4: parseInterfaceAddress(address) },
      ipipAddress: parseAddress('10.60.0.1'),
    },
    vteps: {
      4: { address: parseAddress(`10.60.${address.at(-4)}.1`), mac: MAC },
      6: { address: undefined, mac: MAC },
    },
    ...{ udpAddresses: {}, receives: [], sends: [], ...says },
  };
}

function set(pools: OverlayPool[], there: Partial<OverlayNode> = {}): void {
  const input: OverlayInput = {
    self: 'here',
    nodes: [node('here', '192.0.2.1/24'), node('there', '192.0.2.2/24', there)],
    pools,
    placements: [{ prefix: BLOCK, node: 'there' }],
    settings: { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu: undefined } },
  };
  network.set(input);
}

function way(): string {
  const found = calculation.remote.get(BLOCK);
  if (found === undefined) return calculation.remote.leavesToBgp(BLOCK) ? 'as BGP says' : 'none';
  const { gateway, device, yields } = found;
  return `${gateway && formatAddress(gateway)} dev ${device}${yields ? ' until BGP has it' : ''}`;
}

const isUp = (name: string) => stranger.link(name)?.up === true;

describe('pools that no longer need a tunnel', () => {
  beforeEach(async () => {
    start();
    set([IPIP]);
    await network.open();
    expect(told).toBe('receives tunl0 sends ');
  });

  test('it stays for a moment, in case another node has just begun to send by it', async () => {
    set([VXLAN]);
    expect(told).toBe('receives  sends tunl0');
    await clock.pass(2_000);
    expect(told).toBe('receives vxlan.calico sends tunl0');
    expect(isUp('tunl0')).toBe(true);
    expect([...network.inUse()]).toEqual(['tunl0']);
    await clock.pass(2_000);
    expect(told).toBe('receives vxlan.calico sends ');
    expect(isUp('tunl0')).toBe(false);
  });

  test('and longer, as long as one says so', async () => {
    set([VXLAN]);
    await clock.pass(2_000);
    set([VXLAN], { sends: ['tunl0'] });
    await clock.pass(60_000);
    expect(isUp('tunl0')).toBe(true);
    set([VXLAN]);
    await clock.pass(100);
    expect(isUp('tunl0')).toBe(false);
  });

  test('pools that need it again after all: it was never gone', async () => {
    set([VXLAN]);
    await clock.pass(1_000);
    set([IPIP], { receives: ['tunl0'] });
    expect(told).toBe('receives tunl0 sends tunl0,vxlan.calico');
    await clock.pass(60_000);
    expect(isUp('tunl0')).toBe(true);
    expect(way()).toBe('192.0.2.2 dev tunl0');
  });

  test('pools that need it again while it goes: nobody is told that it receives before it has come back', async () => {
    set([], { sends: ['tunl0'] });
    await clock.pass(4_000);
    expect(isUp('tunl0')).toBe(true);
    set([]);
    set([IPIP]);
    expect(told).toBe('receives  sends ');
    await clock.pass(100);
    expect(told).toBe('receives tunl0 sends ');
    expect(isUp('tunl0')).toBe(true);
  });
});

describe('felix starts in the middle of a change', () => {
  const common = { destination: BLOCK, table: 254, protocol: 80, metric: 1024 };
  const gateway = parseAddress('192.0.2.2');
  const byTunnel: RouteSpec = { ...common, gateway, oif: 77, onlink: true };
  const direct: RouteSpec = { ...common, gateway };

  test.each<[name: string, left: RouteSpec[], pools: OverlayPool[], then: string]>([
    ['from IPIP, whose device stays', [byTunnel], [VXLAN], '192.0.2.2 dev tunl0'],
    ['from no tunnel', [direct], [VXLAN], 'as BGP says'],
    ['to no tunnel', [byTunnel], [], '192.0.2.2 dev tunl0 until BGP has it'],
    ['nothing was there', [], [VXLAN], 'none'],
    ['nothing changes', [direct], [], 'as BGP says'],
  ])('%s', async (_, left, pools, then) => {
    start(left);
    set(pools);
    await network.open();
    await clock.pass(60_000);
    expect(way()).toBe(then);
    expect(isUp('tunl0')).toBe(left[0] === byTunnel);
    expect(network.unreachable().map(({ subject }) => subject)).toEqual(
      then === 'none' || then.endsWith('has it') ? [formatPrefix(BLOCK)] : [],
    );
    set(pools, { receives: ['vxlan.calico'] });
    if (pools.length > 0) expect(way()).toBe('10.60.2.1 dev vxlan.calico');
  });
});
