/** Two nodes' felix in namespaces of their own, with the UDP tunnel over a bridge between them. Needs root. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { openUdp } from 'rtnetlink-ts';
import { cleanup } from '../../../../felix/cleanup.ts';
import { NO_NAT } from '../../../../felix/nat/ruleset.ts';
import { hostInterfaceOf } from '../../../../felix/ours.ts';
import { forwarderArguments } from '../../../../felix/tunnel/udp/process.ts';
import { askForwarder } from '../../../../felix/tunnel/udp/question.ts';
import { eventually } from '../../namespace.ts';
import { ADDRESS4, ADDRESS6, overlayNode, type TestNode, TwoNodes } from '../two-nodes.ts';

const DEVICE = 'udp.tortie';
/** An underlay of 1500 bytes, less IPv6 (40) and UDP (8): both families share the device. */
const MTU = 1452;
let stage: TwoNodes;

beforeAll(async () => {
  stage = await TwoNodes.start('udp', MTU);
}, 60_000);

beforeEach(() => stage.podsReachEachOther());

afterAll(async () => {
  // Forwarders outlive felix: they end with their devices.
  for (const { felix, namespace } of stage?.nodes ?? []) {
    await felix.close();
    await namespace.ip(`link del ${DEVICE}`).catch(() => {});
  }
  await stage?.end();
});

/** The forwarders in the first node's namespace. */
async function forwarders(): Promise<number[]> {
  const own = (await stage.nodes[0]!.namespace.run('readlink /proc/self/ns/net')).trim();
  return readdirSync('/proc')
    .filter((pid) => {
      try {
        const isForwarder = readlinkSync(`/proc/${pid}/exe`).endsWith('/forwarder');
        return isForwarder && readlinkSync(`/proc/${pid}/ns/net`) === own;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** All that the first node has of the tunnel, as sorted lines. */
async function tunnelState(): Promise<string> {
  const { namespace } = stage.nodes[0]!;
  const link = await namespace.ip(`-o link show ${DEVICE}`).catch(() => 'no device');
  const addresses = (await namespace.ip('-o addr'))
    .split('\n')
    .filter((line) => line.includes(DEVICE) && !line.includes('fe80::'));
  return [
    // Whether anybody reads from it shows too, and is no matter of the tunnel's.
    /,UP[,>]/.test(link) ? 'up' : 'down',
    /mtu \d+/.exec(link)?.[0] ?? link,
    ...addresses.map((line) => line.replace(/^\d+: /, '')),
    ...(await namespace.routes(/proto 80/)),
  ]
    .map((line) => line.replace(' linkdown', '').trim())
    .sort()
    .join('\n');
}

test('pods of two nodes reach each other, and the largest packet that fits passes', async () => {
  const [pod] = stage.pods;
  await pod!.run(`ping -n -c 1 -W 2 -M do -s ${MTU - 28} ${ADDRESS4}`);
  await pod!.run(`ping -n -c 1 -W 2 -M do -s ${MTU - 48} ${ADDRESS6}`);
  const { namespace, felix } = stage.nodes[0]!;
  expect(await namespace.ip(`link show ${DEVICE}`)).toMatch(/,UP.* mtu 1452 /);
  expect(await namespace.routes(/dev udp.tortie proto 80/)).toEqual([
    `10.60.1.0/26 dev ${DEVICE} proto 80 scope link metric 1024`,
    `fd60:1::/122 via fe80::1 dev ${DEVICE} proto 80 metric 1024`,
  ]);
  expect(felix.podMtu(1500)).toBe(MTU);
  expect(felix.inspect()).toMatchObject({ failed: [], refused: [], unreachable: [] });
  const { sent, received } = (await felix.udpCounters())!;
  expect(Math.min(sent!, received!)).toBeGreaterThanOrEqual(4);
});

test.each([
  ['RFC 1191', ADDRESS4, 28],
  ['RFC 8201', ADDRESS6, 48],
])(
  '%s: a pod hears from the other node that its packets are too big for the pod there',
  async (_, address, headers) => {
    const [, { namespace }] = stage.nodes as [TestNode, TestNode];
    const inside = hostInterfaceOf('default', 'pod1');
    await namespace.ip(`link set ${inside} mtu 1400`);
    const size = MTU - headers;
    const said = await stage.pods[0]!.run(`ping -n -c 1 -W 10 -M do -s ${size} ${address}`).catch(
      ({ stdout }) => stdout,
    );
    expect(said).toMatch(/mtu ?= ?1400/);
    await namespace.ip(`link set ${inside} mtu ${MTU}`);
  },
);

test('the forwarder knows the node and its blocks, and nothing else', () => {
  const table = readFileSync(join(stage.stateDirOf(0), 'udp', 'table'), 'utf8');
  expect(table.trim().split('\n')).toEqual([
    'format 1',
    'local 192.0.2.1',
    '10.60.1.0/26 192.0.2.2',
    'local 2001:db8::1',
    'fd60:1::/122 2001:db8::2',
  ]);
});

test('a packet whose source is in no block of the node that sends it is dropped', async () => {
  const [from, to] = stage.nodes;
  await from!.namespace.ip('addr add 10.60.0.200/32 dev lo');
  const before = (await to!.felix.udpCounters())!.receive_foreign_source!;
  const ping = from!.namespace.run(`ping -n -c 1 -W 1 -I 10.60.0.200 ${ADDRESS4}`);
  await expect(ping).rejects.toThrow();
  expect((await to!.felix.udpCounters())!.receive_foreign_source).toBe(before + 1);
  await from!.namespace.ip('addr del 10.60.0.200/32 dev lo');
});

test('no pod sends into the tunnel in its node’s name, nor takes what comes back by it', async () => {
  const [from, to] = stage.nodes;
  const pools = [parsePrefix('10.60.0.0/16')];
  from!.felix.setNat({ pools, outgoing: pools, exclusions: [], tunnelPort: 8285 });
  await eventually(async () =>
    /udp dport 8285 drop/.test(await from!.namespace.run('nft list table inet tortie')),
  );
  const heard = async () => {
    const { receive_malformed, receive_port } = (await to!.felix.udpCounters())!;
    return receive_malformed! + receive_port!;
  };
  const before = await heard();
  const remote = { address: parseAddress('192.0.2.2'), port: 8285 };
  const [netns, address] = [stage.pods[0]!.path, parseAddress('10.60.0.9')];
  const socket = openUdp({ family: 4, netns, address, port: 8285, remote });
  socket.send(Buffer.from([0]));
  socket.close();
  // Let through, it would have the node's address and port, and the translation's way back would be the tunnel's.
  await stage.podsReachEachOther();
  expect(await heard()).toBe(before);
  from!.felix.setNat(NO_NAT);
});

test('strict reverse-path filtering of the host does not drop what comes out of the tunnel', async () => {
  const [one, two] = stage.nodes;
  await one!.namespace.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
  // The source is two's, by its tunnel; the answer takes it too, from an address that only the pod has.
  await two!.namespace.run('ping -n -c 1 -W 5 10.60.0.9');
  await one!.namespace.run('sysctl -qw net.ipv4.conf.all.rp_filter=0');
});

describe('mended by itself', () => {
  test.each<[name: string, harm: string[]]>([
    ['the device deleted by hand', [`ip link del ${DEVICE}`]],
    ['a link that flaps', ['down', 'up'].map((state) => `ip link set ${DEVICE} ${state}`)],
    ['a link that is down', [`ip link set ${DEVICE} down`]],
    ['another MTU', [`ip link set ${DEVICE} mtu 1400`]],
    ['an address deleted by hand', [`ip addr del fd60:0::1/128 dev ${DEVICE}`]],
    ['an address too many', [`ip addr add 10.60.0.77/32 dev ${DEVICE}`]],
  ])('%s', async (_, harm) => {
    const before = await tunnelState();
    for (const command of harm) await stage.nodes[0]!.namespace.run(command);
    await eventually(async () => (await tunnelState()) === before, tunnelState);
    await stage.podsReachEachOther();
    expect(stage.nodes[0]!.felix.inspect().failed).toEqual([]);
  });

  test('a forwarder killed with SIGKILL: device, addresses and routes stay, and another takes them up', async () => {
    const before = await tunnelState();
    const [pid] = await forwarders();
    process.kill(pid!, 'SIGKILL');
    await eventually(async () => {
      const [now, ...others] = await forwarders();
      return now !== undefined && now !== pid && others.length === 0;
    }, forwarders);
    await stage.podsReachEachOther();
    expect(await tunnelState()).toBe(before);
  });
});

test('without felix packets pass, and the next felix takes the forwarder over and writes nothing', async () => {
  const { namespace, felix } = stage.nodes[0]!;
  const [before, running] = [await tunnelState(), await forwarders()];
  const index = await namespace.ip(`-o link show ${DEVICE}`);
  await felix.close();
  await stage.podsReachEachOther();
  const next = await stage.restart(0);
  await eventually(async () => (await next.udpCounters()) !== undefined);
  await next.resync();
  expect(await tunnelState()).toBe(before);
  expect(await namespace.ip(`-o link show ${DEVICE}`)).toBe(index);
  expect(await forwarders()).toEqual(running);
  expect(next.inspect().routes).toMatchObject({ added: 0, replaced: 0, removed: 0 });
});

test('the next version’s felix puts its own forwarder in the place of the other: pings go on', async () => {
  const { felix } = stage.nodes[0]!;
  await felix.close();
  const folder = join(stage.stateDirOf(0), 'udp');
  const older = join(folder, 'older');
  const source = fileURLToPath(new URL('../../../../felix/tunnel/udp/forwarder', import.meta.url));
  const flags = ['-D_GNU_SOURCE', '-DPROGRAM="older"', '-o', older];
  const files = globSync('*.c', { cwd: source });
  await promisify(execFile)('cc', [...flags, ...files], { cwd: source });
  const ended = endOf([older, ...forwarderArguments(folder)]);
  const program = async () => (await askForwarder(join(folder, 'socket')))?.program;
  await eventually(async () => (await program()) === 'older', program);

  const pings = stage.pods[0]!.run(`ping -n -q -i 0.002 -c 1000 -W 5 ${ADDRESS4}`);
  await stage.restart(0);
  await eventually(async () => ((await program()) ?? 'older') !== 'older', program);
  expect(await ended).toEqual([0, null]);
  const received = Number(/(\d+) received/.exec(await pings)![1]);
  expect(received).toBeGreaterThan(990);
});

/** Of a program in the first node's namespace: its exit code and the signal that ended it, once it has ended. */
function endOf(command: readonly string[]): Promise<unknown[]> {
  const words = [`--net=${stage.nodes[0]!.namespace.path}`, ...command];
  return once(spawn('nsenter', words, { stdio: 'ignore' }), 'close');
}

test('a node that leaves is no sender any more, and when no pool needs the tunnel the forwarder ends', async () => {
  const { felix, namespace } = stage.nodes[0]!;
  felix.setOverlay(stage.overlay(0, { nodes: [overlayNode(0)], placements: [] }));
  const dropped = async () => (await felix.udpCounters())!.receive_no_node!;
  const before = await dropped();
  await eventually(async () => {
    await stage.pods[1]!.run('ping -n -c 1 -W 1 10.60.0.9').catch(() => {});
    return (await dropped()) > before;
  });
  expect(await namespace.routes(/dev udp.tortie proto 80/)).toEqual([]);

  felix.setOverlay(stage.overlay(0, { pools: [], placements: [] }));
  await eventually(async () => /^no device$/m.test(await tunnelState()), tunnelState);
  await eventually(async () => (await forwarders()).length === 0, forwarders);
  expect(felix.podMtu(1500)).toBe(1500);

  // An interface of that name that is no TUN is left alone, and said.
  await namespace.ip(`link add ${DEVICE} type bridge`);
  felix.setOverlay(stage.overlay(0));
  const reason = 'an interface of this name is there and is no tun: remove it';
  await eventually(() =>
    felix.inspect().failed.some((one) => one.subject === DEVICE && one.reason === reason),
  );
  await namespace.ip(`link del ${DEVICE}`);
  await stage.podsReachEachOther();
  await eventually(() => felix.inspect().failed.length === 0);
});

test('cleanup takes the device away, and with it the forwarder', async () => {
  const { felix, kernel } = stage.nodes[0]!;
  await felix.close();
  const cleaned = await cleanup({ kernel, stateDir: stage.stateDirOf(0) });
  expect(cleaned).toMatchObject({ tunnels: 1, faults: [] });
  await eventually(async () => (await forwarders()).length === 0, forwarders);
});
