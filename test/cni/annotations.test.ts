import { parseAddress, parsePrefix } from 'net-ipaddr';
import { readWishes, wantedFamilies } from '../../src/cni/annotations.ts';

const conf = { pools: { 4: ['of-conf'], 6: ['of-conf'] } };

/** Annotations without their prefix; `asked`: by the runtime. */
function wishes(
  pod: Record<string, string>,
  namespace: Record<string, string> = {},
  asked: object = { addresses: [], mac: undefined },
) {
  const prefixed = (all: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(all).map(([name, value]) => [`cni.projectcalico.org/${name}`, value]),
    );
  const request = { namespace: 'ns', pod: 'web-0', conf, ...asked };
  return readWishes(request as never, { pod: prefixed(pod), namespace: prefixed(namespace) });
}

test('pools: the pod’s before its namespace’s before the conf’s, each family for itself', () => {
  expect(wishes({}).pools).toEqual(conf.pools);
  const namespace = { ipv4pools: '["of-namespace"]', ipv6pools: '["of-namespace"]' };
  expect(wishes({}, namespace).pools).toEqual({ 4: ['of-namespace'], 6: ['of-namespace'] });
  expect(wishes({ ipv4pools: '["a","10.0.0.0/24"]' }, namespace).pools).toEqual({
    4: ['a', '10.0.0.0/24'],
    6: ['of-namespace'],
  });
});

test('addresses, MAC address and sources', () => {
  expect(
    wishes({
      ipAddrs: '["fd00::5","10.0.0.5"]',
      hwAddr: '02:00:00:AB:00:01',
      allowedSourcePrefixes: '["10.9.0.0/24","fd09::/64"]',
    }),
  ).toMatchObject({
    addresses: ['fd00::5', '10.0.0.5'].map(parseAddress),
    mac: '02:00:00:ab:00:01',
    allowedSourcePrefixes: ['10.9.0.0/24', 'fd09::/64'].map(parsePrefix),
  });
});

test('a single address is the pod’s to ask for, not its namespace’s', () => {
  const namespace = { ipAddrs: '["10.0.0.5"]', hwAddr: '02:00:00:00:00:01' };
  expect(wishes({}, namespace)).toMatchObject({ addresses: [], mac: undefined });
});

test('a single address: the pod’s word before the runtime’s', () => {
  const byRuntime = { addresses: [parseAddress('10.0.0.6')], mac: '02:00:00:00:00:06' };
  expect(wishes({}, {}, byRuntime)).toMatchObject(byRuntime);
  const pod = { ipAddrs: '["10.0.0.5"]', hwAddr: '02:00:00:00:00:05' };
  expect(wishes(pod, {}, byRuntime)).toMatchObject({
    addresses: [parseAddress('10.0.0.5')],
    mac: '02:00:00:00:00:05',
  });
});

test('what an error of IPAM is about: each annotation that asked, with its owner', () => {
  const given = wishes(
    { ipAddrs: '["fd00::5"]', ipv4pools: '["a"]', hwAddr: '02:00:00:00:00:05' },
    { ipv4pools: '["b"]', ipv6pools: '["b"]' },
  );
  expect(given.askedBy).toEqual([
    'annotation cni.projectcalico.org/ipv4pools of pod ns/web-0',
    'annotation cni.projectcalico.org/ipv6pools of namespace ns',
    'annotation cni.projectcalico.org/ipAddrs of pod ns/web-0',
  ]);
  expect(wishes({}).askedBy).toEqual([]);
});

test.each([
  [{ ipAddrs: '10.0.0.5' }, 'ipAddrs', '10.0.0.5 is not a list; write ["…"]'],
  [{ ipAddrs: '[]' }, 'ipAddrs', 'is not a list'],
  [{ ipAddrs: '[5]' }, 'ipAddrs', 'is not a list'],
  [{ ipAddrs: '["10.0.0"]' }, 'ipAddrs', '"10.0.0" is not an IP address'],
  [{ ipAddrs: '["10.0.0.5","10.0.0.6"]' }, 'ipAddrs', 'it has 2 IPv4 addresses'],
  [{ ipv4pools: '{"a":1}' }, 'ipv4pools', 'is not a list'],
  [{ hwAddr: '02:00:00:00:00' }, 'hwAddr', 'is not a MAC address'],
  [{ hwAddr: '03:00:00:00:00:01' }, 'hwAddr', 'is a multicast address'],
  [{ hwAddr: '00:00:00:00:00:00' }, 'hwAddr', 'is no interface'],
  [{ hwAddr: 'EE:ee:ee:ee:ee:ee' }, 'hwAddr', 'is the address of the host’s end'],
  [{ allowedSourcePrefixes: '["10.0.0.1/24"]' }, 'allowedSourcePrefixes', 'bits set'],
  [{ ipAddrsNoIpam: '["192.0.2.1"]' }, 'ipAddrsNoIpam', 'ask for it by ipAddrs'],
  [{ floatingIPs: '["192.0.2.1"]' }, 'floatingIPs', 'is not supported'],
])('%j is refused by name', (pod, name, reason) => {
  expect(() => wishes(pod as never)).toThrow(
    expect.objectContaining({ code: 7, message: expect.stringContaining(reason) }),
  );
  expect(() => wishes(pod as never)).toThrow(
    `annotation cni.projectcalico.org/${name} of pod ns/web-0: `,
  );
});

test('an annotation of the namespace is refused as the namespace’s', () => {
  expect(() => wishes({}, { ipv6pools: 'x' })).toThrow(
    'annotation cni.projectcalico.org/ipv6pools of namespace ns: ',
  );
});

const nothing = {
  addresses: [],
  pools: {},
  mac: undefined,
  allowedSourcePrefixes: [],
  askedBy: [],
};

test.each([
  ['those that have a pool', nothing, {}, [4, 6], [4, 6]],
  [
    'also one whose pool gives only when asked',
    { ...nothing, pools: { 6: ['m'] } },
    {},
    [4],
    [4, 6],
  ],
  ['not what the conf excludes', { ...nothing, pools: { 6: ['m'] } }, { 6: false }, [4, 6], [4]],
  ['what the conf insists on, pool or not', nothing, { 6: true }, [4], [4, 6]],
  ['those of the addresses', { ...nothing, addresses: [parseAddress('fd00::1')] }, {}, [4], [6]],
] as const)('families: %s', (_, asked, assigns, withPool, wanted) => {
  expect(wantedFamilies(asked, assigns, withPool)).toEqual(wanted);
});
