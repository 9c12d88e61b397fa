/** What pods and runtimes may ask of the CNI plugin, in a lab of three nodes. Needs root; ends with the lab. */
import { join } from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';
import { agentStatuses } from '../../src/lab/show.ts';
import {
  addPod,
  addressesOf,
  answers,
  CONF,
  callPlugin,
  DEBIANS,
  handles,
  OUR_IPAM,
  variablesOf,
} from './cni-calls.ts';
import { refusals } from './cni-refusals.ts';
import { apply, send } from './lab-api.ts';
import { startLabWithPods } from './lab-with-pods.ts';
import {
  CGROUP,
  podman,
  prepareRuntimes,
  ROOTFS,
  removeCgroups,
  removeSandbox,
  runSandbox,
} from './runtimes.ts';

const NODES = ['node1', 'node2', 'node3'];

let lab: Lab;

beforeAll(async () => {
  ({ lab } = await startLabWithPods('deploy/containerlab/mesh.clab.yml', NODES));
}, 120_000);

afterAll(async () => {
  await lab?.close();
  await removeCgroups();
}, 60_000);

describe('annotations', () => {
  test('hwAddr, other sources, and pools that serve nobody unasked', async () => {
    await apply(
      lab,
      ['10.77.0.0/24', 'fd77::/112'].map((cidr, index) => ({
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: `manual${index}` },
        spec: { cidr, assignmentMode: 'Manual' },
      })),
    );
    const added = await addPod(lab, 'node1', 'annotated', {
      ipv4pools: '["manual0"]',
      ipv6pools: '["fd77::/112"]',
      hwAddr: '02:00:00:00:00:AB',
      allowedSourcePrefixes: '["10.99.9.0/24"]',
    });
    expect(added.code).toBe(0);
    const [ipv4, ipv6] = addressesOf(added);
    expect(ipv4).toMatch(/^10\.77\.0\.\d+\/32$/);
    expect(ipv6).toMatch(/^fd77::.*\/128$/);
    expect(added.answer.interfaces[1].mac).toBe('02:00:00:00:00:ab');
    expect(await lab.mustRun('node1', ['nft', 'list', 'table', 'inet', 'tortie'])).toMatch(
      new RegExp(`"${added.answer.interfaces[0].name}" \\. 10\\.99\\.9\\.0/24`),
    );
    for (const address of [ipv4!, ipv6!])
      expect(await answers(lab, 'node2', 'node2-pod1', address.replace(/\/.*/, ''))).toBe(true);
  }, 60_000);

  test('ipAddrs of another node’s block: the pod is reached from everywhere, and its address is free after it', async () => {
    const [owner] = await agentStatuses(lab, ['node2']);
    const [block] = owner!.blocks.filter((cidr) => !cidr.includes(':'));
    const address = block!.replace(/\d+\/26$/, (last) => `${Number.parseInt(last, 10) + 40}`);
    const added = await addPod(lab, 'node1', 'fixed', { ipAddrs: JSON.stringify([address]) });
    expect(addressesOf(added)).toEqual([`${address}/32`]);
    for (const node of NODES) expect(await answers(lab, node, `${node}-pod1`, address)).toBe(true);
    // And from the node that has the block, where its blackhole is.
    expect(await lab.mustRun('node2', ['ip', 'route', 'get', address])).toMatch(/via 10\.10\.0\.1/);
    // Whose runtime knows nothing of the pod: another node's is no garbage.
    const valid = owner!.endpoints.map(({ containerID }) => ({ containerID, ifname: 'eth0' }));
    const conf = { ...CONF, 'cni.dev/valid-attachments': valid };
    expect((await callPlugin(lab, 'node2', 'GC', {}, conf)).code).toBe(0);
    expect(await handles(lab)).toMatch('tortie.c-fixed');
    expect((await callPlugin(lab, 'node1', 'DEL', variablesOf('fixed'))).code).toBe(0);
    const again = await addPod(lab, 'node2', 'fixed-too', { ipAddrs: JSON.stringify([address]) });
    expect(addressesOf(again)).toEqual([`${address}/32`]);
  }, 90_000);
});

describe('what cannot be', () => refusals(() => lab));

test('a runtime finds the plugin and the conf list', async () => {
  const conf = await lab.mustRun('node1', ['cat', '/etc/cni/net.d/10-tortie.conflist']);
  expect(JSON.parse(conf)).toMatchObject({ cniVersion: '1.0.0', plugins: [{ type: 'tortie' }] });
  const version = ['env', 'CNI_COMMAND=VERSION', '/opt/cni/bin/tortie'];
  expect(JSON.parse(await lab.mustRun('node1', version, '{}')).supportedVersions).toContain(
    '1.1.0',
  );
});

test('portmap and bandwidth go on from our result, as libcni calls them', async () => {
  await lab.mustRun('node2', ['ip', 'netns', 'add', 'chained']);
  const network = { cniVersion: '1.0.0', name: 'chained' };
  const variables = variablesOf('chained', 'net1');
  const { answer: prevResult } = await callPlugin(lab, 'node2', 'ADD', variables, {
    ...network,
    type: 'tortie',
  });
  const portMappings = [{ hostPort: 18_080, containerPort: 80, protocol: 'tcp' }];
  const rate = { ingressRate: 8_000_000, ingressBurst: 8_000_000 };
  const chained = [
    { ...network, type: 'portmap', snat: true, runtimeConfig: { portMappings }, prevResult },
    { ...network, type: 'bandwidth', runtimeConfig: { bandwidth: rate }, prevResult },
  ];
  const call = async (command: string) => {
    for (const conf of chained) {
      const { code } = await callPlugin(
        lab,
        'node2',
        command,
        variables,
        conf,
        join(DEBIANS, conf.type),
      );
      expect([conf.type, code]).toEqual([conf.type, 0]);
    }
  };
  await call('ADD');
  const host = prevResult.interfaces[0].name;
  expect(await lab.mustRun('node2', ['tc', 'qdisc', 'show', 'dev', host])).toMatch(/tbf .*8Mbit/);
  const serve = 'echo hello from the pod | busybox nc -l -p 80';
  const served = lab.run('node2', ['ip', 'netns', 'exec', 'chained', 'sh', '-c', serve]);
  const ask = 'for i in $(seq 300); do cat < /dev/tcp/10.10.0.2/18080 && exit; sleep 0.1; done';
  expect(await lab.mustRun('node1', ['bash', '-c', ask])).toMatch('hello from the pod');
  await served;
  await call('DEL');
  await callPlugin(lab, 'node2', 'DEL', variables, { ...network, type: 'tortie' });
  expect(await lab.mustRun('node2', ['iptables', '-t', 'nat', '-S'])).not.toMatch('18080');
  expect(await lab.mustRun('node2', ['ip', 'link'])).not.toMatch(host);
}, 60_000);

describe('tortie-ipam', () => {
  test.each([
    ['ptp', 'node1', {}],
    ['bridge', 'node2', { bridge: 'cni0', isGateway: true }],
  ])(
    'under %s, each block a network of its own',
    async (type, node, options) => {
      const pool = `of-${type}`;
      const cidr = type === 'ptp' ? '10.88.0.0/24' : '10.89.0.0/24';
      const cidr6 = type === 'ptp' ? 'fd88::/112' : 'fd89::/112';
      await apply(
        lab,
        [cidr, cidr6].map((prefix, index) => ({
          apiVersion: 'projectcalico.org/v3',
          kind: 'IPPool',
          metadata: { name: `${pool}${index}` },
          spec: { cidr: prefix, assignmentMode: 'Manual' },
        })),
      );
      const ipam = { type: 'tortie-ipam', ipv4_pools: [`${pool}0`], ipv6_pools: [`${pool}1`] };
      const conf = { cniVersion: '1.0.0', name: `by-${type}`, type, ipam, ...options };
      const plugin = join(DEBIANS, type);
      const pods = [`${type}-a`, `${type}-b`];
      const ips: string[][] = [];
      for (const pod of pods) {
        await lab.mustRun(node, ['ip', 'netns', 'add', pod]);
        const { code, answer } = await callPlugin(lab, node, 'ADD', variablesOf(pod), conf, plugin);
        expect([code, answer.msg]).toEqual([0, undefined]);
        ips.push(answer.ips.map(({ address }: { address: string }) => address.split('/')[0]!));
        // The network's address, the gateway's and the last are nobody's.
        expect(answer.ips[0].address).toMatch(/\.\d+\/26$/);
        expect(Number(ips.at(-1)![0]!.split('.')[3]) % 64).toBeGreaterThan(1);
        const check = await callPlugin(
          lab,
          node,
          'CHECK',
          variablesOf(pod),
          { ...conf, prevResult: answer },
          plugin,
        );
        expect([code, check.answer?.msg]).toEqual([0, undefined]);
      }
      for (const address of ips[1]!) expect(await answers(lab, node, pods[0]!, address)).toBe(true);
      // From a pod of ours on another node, by BGP.
      for (const address of ips[0]!)
        expect(await answers(lab, 'node3', 'node3-pod1', address)).toBe(true);
      for (const pod of pods)
        expect(await callPlugin(lab, node, 'DEL', variablesOf(pod), conf, plugin)).toMatchObject({
          code: 0,
        });
      expect(await handles(lab)).not.toMatch(`by-${type}`);
    },
    90_000,
  );

  test('gives two interfaces of a container an address each, and takes back one by one', async () => {
    const spec = { cidr: '10.87.0.0/24', assignmentMode: 'Manual' };
    const head = { apiVersion: 'projectcalico.org/v3', kind: 'IPPool' };
    await apply(lab, [{ ...head, metadata: { name: 'twofold' }, spec }]);
    const ipam = { type: 'tortie-ipam', ipv4_pools: ['twofold'], assign_ipv6: false };
    const conf = { ...CONF, name: 'twofold', type: 'bridge', ipam };
    const call = (command: string, ifname: string) =>
      callPlugin(lab, 'node1', command, variablesOf('twofold', ifname), conf, OUR_IPAM);
    const [first, second] = [await call('ADD', 'net1'), await call('ADD', 'net2')];
    expect(addressesOf(first)).toEqual([expect.stringMatching(/^10\.87\.0\.\d+\/26$/)]);
    expect(addressesOf(second)).not.toEqual(addressesOf(first));
    expect((await call('DEL', 'net1')).code).toBe(0);
    expect((await call('CHECK', 'net2')).code).toBe(0);
    expect((await call('CHECK', 'net1')).answer.code).toBe(101);
    expect((await call('DEL', 'net2')).code).toBe(0);
    expect((await call('CHECK', 'net2')).answer.code).toBe(101);
  });

  test('under macvlan, on a network that is there: its router, which no pod is given', async () => {
    await apply(lab, [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: 'wire' },
        spec: {
          cidr: '10.10.0.128/28',
          blockSize: 30,
          assignmentMode: 'Manual',
          disableBGPExport: true,
        },
      },
    ]);
    const gateways = ['10.10.0.128/24'];
    const ipam = { type: 'tortie-ipam', assign_ipv6: false, ipv4_pools: ['wire'], gateways };
    const conf = { cniVersion: '1.0.0', name: 'by-macvlan', type: 'macvlan', master: 'eth1', ipam };
    const plugin = join(DEBIANS, 'macvlan');
    await lab.mustRun('node1', ['ip', 'netns', 'add', 'macvlan-a']);
    const { answer } = await callPlugin(
      lab,
      'node1',
      'ADD',
      variablesOf('macvlan-a'),
      conf,
      plugin,
    );
    expect(answer.ips).toEqual([
      expect.objectContaining({
        address: expect.stringMatching(/^10\.10\.0\.1(29|3\d|4[0-3])\/24$/),
        gateway: '10.10.0.128',
      }),
    ]);
    expect(await answers(lab, 'node1', 'macvlan-a', '10.10.0.2')).toBe(true);
    expect(
      (await callPlugin(lab, 'node1', 'DEL', variablesOf('macvlan-a'), conf, plugin)).code,
    ).toBe(0);
  }, 60_000);
});

describe('with the conf list that the agent wrote', () => {
  const SHOW = ['/bin/ip', '-o', 'addr', 'show', 'eth0'];
  const PING = ['/bin/ping', '-c', '1', '-W', '10'];
  const other = async () => (await agentStatuses(lab, ['node2']))[0]!.endpoints[0]!.addresses[0]!;
  const pods = async () =>
    (await agentStatuses(lab, ['node1']))[0]!.endpoints.map(({ pod }) => pod);

  beforeAll(() => prepareRuntimes(lab, 'node1'), 60_000);

  test('ctr run --cni', async () => {
    const run = ['ctr', 'run', '--rm', '--cni', '--cgroup', `${CGROUP}/by-ctr`];
    const script = [...SHOW, '&&', ...PING, await other()].join(' ');
    const container = ['--rootfs', ROOTFS, 'by-ctr', '/bin/sh', '-c', script];
    const said = await lab.mustRun('node1', [...run, ...container]);
    expect(said).toMatch(/inet 10\.244\.\d+\.\d+\/32[\s\S]*inet6 fd44:[\s\S]* 0% packet loss/);
    expect((await pods()).join()).not.toMatch('by-ctr');
  }, 60_000);

  test('containerd’s pod sandboxes, as the kubelet has them made', async () => {
    const ids = [
      await runSandbox(lab, 'node1', 'by-cri-a'),
      await runSandbox(lab, 'node1', 'by-cri-b'),
    ];
    expect(await pods()).toEqual(expect.arrayContaining(['default/by-cri-a', 'default/by-cri-b']));
    for (const id of ids) await removeSandbox(lab, 'node1', id);
    expect((await pods()).join()).not.toMatch('by-cri');
    expect(await handles(lab)).not.toMatch(new RegExp(ids.join('|')));
  }, 60_000);

  test('podman run --network, with addresses and a MAC address that were asked for', async () => {
    await apply(
      lab,
      ['10.90.0.0/24', 'fd90::/112'].map((cidr, index) => ({
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPPool',
        metadata: { name: `by-podman${index}` },
        spec: { cidr, assignmentMode: 'Manual' },
      })),
    );
    const addresses = ['--ip', '10.90.0.7', '--ip6', 'fd90::7'];
    const mac = ['--mac-address', '02:00:00:90:00:07'];
    const network = ['--network', 'k8s-pod-network', ...addresses, ...mac];
    const cgroup = ['--cgroup-parent', `/${CGROUP}`];
    const said = await podman(lab, 'node1', [
      ...['run', '--rm', ...network, ...cgroup, '--rootfs', ROOTFS],
      ...['/bin/sh', '-c', `${SHOW.join(' ')}; /bin/ip -o link show eth0`],
    ]);
    expect(said).toMatch(/inet 10\.90\.0\.7\/32[\s\S]*inet6 fd90::7\/128[\s\S]*02:00:00:90:00:07/);
    expect(await lab.mustRun('node1', ['ip', 'route'])).not.toMatch('10.90.0.7');
  }, 60_000);
});

test('CNI 1.1 GC: what the runtime does not name any more goes, addresses too; STATUS is well', async () => {
  expect((await callPlugin(lab, 'node3', 'STATUS')).code).toBe(0);
  for (const pod of ['kept', 'lost']) {
    await lab.mustRun('node3', ['ip', 'netns', 'add', pod]);
    expect(
      (await callPlugin(lab, 'node3', 'ADD', variablesOf(pod), { ...CONF, name: 'gc' })).code,
    ).toBe(0);
  }
  const valid = [{ containerID: 'c-kept', ifname: 'eth0' }];
  const conf = { ...CONF, name: 'gc', 'cni.dev/valid-attachments': valid };
  expect(await callPlugin(lab, 'node3', 'GC', {}, conf)).toEqual({ code: 0, answer: undefined });
  const [status] = await agentStatuses(lab, ['node3']);
  const containers = status!.endpoints.map(({ containerID }) => containerID);
  expect(containers).toContain('c-kept');
  expect(containers).not.toContain('c-lost');
  // Of the other network's pods none is touched.
  expect(containers).toHaveLength(3);
  const held = await handles(lab);
  expect(held).toMatch('gc.c-kept');
  expect(held).not.toMatch('gc.c-lost');
}, 60_000);

test('the MTU of live pods follows the underlay’s, on both ends, and that of new ones too', async () => {
  const mtus = async () => {
    const show = ['ip', '-n', 'node2-pod1', '-o', 'link', 'show', 'eth0'];
    const inside = await lab.mustRun('node2', show);
    const [endpoint] = (await agentStatuses(lab, ['node2']))[0]!.endpoints.filter(
      ({ pod }) => pod === 'default/node2-pod1',
    );
    const outside = await lab.mustRun('node2', ['ip', '-o', 'link', 'show', endpoint!.interface]);
    return [inside, outside].map((line) => /mtu (\d+)/.exec(line)![1]);
  };
  expect(await mtus()).toEqual(['1500', '1500']);
  await lab.mustRun('node2', ['ip', 'link', 'set', 'eth1', 'mtu', '1400']);
  const deadline = performance.now() + 30_000;
  while ((await mtus()).join() !== '1400,1400' && performance.now() < deadline);
  expect(await mtus()).toEqual(['1400', '1400']);
}, 60_000);

test('STATUS of an agent that is away says that an ADD would fail: code 50', async () => {
  await lab.killProgram('node3', 'SIGKILL');
  const { code, answer } = await callPlugin(lab, 'node3', 'STATUS');
  expect([code, answer.code]).toEqual([1, 50]);
  expect((await callPlugin(lab, 'node3', 'ADD', variablesOf('kept'))).answer.code).toBe(11);
  lab.startProgram('node3');
}, 60_000);

test('USE_POD_CIDR: a node gives addresses of its Node’s spec.podCIDRs, and the others reach them', async () => {
  const untilReady = async () => {
    const deadline = performance.now() + 60_000;
    while ((await callPlugin(lab, 'node3', 'STATUS')).code !== 0 && performance.now() < deadline);
  };
  await untilReady();
  expect((await addPod(lab, 'node3', 'of-block', {})).code).toBe(0);
  const podCIDRs = ['10.66.3.0/24', 'fd66:3::/64'];
  await send(lab, 'PATCH', '/api/v1/nodes/node3', { spec: { podCIDR: podCIDRs[0], podCIDRs } });
  await apply(
    lab,
    ['10.66.0.0/16', 'fd66::/16'].map((cidr, index) => ({
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPPool',
      metadata: { name: `of-nodes${index}` },
      spec: { cidr, assignmentMode: 'Manual' },
    })),
  );
  await lab.killProgram('node3', 'SIGTERM');
  const node3 = lab.topology.nodes.find(({ name }) => name === 'node3')!;
  Object.assign(node3.env, { USE_POD_CIDR: 'true' });
  lab.startProgram('node3');
  await untilReady();
  // A pod of before holds an address of a block until it goes.
  expect(await handles(lab)).toMatch('tortie.c-of-block');
  expect((await callPlugin(lab, 'node3', 'DEL', variablesOf('of-block'))).code).toBe(0);
  expect(await handles(lab)).not.toMatch('tortie.c-of-block');
  const added = await addPod(lab, 'node3', 'of-cidr', {});
  expect([added.code, added.answer.msg]).toEqual([0, undefined]);
  const addresses = addressesOf(added).map((address) => address.replace(/\/.*/, ''));
  expect(addresses).toEqual(['10.66.3.1', 'fd66:3::1']);
  for (const address of addresses)
    expect(await answers(lab, 'node1', 'node1-pod1', address)).toBe(true);
  expect(await callPlugin(lab, 'node3', 'CHECK', variablesOf('of-cidr'))).toEqual({ code: 0 });
  // As the runtime repeats it.
  expect(addressesOf(await callPlugin(lab, 'node3', 'ADD', variablesOf('of-cidr')))).toEqual(
    addressesOf(added),
  );
  expect((await callPlugin(lab, 'node3', 'DEL', variablesOf('of-cidr'))).code).toBe(0);
  expect(addressesOf(await callPlugin(lab, 'node3', 'ADD', variablesOf('of-cidr')))[0]).toBe(
    '10.66.3.2/32',
  );
}, 120_000);
