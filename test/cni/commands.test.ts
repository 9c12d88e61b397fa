/** What the commands ask of IPAM and of felix, and in which order, with both played. */
import { parseAddress } from 'net-ipaddr';
import type { Endpoint } from '../../felix/endpoint/endpoint.ts';
import { IpamError } from '../../ipam/errors.ts';
import type { AssignRequest } from '../../ipam/index.ts';
import { CniCommands, type CniCommandsOptions } from '../../src/cni/commands.ts';
import { readRequest } from '../../src/cni/protocol.ts';

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

const CONF = { cniVersion: '1.1.0', name: 'net', type: 'tortie' };
/** Bridge on a network that is there, whose router is 10.0.0.1. */
const DELEGATED = {
  ...{ cniVersion: '1.1.0', name: 'net', type: 'bridge' },
  ipam: { type: 'tortie-ipam', gateways: ['10.0.0.1/24'] },
};

let done: string[];
/** The last that was asked of IPAM, and of felix. */
let asked: { assign: Partial<AssignRequest>; wire: Partial<Endpoint> };
let endpoints: Pick<Endpoint, 'containerID' | 'ifname' | 'handleId' | 'network' | 'addresses'>[];
let options: CniCommandsOptions;
let commands: CniCommands;

beforeEach(() => {
  done = [];
  asked = { assign: {}, wire: {} };
  endpoints = [];
  const name = ({ containerID, ifname }: { containerID: string; ifname: string }) =>
    `${containerID}/${ifname}`;
  options = {
    log,
    nodeName: 'a',
    annotations: async () => ({ pod: {}, namespace: {} }),
    families: () => [4],
    mtu: () => 1500,
    notReady: () => undefined,
    onChange: () => done.push('tell of the change'),
    handles: async () => new Set(['net.c1', 'net.c2.eth0']),
    releases: {
      revoke: async (handleId: string) => done.push(`revoke ${handleId}`),
      release: async (handleId: string) => done.push(`release ${handleId}`),
    },
    assign: async (request: AssignRequest) => {
      done.push(`assign ${request.handleId}`);
      asked.assign = request;
      return [{ family: 4, address: '10.0.0.5', block: '10.0.0.0/26' }];
    },
    felix: {
      endpoints: () => endpoints,
      addEndpoint: async (endpoint: Endpoint) => {
        done.push(`wire ${name(endpoint)}`);
        asked.wire = endpoint;
        return { ...endpoint, hostInterface: 'cali1', mac: '02:00:00:00:00:05' };
      },
      removeEndpoint: async (one: Endpoint) => {
        done.push(`unwire ${name(one)}`);
        endpoints = endpoints.filter((other) => name(other) !== name(one));
      },
      checkEndpoint: async () => [],
    },
  } as unknown as CniCommandsOptions;
  commands = new CniCommands(options);
});

/** CNI_ARGS of a kubelet’s runtime. */
const KUBERNETES = 'K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web-0';

function run(
  command: string,
  conf: object = CONF,
  [containerID = '', ifname = ''] = ['c1', 'eth0'],
  args = '',
) {
  const variables = {
    ...{ CNI_COMMAND: command, CNI_CONTAINERID: containerID, CNI_IFNAME: ifname },
    ...{ CNI_NETNS: '/run/netns/x', CNI_ARGS: args },
  };
  return commands.run(readRequest(new Map(Object.entries(variables)), JSON.stringify(conf)), '/x');
}

function wired(containerID: string, ifname = 'eth0') {
  const addresses = [parseAddress('10.0.0.5')];
  endpoints.push({
    containerID,
    ifname,
    handleId: `net.${containerID}`,
    network: 'net',
    addresses,
  });
}

describe('ADD', () => {
  test('nothing of before may free the address that it takes; then the wiring', async () => {
    const result = JSON.parse(await run('ADD'));
    expect(done).toEqual(['revoke net.c1', 'assign net.c1', 'wire c1/eth0', 'tell of the change']);
    expect(result).toMatchObject({
      ips: [{ address: '10.0.0.5/32', interface: 1 }],
      routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1' }],
    });
  });

  test('that cannot be wired gives its address back, unless another interface has it', async () => {
    options.felix.addEndpoint = () => Promise.reject(new Error('the kernel says no'));
    await expect(run('ADD')).rejects.toThrow('the kernel says no');
    expect(done).toEqual(['revoke net.c1', 'assign net.c1', 'release net.c1']);
    wired('c1');
    done.length = 0;
    await expect(run('ADD', CONF, ['c1', 'net1'])).rejects.toThrow('the kernel says no');
    expect(done).toEqual(['revoke net.c1', 'assign net.c1']);
  });

  test('of an agent that is not ready touches nothing, and is to be tried again', async () => {
    options.notReady = () => 'the datastore has not answered';
    await expect(run('ADD')).rejects.toMatchObject({ code: 11 });
    expect(done).toEqual([]);
  });

  test('an error of IPAM names the annotation that asked for what it cannot give', async () => {
    const pod = { 'cni.projectcalico.org/ipv4pools': '["nowhere"]' };
    options.annotations = async () => ({ pod, namespace: {} });
    options.assign = () => Promise.reject(new IpamError('NoPool', 'it does not exist'));
    await expect(run('ADD', CONF, ['c1', 'eth0'], KUBERNETES)).rejects.toMatchObject({
      code: 11,
      message: 'it does not exist (annotation cni.projectcalico.org/ipv4pools of pod ns/web-0)',
    });
    // Outside of Kubernetes there is no pod that could have any.
    await expect(run('ADD')).rejects.toMatchObject({ message: 'it does not exist' });
  });

  test('the conf’s MTU stays when the underlay’s changes, ours follows', async () => {
    await run('ADD');
    expect(asked.wire).toMatchObject({ mtu: 1500 });
    expect(asked.wire.isMtuFixed).toBeUndefined();
    await run('ADD', { ...CONF, mtu: 1400 });
    expect(asked.wire).toMatchObject({ mtu: 1400, isMtuFixed: true });
  });

  test('the block says whose each address is, and who else wires it', async () => {
    await run('ADD', CONF, ['c1', 'eth0'], KUBERNETES);
    const timestamp = expect.any(String);
    const attributes = { namespace: 'ns', node: 'a', pod: 'web-0', timestamp };
    expect(asked.assign.attributes).toEqual(attributes);
    await run('ADD', DELEGATED, ['c1', 'eth0'], KUBERNETES);
    expect(asked.assign.attributes).toEqual({ ...attributes, plugin: 'bridge' });
  });

  test.each([
    ['a block is a subnet of its own', {}, true, '10.0.0.5/26', '10.0.0.1', '0.0.0.0/0'],
    [
      ...(['the conf names the router', { gateways: ['10.0.0.9/24'] }] as const),
      ...([false, '10.0.0.5/24', '10.0.0.9', '0.0.0.0/0'] as const),
    ],
    [
      ...(['and routes', { gateways: ['10.0.0.9/24'], routes: [{ dst: '10.0.0.0/8' }] }] as const),
      ...([false, '10.0.0.5/24', '10.0.0.9', '10.0.0.0/8'] as const),
    ],
  ])('tortie-ipam: %s', async (_, ipam, asSubnet, address, gateway, dst) => {
    const conf = { ...DELEGATED, ipam: { type: 'tortie-ipam', ...ipam } };
    expect(JSON.parse(await run('ADD', conf))).toMatchObject({
      ips: [{ address, gateway }],
      routes: [{ dst }],
    });
    expect(asked.assign).toMatchObject({ asSubnet });
  });

  test('tortie-ipam: the router’s address is held before any pod gets one, and asked for once', async () => {
    await run('ADD', DELEGATED);
    await run('ADD', DELEGATED, ['c2', 'eth0']);
    expect(done.filter((step) => step.startsWith('assign'))).toEqual([
      'assign tortie-gateway.10.0.0.1',
      'assign net.c1.eth0',
      'assign net.c2.eth0',
    ]);
  });

  test.each([
    ['outside of all pools no pod could have it', 'NoPool', 'assign net.c1.eth0'],
    ['held by a pod it is no router’s: no pod gets an address', 'Taken', undefined],
  ] as const)('tortie-ipam: a router’s address %s', async (_, code, then) => {
    const { assign } = options;
    options.assign = async (request) => {
      if (request.handleId.startsWith('tortie-gateway.')) throw new IpamError(code, 'no');
      return assign(request);
    };
    await run('ADD', DELEGATED).catch(() => {});
    expect(done.find((step) => step.startsWith('assign'))).toBe(then);
  });
});

describe('DEL', () => {
  test('the wiring goes before the address is free', async () => {
    wired('c1');
    await run('DEL');
    expect(done).toEqual(['unwire c1/eth0', 'tell of the change', 'release net.c1']);
  });

  test('of one of two interfaces leaves the address, which is the container’s', async () => {
    wired('c1');
    wired('c1', 'net1');
    await run('DEL', CONF, ['c1', 'net1']);
    expect(done).toEqual(['unwire c1/net1', 'tell of the change']);
  });

  test('of what was never wired here still releases', async () => {
    await run('DEL');
    expect(done).toEqual(['unwire c1/eth0', 'release net.c1']);
  });
});

test('GC unwires as DEL does, and takes what has no interface', async () => {
  wired('c1');
  await run('GC', { ...CONF, 'cni.dev/valid-attachments': [] });
  expect(done).toEqual([
    'unwire c1/eth0',
    'tell of the change',
    'release net.c1',
    // The datastore's set, which is read once.
    ...['release net.c1', 'release net.c2.eth0'],
  ]);
});

test('GC leaves alone what an ADD is at, and takes it once that has failed', async () => {
  const { promise: wiring, reject } = Promise.withResolvers<never>();
  options.felix.addEndpoint = () => wiring;
  const collect = () => run('GC', { ...CONF, 'cni.dev/valid-attachments': [] });
  const added = run('ADD').catch(() => 'failed');
  await collect();
  expect(done).not.toContain('release net.c1');
  reject(new Error('the kernel says no'));
  expect(await added).toBe('failed');
  done.length = 0;
  await collect();
  expect(done).toContain('release net.c1');
});

describe('CHECK', () => {
  const prevResult = (...ips: object[]) => ({
    ...CONF,
    prevResult: { interfaces: [{ name: 'cali1' }, { name: 'eth0' }, { name: 'net1' }], ips },
  });

  test.each([
    ['its own address', [{ address: '10.0.0.5/32', interface: 1 }], undefined],
    ['another', [{ address: '10.0.0.6/32', interface: 1 }], /has 10\.0\.0\.6\/32, which is not/],
    // Of a plugin before us in the chain.
    ['one of another interface', [{ address: '10.9.0.1/32', interface: 2 }], undefined],
    ['one of no interface', [{ address: '10.9.0.1/32' }], undefined],
  ])('prevResult has %s', async (_, ips, problem) => {
    wired('c1');
    const checked = run('CHECK', prevResult(...ips));
    if (problem) await expect(checked).rejects.toMatchObject({ code: 101, message: problem });
    else expect(await checked).toBe('');
  });

  test('what felix finds in the kernel', async () => {
    wired('c1');
    options.felix.checkEndpoint = async () => ['no veth', 'no route'];
    const message = expect.stringMatching(/: no veth; no route$/);
    await expect(run('CHECK')).rejects.toMatchObject({ code: 101, message });
  });

  test('a container that has none of our interfaces', async () => {
    await expect(run('CHECK')).rejects.toMatchObject({ code: 3 });
  });

  test('tortie-ipam: of the address alone, which the datastore knows', async () => {
    expect(await run('CHECK', DELEGATED, ['c2', 'eth0'])).toBe('');
    await expect(run('CHECK', DELEGATED, ['c2', 'net1'])).rejects.toMatchObject({ code: 101 });
  });
});

describe('STATUS', () => {
  test('is well where an ADD would be', async () => expect(await run('STATUS')).toBe(''));

  test('code 50: not ready', async () => {
    options.notReady = () => 'the datastore has not answered';
    const message = expect.stringContaining('the datastore has not answered');
    await expect(run('STATUS')).rejects.toMatchObject({ code: 50, message });
  });

  test('code 50: no pool to take an address from', async () => {
    options.families = () => [];
    await expect(run('STATUS')).rejects.toMatchObject({ code: 50 });
  });
});
