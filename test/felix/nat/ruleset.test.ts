import { parseAddress, parsePrefix } from 'net-ipaddr';
import {
  type AllowedSources,
  changingElements,
  type NatSettings,
  normalized,
  ruleset,
} from '../../../felix/nat/ruleset.ts';

const NOBODY: AllowedSources = new Map();

interface Given {
  pools?: string[];
  outgoing?: string[];
  exclusions?: string[];
  ports?: NatSettings['ports'];
  address?: string;
}

function settings({ pools = [], outgoing = [], exclusions = [], ports, address }: Given) {
  return {
    pools: pools.map(parsePrefix),
    outgoing: outgoing.map(parsePrefix),
    exclusions: exclusions.map(parseAddress),
    ports,
    address: address === undefined ? undefined : parseAddress(address),
  };
}

/** The lines that translate, and those of sets. */
function translations(given: Given): string[] {
  const lines = ruleset(settings(given), NOBODY).split('\n');
  return lines
    .filter((line) => /elements|masquerade|snat/.test(line))
    .map((line) => line.trim().replace('type nat hook postrouting priority srcnat; ', ''));
}

const MASQUERADE = [
  'ip saddr @outgoing4 ip daddr != @inside4 masquerade',
  'ip6 saddr @outgoing6 ip6 daddr != @inside6 masquerade',
];

test('without a natOutgoing pool nothing is translated, and no connection tracked', () => {
  const table = ruleset(settings({ pools: ['10.244.0.0/16'] }), NOBODY);
  expect(table).not.toMatch(/nat/);
  expect(table).toContain('fib saddr . iif oif missing drop');
});

test.each<[string, Given, string[]]>([
  [
    'traffic of a natOutgoing pool to outside all pools',
    { pools: ['10.9.0.0/16', '10.244.0.0/16', 'fd00::/48'], outgoing: ['10.244.0.0/16'] },
    [
      'elements = { 10.244.0.0/16 }',
      'elements = { 10.9.0.0/16, 10.244.0.0/16 }',
      'elements = { fd00::/48 }',
      ...MASQUERADE,
    ],
  ],
  [
    'both families, each with its own',
    { pools: ['10.0.0.0/8', 'fd00::/48'], outgoing: ['10.0.0.0/8', 'fd00::/48'] },
    [
      'elements = { 10.0.0.0/8 }',
      'elements = { 10.0.0.0/8 }',
      'elements = { fd00::/48 }',
      'elements = { fd00::/48 }',
      ...MASQUERADE,
    ],
  ],
  [
    'natOutgoingExclusions: nodes’ addresses count as inside; overlaps, which the kernel refuses, are merged',
    {
      pools: ['10.244.0.0/16', '10.244.128.0/17'],
      outgoing: ['10.244.0.0/16'],
      exclusions: ['192.0.2.1', '10.244.0.1', '2001:db8::1'],
    },
    [
      'elements = { 10.244.0.0/16 }',
      'elements = { 10.244.0.0/16, 192.0.2.1 }',
      'elements = { 2001:db8::1 }',
      ...MASQUERADE,
    ],
  ],
  [
    'natPortRange: for protocols that have ports',
    {
      pools: ['10.244.0.0/16'],
      outgoing: ['10.244.0.0/16'],
      ports: { first: 32768, last: 65535 },
    },
    [
      'elements = { 10.244.0.0/16 }',
      'elements = { 10.244.0.0/16 }',
      'ip saddr @outgoing4 ip daddr != @inside4 meta l4proto { tcp, udp } masquerade to :32768-65535',
      MASQUERADE[0]!,
      'ip6 saddr @outgoing6 ip6 daddr != @inside6 meta l4proto { tcp, udp } masquerade to :32768-65535',
      MASQUERADE[1]!,
    ],
  ],
  [
    'natOutgoingAddress: for its own family',
    {
      pools: ['10.0.0.0/8', 'fd00::/48'],
      outgoing: ['10.0.0.0/8', 'fd00::/48'],
      address: '2001:db8::9',
      ports: { first: 4000, last: 4000 },
    },
    [
      'elements = { 10.0.0.0/8 }',
      'elements = { 10.0.0.0/8 }',
      'elements = { fd00::/48 }',
      'elements = { fd00::/48 }',
      'ip saddr @outgoing4 ip daddr != @inside4 meta l4proto { tcp, udp } masquerade to :4000',
      MASQUERADE[0]!,
      'ip6 saddr @outgoing6 ip6 daddr != @inside6 meta l4proto { tcp, udp } snat ip6 to [2001:db8::9]:4000',
      'ip6 saddr @outgoing6 ip6 daddr != @inside6 snat ip6 to 2001:db8::9',
    ],
  ],
])('%s', (_, given, expected) => expect(translations(given)).toEqual(expected));

test('allowedSourcePrefixes are passed for the interface that has them, whatever leads back', () => {
  const sources: AllowedSources = new Map([
    ['cali0123456789a', ['10.9.0.0/16', '10.9.1.0/24', 'fd09::/64'].map(parsePrefix)],
    ['cali0123456789b', ['10.9.0.1/32'].map(parsePrefix)],
  ]);
  const lines = ruleset(settings({}), sources)
    .split('\n')
    .map((line) => line.trim());
  expect(lines).toEqual(
    expect.arrayContaining([
      'type ifname . ipv4_addr',
      'elements = { "cali0123456789a" . 10.9.0.0/16, "cali0123456789b" . 10.9.0.1 }',
      'elements = { "cali0123456789a" . fd09::/64 }',
      'iifname . ip saddr @allowed_sources4 accept',
      'iifname . ip6 saddr @allowed_sources6 accept',
    ]),
  );
});

test('where there is a UDP tunnel no pod sends to its port, whatever sources it may use', () => {
  const sources: AllowedSources = new Map([['cali0123456789a', [parsePrefix('10.9.0.0/16')]]]);
  const rules = (tunnelPort?: number) =>
    ruleset({ ...settings({}), tunnelPort }, sources)
      .split('\n')
      .filter((line) => /drop|@allowed/.test(line))
      .map((line) => line.trim());
  expect(rules(8285)).toEqual([
    'udp dport 8285 drop',
    'iifname . ip saddr @allowed_sources4 accept',
    'iifname . ip6 saddr @allowed_sources6 accept',
    'fib saddr . iif oif missing drop',
  ]);
  expect(rules()).toHaveLength(3);
});

const POOL = '10.244.0.0/16';

test.each<[string, Given, Given, string | undefined]>([
  [
    'a pool more',
    { pools: [POOL], outgoing: [POOL] },
    { pools: [POOL, 'fd00::/48'], outgoing: [POOL, 'fd00::/48'] },
    `flush set inet tortie outgoing6
add element inet tortie outgoing6 { fd00::/48 }
flush set inet tortie inside6
add element inet tortie inside6 { fd00::/48 }`,
  ],
  [
    'a pool less, of several',
    { pools: [POOL, '10.9.0.0/16'], outgoing: [POOL, '10.9.0.0/16'] },
    { pools: [POOL, '10.9.0.0/16'], outgoing: [POOL] },
    'flush set inet tortie outgoing4\nadd element inet tortie outgoing4 { 10.244.0.0/16 }',
  ],
  [
    'the last of a family',
    { pools: [POOL, 'fd00::/48'], outgoing: [POOL, 'fd00::/48'] },
    { pools: [POOL, 'fd00::/48'], outgoing: [POOL] },
    'flush set inet tortie outgoing6',
  ],
  ['nothing', { pools: [POOL] }, { pools: [POOL] }, ''],
  ['the first natOutgoing pool brings a chain', { pools: [POOL] }, { outgoing: [POOL] }, undefined],
  [
    'ports change rules',
    { outgoing: [POOL] },
    { outgoing: [POOL], ports: { first: 1, last: 2 } },
    undefined,
  ],
])('elements alone change where they can: %s', (_, before, after, change) => {
  const [listed, desired] = [before, after].map((given) =>
    normalized(ruleset(settings(given), NOBODY)),
  );
  expect(changingElements(listed!, desired!)).toBe(change);
});

test('breaks of lines and the order of elements make no difference', () => {
  const ours = 'set a {\n\telements = { 10.0.0.0/8, fd00::/8 }\n}';
  const listed = 'set a {\n\t\telements = { fd00::/8,\n\t\t\t     10.0.0.0/8 }\n}\n';
  expect(normalized(listed)).toBe(normalized(ours));
});
