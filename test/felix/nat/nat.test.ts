/** What leaves a pod, and as whose: the real nftables, in network namespaces of its own. Needs root. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { cleanup } from '../../../felix/cleanup.ts';
import { type Felix, hostInterfaceOf } from '../../../felix/felix.ts';
import type { Kernel } from '../../../felix/kernel.ts';
import { NftError } from '../../../felix/nat/nft.ts';
import { eventually, TestNamespace } from '../namespace.ts';
import { pod } from '../pod.ts';
import { TestLog } from '../ports.ts';
import { type NatStage, OUTGOING, POOLS, startNatStage } from './stage.ts';

const exec = promisify(execFile);

let host: TestNamespace;
let outside: TestNamespace;
let a: TestNamespace;
let b: TestNamespace;
let stage: NatStage;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
let log: TestLog;

function newFelix(): Felix {
  log = new TestLog();
  return stage.newFelix(kernel, log);
}

/** Remembers the sources of all that arrives. */
async function watchSources(netns: TestNamespace): Promise<void> {
  await netns.run('nft add table inet seen');
  await netns.run('nft add set inet seen v4 { type ipv4_addr ; flags dynamic ; size 64 ; }');
  await netns.run('nft add set inet seen v6 { type ipv6_addr ; flags dynamic ; size 64 ; }');
  await netns.run('nft add chain inet seen in { type filter hook prerouting priority -400 ; }');
  await netns.run('nft add rule inet seen in add @v4 { ip saddr }');
  await netns.run('nft add rule inet seen in add @v6 { ip6 saddr }');
}

async function sourcesSeenBy(netns: TestNamespace): Promise<string> {
  return (
    (await netns.run('nft list set inet seen v4')) + (await netns.run('nft list set inet seen v6'))
  );
}

/** Sends one packet, whether or not it is answered. */
async function send(from: TestNamespace, source: string, to: string): Promise<void> {
  await from.run(`ping -c 1 -W 0.3 -I ${source} ${to}`).catch(() => {});
}

beforeEach(async () => {
  stage = await startNatStage();
  ({ host, outside, a, b, kernel, stateDir } = stage);
  await watchSources(outside);
  await watchSources(b);
  felix = newFelix();
  await stage.run(felix);
}, 30_000);

afterEach(async () => {
  await felix.close();
  await stage.end();
});

async function becomes(settings: Parameters<Felix['setNat']>[0]): Promise<void> {
  const before = await host.run('nft list table inet tortie');
  felix.setNat(settings);
  await eventually(async () => (await host.run('nft list table inet tortie')) !== before);
}

describe('natOutgoing', () => {
  test('a pod reaches the world with the node’s address, another pod with its own', async () => {
    await a.run('ping -c 1 -W 5 192.0.2.9');
    await a.run('ping -c 1 -W 5 2001:db8::9');
    expect(await sourcesSeenBy(outside)).toMatch(/192\.0\.2\.1\b/);
    expect(await sourcesSeenBy(outside)).not.toMatch(/10\.60|fd60/);
    await a.run('ping -c 1 -W 5 10.60.0.2');
    await a.run('ping -c 1 -W 5 fd60::2');
    expect(await sourcesSeenBy(b)).toMatch(/10\.60\.0\.1\b[\s\S]*fd60::1\b/);
  });

  test('what comes from outside to a pod is answered by the pod’s own address', async () => {
    await outside.ip('route add 10.60.0.0/16 via 192.0.2.1');
    await outside.run('ping -c 1 -W 5 10.60.0.1');
  });

  test('natOutgoingExclusions: a node’s address is reached with the pod’s own', async () => {
    await becomes({ ...OUTGOING, exclusions: [parseAddress('192.0.2.9')] });
    await send(a, '10.60.0.1', '192.0.2.9');
    expect(await sourcesSeenBy(outside)).toMatch(/10\.60\.0\.1\b/);
  });

  test('natOutgoingAddress and natPortRange', async () => {
    await host.ip('addr add 192.0.2.77/24 dev eth0');
    await outside.run(
      'nft add set inet seen ports { type inet_service ; flags dynamic ; size 64 ; }',
    );
    await outside.run('nft add rule inet seen in add @ports { udp sport }');
    await becomes({
      ...OUTGOING,
      address: parseAddress('192.0.2.77'),
      ports: { first: 40_000, last: 40_009 },
    });
    await a.run('bash -c echo>/dev/udp/192.0.2.9/9');
    await eventually(async () => /192\.0\.2\.77\b/.test(await sourcesSeenBy(outside)));
    expect(await outside.run('nft list set inet seen ports')).toMatch(/elements = \{ 4000\d \}/);
  });

  test('no pool wants it any more: pods keep their source', async () => {
    await becomes({ pools: POOLS, outgoing: [], exclusions: [] });
    await send(a, '10.60.0.1', '192.0.2.9');
    expect(await sourcesSeenBy(outside)).toMatch(/10\.60\.0\.1\b/);
  });
});

describe('a pod sends only from its own addresses', () => {
  const forge = async () => {
    await a.ip('addr add 10.60.0.99/32 dev eth0');
    await a.ip('addr add fd60::99/128 dev eth0 nodad');
    await send(a, '10.60.0.99', '10.60.0.2');
    await send(a, 'fd60::99', 'fd60::2');
    // Another pod's, which has a route here, but not to this interface.
    await a.ip('addr add 10.60.0.3/32 dev eth0');
    await send(a, '10.60.0.3', '10.60.0.2');
  };

  test('or from allowedSourcePrefixes: anything else is dropped, in both families', async () => {
    const c = await TestNamespace.make();
    try {
      await felix.addEndpoint(pod('c', c, '10.60.0.3'));
      await forge();
      expect(await sourcesSeenBy(b)).not.toMatch(/10\.60\.0\.99|fd60::99|10\.60\.0\.3/);
      const allowedSourcePrefixes = ['10.60.0.96/28', 'fd60::/64'].map(parsePrefix);
      await felix.removeEndpoint({ containerID: 'c-a', ifname: 'eth0' });
      // As distributions have it that filter strictly.
      await host.run('sysctl -qw net.ipv4.conf.all.rp_filter=1');
      await host.ip('route add default via 192.0.2.9');
      await felix.addEndpoint({ ...pod('a', a, '10.60.0.1', 'fd60::1'), allowedSourcePrefixes });
      await forge();
      expect(await sourcesSeenBy(b)).toMatch(/10\.60\.0\.99[\s\S]*fd60::99/);
      expect(await sourcesSeenBy(b)).not.toMatch(/10\.60\.0\.3/);
      await felix.removeEndpoint({ containerID: 'c-a', ifname: 'eth0' });
      const name = hostInterfaceOf('default', 'a');
      await eventually(
        async () => !(await host.run('nft list table inet tortie')).includes(name),
        () => host.run('nft list table inet tortie'),
      );
    } finally {
      c.end();
    }
  });

  test('the test above can fail: without our table a forged source arrives', async () => {
    await felix.close();
    await host.run('nft delete table inet tortie');
    await forge();
    expect(await sourcesSeenBy(b)).toMatch(/10\.60\.0\.99[\s\S]*fd60::99/);
  });

  test('after a restart, too: allowedSourcePrefixes are in the endpoint file', async () => {
    const allowedSourcePrefixes = [parsePrefix('10.60.0.96/28')];
    await felix.removeEndpoint({ containerID: 'c-a', ifname: 'eth0' });
    await felix.addEndpoint({ ...pod('a', a, '10.60.0.1'), allowedSourcePrefixes });
    await felix.close();
    await host.run('nft delete table inet tortie');
    felix = newFelix();
    await felix.start();
    felix.setDatastoreInSync();
    await felix.resync();
    expect(await host.run('nft list table inet tortie')).toMatch(
      `"${hostInterfaceOf('default', 'a')}" . 10.60.0.96/28`,
    );
  });
});

const tracked = async () =>
  (await host.run('cat /proc/net/nf_conntrack')).replaceAll(/(:0000)+:000/g, '::');

test('an address’ next pod inherits no connection of the one before, whoever opened it', async () => {
  await outside.ip('route add 10.60.0.0/16 via 192.0.2.1');
  await a.run('bash -c echo>/dev/udp/192.0.2.9/9');
  await a.run('bash -c echo>/dev/udp/2001:db8::9/9');
  await outside.run('bash -c echo>/dev/udp/10.60.0.1/9');
  await b.run('bash -c echo>/dev/udp/192.0.2.9/9');
  await eventually(
    async () => /fd60::1\b/.test(await tracked()) && /dst=10\.60\.0\.1\b/.test(await tracked()),
  );
  expect(await tracked()).toMatch(/src=10\.60\.0\.1\b/);
  await felix.removeEndpoint({ containerID: 'c-a', ifname: 'eth0' });
  await felix.addEndpoint({ ...pod('next', a, '10.60.0.1'), ifname: 'net0' });
  expect(await tracked()).not.toMatch(/10\.60\.0\.1\b|fd60::1\b/);
  expect(await tracked()).toMatch(/src=10\.60\.0\.2\b/);
});

test('an address that moves to another pod while the first still runs: route and connections are the next one’s', async () => {
  const routeOf = async () => /dev (\S+)/.exec(await host.ip('route show 10.60.0.1'))![1];
  await a.run('bash -c echo>/dev/udp/192.0.2.9/9');
  await eventually(async () => /src=10\.60\.0\.1 .*dport=9\b/.test(await tracked()), tracked);
  const c = await TestNamespace.make();
  try {
    await felix.addEndpoint(pod('c', c, '10.60.0.1'));
    expect(await tracked()).not.toMatch(/10\.60\.0\.1\b/);
    expect(await routeOf()).toBe(hostInterfaceOf('default', 'c'));
    await c.run('bash -c echo>/dev/udp/192.0.2.9/10');
    await eventually(async () => /src=10\.60\.0\.1 .*dport=10\b/.test(await tracked()), tracked);
    await felix.removeEndpoint({ containerID: 'c-a', ifname: 'eth0' });
    // Its other address is forgotten; when that is done the one that moved would be, too.
    await felix.addEndpoint(pod('d', a, 'fd60::1'));
    expect(await tracked()).toMatch(/src=10\.60\.0\.1 .*dport=10\b/);
    expect(await routeOf()).toBe(hostInterfaceOf('default', 'c'));
    await c.run('ping -n -c 1 -W 5 192.0.2.9');
  } finally {
    c.end();
  }
});

describe('the table', () => {
  const listed = () => host.run('nft --handle list table inet tortie');

  const HARMS = [
    'nft delete table inet tortie',
    'nft flush ruleset',
    'nft flush chain inet tortie nat_outgoing',
    'nft delete element inet tortie outgoing4 { 10.60.0.0/16 }',
    'nft insert rule inet tortie pod_sources accept',
  ];
  const timesRepaired = () => log.lines.filter((line) => /repaired/.test(line)).length;

  test('harmed by hand is put back as soon as the kernel tells of it, and that is said', async () => {
    const before = await host.run('nft list table inet tortie');
    const now = () => host.run('nft list table inet tortie').catch(() => '');
    for (const [times, harm] of HARMS.entries()) {
      await host.run(harm);
      await eventually(async () => timesRepaired() === times + 1 && (await now()) === before, now);
    }
  });

  test('where the kernel does not tell of it, within one pass', async () => {
    await felix.close();
    kernel = { ...kernel, watchNft: () => ({ close() {} }) };
    felix = newFelix();
    await felix.start();
    felix.setNat(OUTGOING);
    felix.setDatastoreInSync();
    await eventually(() => felix.inspect().inSync);
    const before = await host.run('nft list table inet tortie');
    for (const [times, harm] of HARMS.entries()) {
      await host.run(harm);
      await felix.resync();
      expect(await host.run('nft list table inet tortie')).toBe(before);
      expect(timesRepaired()).toBe(times + 1);
    }
  });

  test('pools that come and go change elements: chains and their rules stay as they are', async () => {
    const rules = async () => (await listed()).replaceAll(/\s+elements = \{[^}]*\}/g, '');
    const before = await rules();
    for (const pools of [POOLS.slice(0, 1), [...POOLS, parsePrefix('10.70.0.0/16')], POOLS]) {
      await becomes({ pools, outgoing: pools, exclusions: [] });
      // What is made anew gets another handle.
      expect(await rules()).toBe(before);
    }
  });

  test('nothing of nftables was changed: nft is not asked; something was, of whatever table: it is', async () => {
    await felix.close();
    const asked: string[] = [];
    const nft: Kernel['nft'] = (args, input) => {
      asked.push(args.join(' '));
      return stage.kernel.nft(args, input);
    };
    kernel = { ...kernel, nft, watchNft: () => ({ close() {} }) };
    felix = newFelix();
    await felix.start();
    felix.setNat(OUTGOING);
    felix.setDatastoreInSync();
    await felix.resync();
    await felix.resync();
    asked.length = 0;
    await felix.resync();
    expect(asked).toEqual([]);
    await host.run('nft add table inet others');
    await felix.resync();
    expect(asked).toEqual(['list chains', '--stateless list table inet tortie']);
  });

  test('is not written when it is as it should be, after a restart neither; others’ are not touched', async () => {
    await host.run('nft add table inet others');
    const before = await listed();
    await felix.resync();
    await felix.close();
    felix = newFelix();
    await felix.start();
    felix.setNat(OUTGOING);
    felix.setDatastoreInSync();
    await felix.resync();
    // Anything that is written gets another handle.
    expect(await listed()).toBe(before);
    await felix.close();
    await cleanup({ kernel, stateDir });
    expect(await host.run('nft list ruleset')).toBe('table inet others {\n}\n');
  });
});

const DOCKER = ['-P FORWARD DROP', '-A FORWARD -i docker0 -j ACCEPT'];
const UFW = [
  '-P FORWARD DROP',
  '-N ufw-before-forward',
  '-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A FORWARD -j ufw-before-forward',
  // For another rule of the admin's to lead to.
  '-N ufw-user-limit-accept',
  '-A ufw-user-limit-accept -j ACCEPT',
];
const [A_POD4, A_POD6] = ['10.60.0.2', 'fd60::2'];

test.each([
  ['Docker, iptables-nft', A_POD4, DOCKER.map((rule) => `iptables-nft ${rule}`)],
  ['Docker, iptables-legacy', A_POD4, DOCKER.map((rule) => `iptables-legacy ${rule}`)],
  ['ufw, ip6tables-nft', A_POD6, UFW.map((rule) => `ip6tables-nft ${rule}`)],
  ['ufw, ip6tables-legacy', A_POD6, UFW.map((rule) => `ip6tables-legacy ${rule}`)],
  [
    'nft by hand',
    A_POD6,
    [
      'nft add table inet fw',
      'nft add chain inet fw rest',
      'nft add rule inet fw rest ct state established accept',
      'nft add rule inet fw rest log prefix no level notice flags all counter drop',
      'nft add chain inet fw forward { type filter hook forward priority 0 ; policy accept ; }',
      'nft add rule inet fw forward iifname lo counter accept',
      'nft add rule inet fw forward counter jump rest',
    ],
  ],
  [
    'firewalld, nft',
    A_POD4,
    [
      'nft add table inet firewalld',
      'nft add chain inet firewalld filter_FORWARD { type filter hook forward priority 10 ; }',
      'nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited',
    ],
  ],
])(
  'a FORWARD chain that drops (%s): told once with the cure, which works',
  async (_, address, commands) => {
    for (const command of commands) await host.run(command);
    const pings = () => a.run(`ping -c 1 -W 1 ${address}`).catch(() => undefined);
    expect(await pings()).toBeUndefined();
    await felix.resync();
    await felix.resync();
    const [problem] = felix.inspect().failed;
    expect(log.lines.filter((line) => /error .*run: /.test(line))).toHaveLength(1);
    const [, cure] = /run: (.*)$/.exec(problem!.reason)!;
    await exec('nsenter', [`--net=${host.path}`, 'sh', '-c', cure!]);
    await felix.resync();
    expect(felix.inspect().failed).toEqual([]);
    expect(await pings()).toBeDefined();
  },
);

test('a FORWARD chain that drops and goes with its owner, of which nftables’ generation says nothing', async () => {
  const owner = spawn('nsenter', [`--net=${host.path}`, 'nft', '-i'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(owner, 'exit');
  try {
    owner.stdin.write('add table inet owned { flags owner; }\n');
    owner.stdin.write(
      'add chain inet owned f { type filter hook forward priority 0; policy drop; }\n',
    );
    await eventually(async () => /chain f/.test(await host.run('nft list chains')));
    await felix.resync();
    expect(felix.inspect().failed).toMatchObject([
      { subject: 'nftables chain "f" of table "inet owned"' },
    ]);
  } finally {
    owner.kill();
    await ended;
  }
  await eventually(async () => !/owned/.test(await host.run('nft list chains')));
  await felix.resync();
  expect(felix.inspect().failed).toEqual([]);
});

test.each([
  [true, 'there is no program nft', /no program nft: install the package nftables/],
  [
    false,
    'nft: Error: Could not process rule: Operation not supported',
    /not supported: .*modules/,
  ],
])(
  'a host without nftables: told once with the cure, and pods are wired all the same',
  async (isMissing, message, cure) => {
    await felix.close();
    await host.run('nft delete table inet tortie');
    kernel = { ...kernel, nft: () => Promise.reject(new NftError(isMissing, message)) };
    felix = newFelix();
    await felix.start();
    felix.setDatastoreInSync();
    const c = await TestNamespace.make();
    try {
      await felix.addEndpoint(pod('c', c, '10.60.0.3'));
      await c.run('ping -c 1 -W 5 10.60.0.2');
      await felix.resync();
      expect(felix.inspect().failed).toEqual([
        { subject: 'nftables', reason: expect.stringMatching(cure) },
      ]);
      expect(log.lines.filter((line) => /nft/.test(line))).toHaveLength(1);
      await felix.close();
      expect(await cleanup({ kernel, stateDir })).toMatchObject({ interfaces: 3, faults: [] });
    } finally {
      c.end();
    }
  },
);
