import { parseAddress } from 'net-ipaddr';
import {
  CniError,
  formatError,
  formatResult,
  readRequest,
  versionForErrors,
} from '../../src/cni/protocol.ts';

const CONF = '{"cniVersion":"1.0.0","name":"net","type":"tortie"}';
const VARIABLES = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_IFNAME: 'eth0',
  CNI_NETNS: '/run/netns/x',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web-0',
};

function read(variables: Record<string, string>, conf = CONF) {
  return readRequest(new Map(Object.entries({ ...VARIABLES, ...variables })), conf);
}

function errorOf(work: () => unknown): CniError {
  try {
    work();
  } catch (error) {
    return error as CniError;
  }
  throw new Error('it was accepted');
}

test('a request as a kubelet’s runtime sends it', () => {
  expect(read({})).toMatchObject({
    command: 'ADD',
    containerID: 'c1',
    ifname: 'eth0',
    namespace: 'ns',
    pod: 'web-0',
    conf: { cniVersion: '1.0.0', name: 'net' },
  });
});

test('outside Kubernetes the network’s name and the container stand in for the pod', () => {
  expect(read({ CNI_ARGS: '' })).toMatchObject({ namespace: 'net', pod: 'c1' });
});

test('a container’s name in a pod’s place, as podman gives it, is none of Kubernetes’', () => {
  const CNI_ARGS = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=happy_euler;K8S_POD_NAME=happy_euler';
  expect(read({ CNI_ARGS })).toMatchObject({ pod: 'happy_euler', isKubernetes: false });
  expect(read({})).toMatchObject({ isKubernetes: true });
});

test('addresses and a MAC address that a runtime asks for: the capabilities before CNI_ARGS', () => {
  const args = { CNI_ARGS: 'IP=10.0.0.5,fd00::5;MAC=02:00:00:00:00:0A' };
  expect(read(args)).toMatchObject({
    isKubernetes: false,
    addresses: ['10.0.0.5', 'fd00::5'].map(parseAddress),
    mac: '02:00:00:00:00:0a',
  });
  const runtimeConfig = { ips: ['10.0.0.6/24'], mac: '02:00:00:00:00:0b' };
  expect(read(args, JSON.stringify({ ...JSON.parse(CONF), runtimeConfig }))).toMatchObject({
    addresses: [parseAddress('10.0.0.6')],
    mac: '02:00:00:00:00:0b',
  });
});

test('families and pools of the conf, in Calico’s spelling', () => {
  const ipam = { type: 'x', assign_ipv4: 'false', assign_ipv6: true, ipv6_pools: ['six'] };
  expect(read({}, JSON.stringify({ ...JSON.parse(CONF), ipam })).conf).toMatchObject({
    assigns: { 4: false, 6: true },
    pools: { 6: ['six'] },
  });
});

test.each([
  [{ CNI_COMMAND: 'MOVE' }, CONF, 4, 'CNI_COMMAND is "MOVE"'],
  [{ CNI_CONTAINERID: '../x' }, CONF, 4, 'CNI_CONTAINERID'],
  [{ CNI_CONTAINERID: '' }, CONF, 4, 'CNI_CONTAINERID'],
  [{ CNI_IFNAME: 'a/b' }, CONF, 4, 'CNI_IFNAME'],
  [{ CNI_NETNS: '' }, CONF, 4, 'CNI_NETNS'],
  [{ CNI_COMMAND: 'CHECK', CNI_NETNS: '' }, CONF, 4, 'CNI_NETNS'],
  [{ CNI_ARGS: 'IP=10.0.0' }, CONF, 4, 'CNI_ARGS: IP: '],
  [{ CNI_ARGS: 'MAC=03:00:00:00:00:01' }, CONF, 4, 'CNI_ARGS: MAC: 03:00:00:00:00:01 is a mul'],
  [
    {},
    '{"cniVersion":"1.0.0","name":"n","type":"tortie","ipam":{"assign_ipv4":"yes"}}',
    7,
    'ipam.assign_ipv4',
  ],
  [{ CNI_COMMAND: 'GC' }, CONF, 7, 'cni.dev/valid-attachments is missing'],
  [{ CNI_ARGS: 'x' }, CONF, 4, 'CNI_ARGS: "x" is not KEY=VALUE'],
  [{ CNI_ARGS: 'K8S_POD_NAME=../../x' }, CONF, 4, 'K8S_POD_NAME'],
  [{}, CONF.slice(0, 30), 6, 'is not JSON'],
  [{}, '', 6, 'is empty'],
  [{}, '{"cniVersion":"0.2.0","name":"net","type":"tortie"}', 1, 'version 0.2.0'],
  [{}, '{"cniVersion":"1.0.0","type":"tortie"}', 7, 'name'],
  [{}, '{"cniVersion":"1.0.0","name":"a b","type":"tortie"}', 7, 'name'],
  [{}, '{"cniVersion":"1.0.0","name":"n","type":"tortie","mtu":"big"}', 7, 'mtu'],
  [
    {},
    '{"cniVersion":"1.0.0","name":"n","type":"bridge","ipam":{"gateways":["10.0.0.1/24","10.0.0.2/24","fd00::1/64"]}}',
    7,
    'ipam.gateways',
  ],
] as const)('%j with conf %s is refused with code %i', (variables, conf, code, message) => {
  const error = errorOf(() => read(variables, conf));
  expect(error).toBeInstanceOf(CniError);
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
});

test.each(['STATUS', 'GC'])('%s is about a network, and names no container', (CNI_COMMAND) => {
  const none = { CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_NETNS: '' };
  const conf = JSON.stringify({ ...JSON.parse(CONF), 'cni.dev/valid-attachments': [] });
  expect(read({ CNI_COMMAND, ...none }, conf)).toMatchObject({ command: CNI_COMMAND });
});

test('tortie-ipam is asked by the plugin whose conf it is; of our own conf it is no other’s', () => {
  const conf = (type: string, ipam: string) =>
    read({}, JSON.stringify({ ...JSON.parse(CONF), type, ipam: { type: ipam } })).conf;
  expect(conf('bridge', 'tortie-ipam').delegatedBy).toBe('bridge');
  expect(conf('tortie', 'tortie-ipam').delegatedBy).toBeUndefined();
  expect(conf('tortie', 'calico-ipam').delegatedBy).toBeUndefined();
});

test.each([
  ['0.3.1', { version: '6' }],
  ['0.4.0', { version: '6' }],
  ['1.0.0', {}],
  ['1.1.0', {}],
] as const)(
  'a result of version %s tells the version of each address up to 0.4.0',
  (version, told) => {
    const result = { interfaces: [], ips: [{ address: 'fd00::1/128' }], routes: [] };
    // Who only assigns addresses has no interfaces to tell of.
    expect(JSON.parse(formatResult(version, result))).toEqual({
      cniVersion: version,
      ips: [{ ...told, address: 'fd00::1/128' }],
      ...{ routes: [], dns: {} },
    });
  },
);

test('an error has the conf’s version, also of a conf that is cut short', () => {
  expect(versionForErrors('{"name":"n","cniVersion": "0.4.0","type')).toBe('0.4.0');
  expect(versionForErrors('')).toBe('1.0.0');
});

test('an error in the specification’s form', () => {
  expect(JSON.parse(formatError('1.0.0', new CniError(11, 'later', 'why')))).toEqual({
    cniVersion: '1.0.0',
    code: 11,
    msg: 'later',
    details: 'why',
  });
});
