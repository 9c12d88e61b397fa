import { parseAddress, parsePrefix, parseZonedAddress } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import {
  DEFAULT_MARKS,
  describeRoute,
  gatewayOf,
  type InterfaceNames,
  isConnected,
  isOurs,
  isRemote,
  podAddress,
  routeSpec,
  sameRoute,
} from '../../../felix/table/kernel-route.ts';

const NAMES: InterfaceNames = {
  indexOf: (name) => ({ eth0: 2, cali1: 7, tunl0: 8 })[name],
  nameOf: (index) => ({ 2: 'eth0', 7: 'cali1', 8: 'tunl0' })[index],
};

const via = (text: string) => ({ gateway: parseAddress(text) });
const BASE = {
  destination: parsePrefix('10.60.1.0/26'),
  table: 254,
  protocol: 80,
  type: 'unicast',
  metric: 1024,
} as const;

test.each<[what: string, actual: Partial<RouteSpec>, desired: Partial<RouteSpec>, same: boolean]>([
  ['the kernel chose an interface', { ...via('192.0.2.2'), oif: 2 }, via('192.0.2.2'), true],
  [
    'by a tunnel where the same gateway is on a network of the host',
    { ...via('192.0.2.2'), oif: 7, onlink: true },
    via('192.0.2.2'),
    false,
  ],
  ['another gateway', via('192.0.2.3'), via('192.0.2.2'), false],
  ['a gateway where none should be', { ...via('192.0.2.3'), oif: 7 }, { oif: 7 }, false],
  ['another interface', { oif: 8 }, { oif: 7 }, false],
  ['another metric', { ...via('192.0.2.2'), metric: 0 }, via('192.0.2.2'), false],
  ['another protocol', { ...via('192.0.2.2'), protocol: 12 }, via('192.0.2.2'), false],
  ['another type', { type: 'blackhole' }, via('192.0.2.2'), false],
  ['a blackhole', { type: 'blackhole' }, { type: 'blackhole' }, true],
  [
    'a preferred source that nobody asked for',
    { ...via('192.0.2.2'), preferredSource: parseAddress('192.0.2.1') },
    via('192.0.2.2'),
    false,
  ],
  [
    'several next hops, in another order',
    { multipath: [{ ...via('192.0.2.3'), oif: 2, weight: 1 }, via('192.0.2.2')] },
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    true,
  ],
  [
    'one of them is missing',
    { multipath: [via('192.0.2.2')] },
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    false,
  ],
  [
    'one of them is another',
    { multipath: [via('192.0.2.2'), via('192.0.2.4')] },
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    false,
  ],
  [
    'one of them weighs more',
    { multipath: [via('192.0.2.2'), { ...via('192.0.2.3'), weight: 2 }] },
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    false,
  ],
  [
    'a link-local gateway on another link',
    { ...via('fe80::1'), oif: 3 },
    { ...via('fe80::1'), oif: 2 },
    false,
  ],
  [
    'one link-local gateway on two links, one of them another',
    {
      multipath: [
        { ...via('fe80::1'), oif: 2 },
        { ...via('fe80::1'), oif: 4 },
      ],
    },
    {
      multipath: [
        { ...via('fe80::1'), oif: 2 },
        { ...via('fe80::1'), oif: 3 },
      ],
    },
    false,
  ],
  [
    'several instead of one',
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    via('192.0.2.2'),
    false,
  ],
  [
    'one instead of several',
    via('192.0.2.2'),
    { multipath: [via('192.0.2.2'), via('192.0.2.3')] },
    false,
  ],
])('sameRoute: %s', (_, actual, desired, same) => {
  expect(sameRoute({ ...BASE, ...actual }, { ...BASE, ...desired })).toBe(same);
});

test.each<[what: string, route: Partial<RouteSpec>, ours: boolean]>([
  ['our protocol', { protocol: 80, ...via('192.0.2.2') }, true],
  ['one that FelixConfiguration has had', { protocol: 90, ...via('192.0.2.2') }, true],
  ['another’s protocol', { protocol: 12, ...via('192.0.2.2') }, false],
  ['a route to a pod, by whomever', { protocol: 3, oif: 7 }, true],
  ['the kernel’s own on a pod’s interface', { protocol: 2, oif: 7 }, false],
  ['a route by a tunnel, by whomever', { protocol: 12, ...via('192.0.2.2'), oif: 8 }, true],
  [
    'a load shared between a tunnel and another way',
    {
      protocol: 12,
      multipath: [
        { ...via('192.0.2.2'), oif: 8 },
        { ...via('192.0.2.3'), oif: 2 },
      ],
    },
    true,
  ],
  [
    'a load shared between other ways',
    {
      protocol: 12,
      multipath: [
        { ...via('192.0.2.2'), oif: 2 },
        { ...via('192.0.2.3'), oif: 2 },
      ],
    },
    false,
  ],
  ['another’s elsewhere', { protocol: 3, oif: 2 }, false],
  ['an interface that is not known', { protocol: 3, oif: 99 }, false],
])('isOurs: %s', (_, route, ours) => {
  expect(isOurs({ ...BASE, ...route }, NAMES, new Set([80, 90]))).toBe(ours);
});

test('a route’s kind', () => {
  expect(isRemote({ ...BASE, ...via('192.0.2.2') })).toBe(true);
  expect(isRemote({ ...BASE, oif: 7 })).toBe(false);
  const told = { ...BASE, family: 4, scope: 'link', linkDown: false } as const;
  expect(isConnected({ ...told, protocol: 2, oif: 2 })).toBe(true);
  expect(isConnected({ ...told, protocol: 2, oif: 2, ...via('192.0.2.2') })).toBe(false);
  expect(isConnected({ ...told, protocol: 4, oif: 2 })).toBe(false);
  const host = parsePrefix('10.60.1.5/32');
  expect(podAddress({ ...BASE, destination: host, oif: 7 }, NAMES)).toEqual(host.address);
  expect(podAddress({ ...BASE, destination: host, oif: 2 }, NAMES)).toBeUndefined();
  expect(podAddress({ ...BASE, oif: 7 }, NAMES)).toBeUndefined();
});

test('how routes are written', () => {
  const prefix = BASE.destination;
  const workload = { kind: 'workload', hostInterface: 'cali1' } as const;
  expect(routeSpec({ prefix, target: workload }, NAMES, DEFAULT_MARKS)).toEqual({
    ...BASE,
    scope: 'link',
    oif: 7,
  });
  const missing = { ...workload, hostInterface: 'cali2' };
  expect(routeSpec({ prefix, target: missing }, NAMES, DEFAULT_MARKS)).toBeUndefined();
  expect(routeSpec({ prefix, target: { kind: 'blackhole' } }, NAMES, DEFAULT_MARKS)).toEqual({
    ...BASE,
    type: 'blackhole',
  });
  const nextHops = ['192.0.2.2', '192.0.2.3'].map(parseAddress);
  expect(
    routeSpec({ prefix, target: { kind: 'learned', nextHops } }, NAMES, DEFAULT_MARKS),
  ).toEqual({
    ...BASE,
    multipath: nextHops.map((gateway) => ({ gateway })),
  });
  expect(
    routeSpec(
      { prefix, target: { kind: 'learned', nextHops: nextHops.slice(1) } },
      NAMES,
      DEFAULT_MARKS,
    ),
  ).toEqual({ ...BASE, gateway: nextHops[1] });
});

test('a gateway by a tunnel is on it, though no address says so', () => {
  const gateway = parseAddress('192.0.2.2');
  const target = { kind: 'remote', node: 'there', gateway, device: 'tunl0' } as const;
  expect(routeSpec({ prefix: BASE.destination, target }, NAMES, DEFAULT_MARKS)).toEqual({
    ...BASE,
    gateway,
    oif: 8,
    onlink: true,
  });
});

test.each<[what: string, prefix: string, then: Partial<RouteSpec>]>([
  ['IPv4', '10.60.1.0/26', { scope: 'link' }],
  ['RFC 4291 §2.6.1: IPv6, so that no pod has an anycast address', 'fd60::/122', via('fe80::1')],
])('a route by a device that finds the node: %s', (_, text, then) => {
  const destination = parsePrefix(text);
  const target = { kind: 'remote', node: 'there', device: 'cali1' } as const;
  const spec = routeSpec({ prefix: destination, target }, NAMES, DEFAULT_MARKS)!;
  expect(spec).toEqual({ ...BASE, destination, oif: 7, ...then });
  expect(gatewayOf(spec)).toBeUndefined();
});

test.each<[what: string, nextHops: string[], then: Partial<RouteSpec> | undefined]>([
  ['its interface', ['fe80::1%eth0'], { ...via('fe80::1'), oif: 2 }],
  [
    'one address on two links',
    ['fe80::1%eth0', 'fe80::1%cali1'],
    {
      multipath: [
        { ...via('fe80::1'), oif: 2 },
        { ...via('fe80::1'), oif: 7 },
      ],
    },
  ],
  ['one of its links is gone', ['fe80::1%eth0', 'fe80::1%eth9'], { ...via('fe80::1'), oif: 2 }],
  ['its only link is gone', ['fe80::1%eth9'], undefined],
])('a link-local next hop is written with %s', (_, texts, then) => {
  const target = { kind: 'learned', nextHops: texts.map(parseZonedAddress) } as const;
  const spec = routeSpec({ prefix: BASE.destination, target }, NAMES, DEFAULT_MARKS);
  expect(spec).toEqual(then && { ...BASE, ...then });
});

test('a gateway that the host’s own route has on the link is on the link for ours', () => {
  const nextHops = [{ ...parseAddress('169.254.1.1'), zone: 'eth0', onlink: true } as const];
  const spec = routeSpec(
    { prefix: BASE.destination, target: { kind: 'learned', nextHops } },
    NAMES,
    DEFAULT_MARKS,
  );
  expect(spec).toEqual({ ...BASE, ...via('169.254.1.1'), oif: 2, onlink: true });
});

test('a route is described so that it can be found', () => {
  expect(describeRoute({ ...BASE, ...via('192.0.2.2'), oif: 2 }, NAMES)).toBe(
    '10.60.1.0/26 via 192.0.2.2 dev eth0, protocol 80, metric 1024',
  );
  expect(describeRoute({ ...BASE, type: 'blackhole' }, NAMES)).toBe(
    'blackhole 10.60.1.0/26, protocol 80, metric 1024',
  );
  const multipath = [{ ...via('192.0.2.2'), oif: 9 }, via('192.0.2.3')];
  expect(describeRoute({ ...BASE, multipath }, NAMES)).toBe(
    '10.60.1.0/26 via 192.0.2.2 dev #9 via 192.0.2.3, protocol 80, metric 1024',
  );
});
