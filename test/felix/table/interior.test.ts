/** By which routes of the host next hops are resolved. */

import { formatZonedAddress, parseAddress, parsePrefix, parseZonedAddress } from 'net-ipaddr';
import type { Route, RouteType } from 'rtnetlink-ts';
import { InteriorRoutes } from '../../../felix/table/interior.ts';

const LINKS = ['lo', 'eth0', 'eth1', 'tun0'];
let down: Set<string>;
let interior: InteriorRoutes;
beforeEach(() => {
  down = new Set();
  interior = new InteriorRoutes(
    {
      indexOf: (name) => (LINKS.includes(name) ? LINKS.indexOf(name) + 1 : undefined),
      nameOf: (index) => LINKS[index - 1],
      isUp: (index) => !down.has(LINKS[index - 1]!),
    },
    7,
  );
});

/** As `ip route` writes it: `10.0.0.0/24 dev eth0 proto kernel`, `blackhole 10.9.0.0/16 metric 9`. */
function route(text: string): Route {
  const type = /^(blackhole|unreachable|prohibit|throw) /.exec(text)?.[1];
  const [first, ...hops] = text.slice(type ? type.length + 1 : 0).split(' nexthop');
  const destination = parsePrefix(first!.split(' ')[0]!);
  const multipath = hops.map(hopOf);
  return {
    ...{ destination, family: destination.address.family, table: 254, linkDown: false },
    type: (type ?? 'unicast') as RouteType,
    scope: 'global',
    protocol: text.includes('proto kernel') ? 2 : 4,
    metric: Number(wordAfter('metric', first!) ?? 0),
    ...(multipath.length > 0 ? { multipath } : hopOf(first!)),
  };
}

function hopOf(text: string) {
  const gateway = wordAfter('via', text);
  const device = wordAfter('dev', text);
  return {
    ...(gateway && { gateway: parseAddress(gateway) }),
    ...(device && { oif: LINKS.indexOf(device) + 1 }),
    ...(text.includes('onlink') && { onlink: true }),
  };
}

function wordAfter(word: string, text: string): string | undefined {
  return new RegExp(` ${word} (\\S+)`).exec(text)?.[1];
}

function dump(...routes: string[]): void {
  interior.beginDump();
  for (const family of [4, 6] as const) interior.begin(family);
  for (const text of routes) interior.see(route(text));
  interior.believeDump();
}

function resolved(hop: string): string {
  const { cost, gateways } = interior.resolve(parseZonedAddress(hop));
  if (gateways.length === 0) return 'unreachable';
  const shown = gateways.map((one) => `${formatZonedAddress(one)}${one.onlink ? ' onlink' : ''}`);
  return `${shown.join(', ')} at ${cost}`;
}

const LAN = '10.0.0.0/24 dev eth0 proto kernel metric 100';
const DEFAULT = '0.0.0.0/0 via 10.0.0.1 dev eth0 metric 200';

test.each<[what: string, routes: string[], hop: string, then: string]>([
  ['no route: unreachable', [LAN], '10.0.1.9', 'unreachable'],
  ['a neighbour on a connected network costs nothing', [LAN], '10.0.0.9', '10.0.0.9%eth0 at 0'],
  ['by a gateway, at the metric', [LAN, DEFAULT], '10.0.1.9', '10.0.0.1%eth0 at 200'],
  [
    'the longest prefix, whatever its metric',
    [DEFAULT, '10.0.1.0/24 via 10.0.0.2 dev eth0 metric 900'],
    '10.0.1.9',
    '10.0.0.2%eth0 at 900',
  ],
  [
    'of one prefix the lowest metric',
    ['10.0.1.0/24 via 10.0.0.2 dev eth0 metric 20', '10.0.1.0/24 via 10.0.0.3 dev eth0 metric 10'],
    '10.0.1.9',
    '10.0.0.3%eth0 at 10',
  ],
  [
    'two alike: the kernel tells first of the one it takes',
    ['10.0.1.0/24 via 10.0.0.2 dev eth0', '10.0.1.0/24 via 10.0.0.3 dev eth0'],
    '10.0.1.9',
    '10.0.0.2%eth0 at 0',
  ],
  [
    'ECMP: all of its gateways',
    ['10.0.1.0/24 metric 5 nexthop via 10.0.0.2 dev eth0 nexthop via 10.1.0.2 dev eth1'],
    '10.0.1.9',
    '10.0.0.2%eth0, 10.1.0.2%eth1 at 5',
  ],
  [
    'a gateway that no address puts on the link',
    ['0.0.0.0/0 via 169.254.1.1 dev eth0 onlink'],
    '10.0.1.9',
    '169.254.1.1%eth0 onlink at 0',
  ],
  ['a link without gateways', ['0.0.0.0/0 dev tun0 metric 3'], '10.0.1.9', '10.0.1.9%tun0 at 3'],
  ['a blackhole ends it', [DEFAULT, 'blackhole 10.0.1.0/24'], '10.0.1.9', 'unreachable'],
  [
    'RFC 8950: IPv4 by an IPv6 router',
    ['10.0.1.0/24 via fe80::1 dev eth0'],
    '10.0.1.9',
    'fe80::1%eth0 at 0',
  ],
  ['IPv6', ['::/0 via fe80::1 dev eth1 metric 1024'], '2001:db8::9', 'fe80::1%eth1 at 1024'],
  ['a link-local one is on its link', [], 'fe80::9%eth1', 'fe80::9%eth1 at 0'],
  ['on a link that isn’t there', [], 'fe80::9%eth7', 'unreachable'],
])('RFC 4271 §9.1.2.1: %s', (_, routes, hop, then) => {
  dump(...routes);
  expect(resolved(hop)).toBe(then);
});

test('RFC 4271 §9.1.2.1: an interface that is down reaches nobody; what is left counts', () => {
  const byTwo = '10.0.1.0/24 nexthop via 10.0.0.2 dev eth0 nexthop via 10.1.0.2 dev eth1';
  dump(LAN, byTwo, '0.0.0.0/0 via 10.1.0.1 dev eth1 metric 9');
  down.add('eth0');
  expect([resolved('10.0.1.9'), resolved('fe80::9%eth0')]).toEqual([
    '10.1.0.2%eth1 at 0',
    'unreachable',
  ]);
  expect(resolved('10.0.0.9')).toBe('10.1.0.1%eth1 at 9');
});

test('an interface that came up again reaches nobody before a dump has told what is left', () => {
  dump(LAN);
  interior.loseLink(2);
  expect(resolved('10.0.0.9')).toBe('unreachable');
  dump(LAN);
  expect(resolved('10.0.0.9')).toBe('10.0.0.9%eth0 at 0');
});

test('what is told of a route counts at once, and a dump is asked for where it may mean more', () => {
  dump(LAN);
  const far = (gateway: string, metric = 5) =>
    route(`10.0.1.0/24 via ${gateway} dev eth0 metric ${metric}`);
  const hear = (heard: Route, gone = false) => [interior.hear(heard, gone), resolved('10.0.1.9')];
  expect(hear(far('10.0.0.2'))).toEqual([false, '10.0.0.2%eth0 at 5']);
  expect(hear(far('10.0.0.3', 4))).toEqual([false, '10.0.0.3%eth0 at 4']);
  expect(hear(far('10.0.0.3', 4), true)).toEqual([false, '10.0.0.2%eth0 at 5']);
  // In place of the other, or beside it?
  expect(hear(far('10.0.0.4'))).toEqual([true, '10.0.0.4%eth0 at 5']);
  expect(hear(far('10.0.0.2'), true)).toEqual([true, '10.0.0.4%eth0 at 5']);
  expect(hear(far('10.0.0.4'), true)).toEqual([false, 'unreachable']);
  expect(hear({ ...far('10.0.0.2'), table: 100 })).toEqual([false, 'unreachable']);
});

test('what is told during a dump is newer than what the dump tells', () => {
  dump(LAN);
  interior.beginDump();
  interior.begin(4);
  interior.hear(route(DEFAULT), false);
  interior.hear(route(LAN), true);
  expect([resolved('10.0.0.9'), resolved('10.0.1.9')]).toEqual([
    '10.0.0.1%eth0 at 200',
    '10.0.0.1%eth0 at 200',
  ]);
  interior.see(route(LAN));
  interior.believeDump();
  expect(resolved('10.0.0.9')).toBe('10.0.0.1%eth0 at 200');
});

test('a link’s own fe80::/64 is no news, however many links there are', () => {
  expect(interior.hear(route('fe80::/64 dev eth0 proto kernel metric 256'), false)).toBe(false);
  expect(interior.hear(route('fe80::/64 dev eth1 proto kernel metric 256'), false)).toBe(false);
});
