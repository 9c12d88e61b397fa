/** IPIP on a fake kernel: few have the module at hand. What a kernel that lacks it means is here too. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, parseAddress, parseInterfaceAddress, parsePrefix } from 'net-ipaddr';
import { type Tunnel, tunnelsOf } from '../../../felix/calc/tunnels.ts';
import { cleanup } from '../../../felix/cleanup.ts';
import { Tunnels } from '../../../felix/tunnel/tunnels.ts';
import { FakeKernel, type FakeNetlink } from '../fake-kernel.ts';
import { TestClock, TestLog } from '../ports.ts';

let clock: TestClock;
let kernel: FakeKernel;
let stranger: FakeNetlink;
let log: TestLog;
let tunnels: Tunnels;
let lacking: string[];

beforeEach(() => {
  clock = new TestClock();
  kernel = new FakeKernel();
  stranger = kernel.stranger();
  log = new TestLog();
  lacking = [];
  kernel.addLink('eth0', '192.0.2.1', 24);
  tunnels = new Tunnels({
    ...{ kernel, clock, random: () => 0.5, log, forwarderFolder: '/nowhere' },
    onPass() {},
    onLack: (device) => lacking.push(device),
  });
});

afterEach(() => tunnels.close());

function ipip(mtu?: number): readonly Tunnel[] {
  const mac = '66:00:00:00:00:01';
  return tunnelsOf(
    {
      self: 'one',
      nodes: [
        {
          name: 'one',
          underlay: { 4: parseInterfaceAddress('192.0.2.1/24') },
          vteps: { 4: { address: undefined, mac }, 6: { address: undefined, mac } },
          ipipAddress: parseAddress('10.60.0.1'),
          udpAddresses: {},
          ...{ receives: undefined, sends: [] },
        },
      ],
      pools: [
        {
          name: 'p',
          prefix: parsePrefix('10.60.0.0/16'),
          tunnel: 'ipip',
          mode: 'always',
          routesFrom: 'datastore',
        },
      ],
      placements: [],
      settings: { vxlan: { vni: 4096, port: 4789, mtu: {} }, ipip: { mtu } },
    },
    new Set(),
  );
}

async function run(wanted: readonly Tunnel[]): Promise<void> {
  tunnels.set(wanted);
  tunnels.open();
  await clock.pass(100);
}

/** `tunl0 up mtu 1480: 10.60.0.1` */
async function shown(): Promise<string> {
  const link = stranger.link('tunl0');
  if (link === undefined) return 'none';
  const addresses = await stranger.addresses({ family: 4, link: link.index });
  const texts = addresses.map(({ address }) => formatAddress(address));
  return `${link.kind} ${link.up ? 'up' : 'down'} mtu ${link.mtu}: ${texts.join(' ')}`.trim();
}

function addsOf(name: string): number {
  return kernel.batches
    .flat()
    .filter((one) => one.action === 'add' && 'link' in one && one.link.name === name).length;
}

test('the device is made, loose, with its address and the underlay’s MTU less 20', async () => {
  await run(ipip());
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
  expect(kernel.sysctls.read('net/ipv4/conf/tunl0/rp_filter')).toBe('2');
});

test('FelixConfiguration’s ipipMTU comes before the underlay’s', async () => {
  await run(ipip(1400));
  expect(await shown()).toBe('ipip up mtu 1400: 10.60.0.1');
  for (const [mtu, shows] of [
    [1300, 1300],
    [undefined, 1480],
  ]) {
    tunnels.set(ipip(mtu));
    await clock.pass(100);
    expect(await shown()).toBe(`ipip up mtu ${shows}: 10.60.0.1`);
  }
  expect(addsOf('tunl0')).toBe(1);
});

describe('a tunnel without an address', () => {
  const WITHOUT = ipip().map((tunnel) => ({ ...tunnel, address: undefined }));

  test('is taken for ready after ten seconds, each time that a pool needs it again', async () => {
    await run(WITHOUT);
    for (let round = 0; round < 2; round++) {
      tunnels.set(WITHOUT);
      await clock.pass(5_000);
      expect(tunnels.receives('ipip', 4)).toBe(false);
      tunnels.set([]);
      await clock.pass(20_000);
    }
    tunnels.set(WITHOUT);
    await clock.pass(11_000);
    expect(tunnels.receives('ipip', 4)).toBe(true);
  });

  test('is waited for no more when all is closed', async () => {
    await run(WITHOUT);
    tunnels.close();
    expect(clock.timers).toBe(0);
  });
});

test('closed while it looks, it writes no more', async () => {
  await run([]);
  const { links } = kernel.host;
  kernel.host.links = async () => {
    tunnels.close();
    return links.call(kernel.host);
  };
  kernel.batches.length = 0;
  tunnels.set(ipip());
  await clock.pass(100_000);
  expect(kernel.batches).toEqual([]);
});

test('the device that comes with the kernel’s module is taken, also when making one brings it', async () => {
  stranger.change({ action: 'add', link: { name: 'tunl0', kind: { kind: 'ipip' } } });
  await run(ipip());
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
  expect(addsOf('tunl0')).toBe(0);

  await stranger.deleteLinks(['tunl0']);
  kernel.refuse = (operation) => {
    if (operation.action !== 'add' || !('link' in operation)) return undefined;
    kernel.refuse = () => undefined;
    stranger.change(operation);
    return 'EEXIST';
  };
  await clock.pass(100);
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
  expect(tunnels.problems()).toEqual([]);
});

test('when no pool needs it any more it stays, down and bare', async () => {
  await run(ipip());
  tunnels.set([]);
  await clock.pass(100);
  expect(await shown()).toBe('ipip down mtu 1480:');
  kernel.batches.length = 0;
  await tunnels.resync();
  expect(kernel.batches).toEqual([]);
});

test('cleanup leaves it down and bare, too', async () => {
  await run(ipip());
  tunnels.close();
  const stateDir = await mkdtemp(join(tmpdir(), 'cleanup-'));
  try {
    expect(await cleanup({ kernel, stateDir })).toMatchObject({ tunnels: 1, faults: [] });
    expect(await shown()).toBe('ipip down mtu 1480:');
    expect(await cleanup({ kernel, stateDir })).toMatchObject({ tunnels: 0, faults: [] });
  } finally {
    await rm(stateDir, { recursive: true });
  }
});

test('a kernel without IPIP: said once in the log and kept as a problem, and looked for again', async () => {
  kernel.refuse = (operation) =>
    operation.action === 'add' && 'link' in operation ? 'EOPNOTSUPP' : undefined;
  await run(ipip());
  const reason =
    'this kernel has no such tunnels: by it no pod on another node is reached; all else works';
  expect(tunnels.problems()).toEqual([{ subject: 'tunl0', reason }]);
  await clock.pass(300_000);
  expect(log.lines).toEqual([`warn ${reason} {"device":"tunl0"}`]);
  expect(lacking).toEqual(['tunl0']);

  kernel.refuse = () => undefined;
  await clock.pass(100_000);
  expect(tunnels.problems()).toEqual([]);
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
});

test('what fails for another reason is tried again after a while, and the log says why', async () => {
  kernel.refuse = (operation) =>
    operation.action === 'add' && 'link' in operation ? 'ENOBUFS' : undefined;
  await run(ipip());
  expect(tunnels.problems()).toMatchObject([{ subject: 'tunl0' }]);
  expect(log.lines[0]).toMatch(/^warn a tunnel is not as it should be .*tunl0: .*ENOBUFS/);
  kernel.refuse = () => undefined;
  await clock.pass(2_000);
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
});

test('before it is opened nothing is written', async () => {
  tunnels.set(ipip());
  await clock.pass(300_000);
  expect(kernel.batches).toEqual([]);
});

test('a node address that no interface has is said, and when it comes the tunnel does', async () => {
  const { index } = stranger.link('eth0')!;
  const address = { link: index, address: parseAddress('192.0.2.1'), length: 24 };
  stranger.change({ action: 'delete', address });
  await run(ipip());
  expect(tunnels.problems()).toEqual([
    { subject: 'tunl0', reason: "no interface has the node's address 192.0.2.1" },
  ]);
  stranger.change({ action: 'add', address });
  await clock.pass(1_000);
  expect(await shown()).toBe('ipip up mtu 1480: 10.60.0.1');
});
