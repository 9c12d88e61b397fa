import type { PathAttributes } from 'bgp-parser-ts';
import { parsePrefix } from 'net-ipaddr';
import type { BGPFilter } from '../../../api/index.ts';
import type { RuleList } from '../../../bgp/policy/policy.ts';
import { Filters } from '../../../src/agent/derive/filters.ts';
import { Policies } from '../../../src/agent/derive/policies.ts';
import { applyPolicy } from '../../bgp/policy/plain-policy.ts';

type Spec = BGPFilter['spec'];
type Rule = NonNullable<Spec['importV4']>[number];

const STANDARD: RuleList = { rules: [], otherwise: 'reject' };
const EXTERNAL = true;

function filter(name: string, spec: Spec): BGPFilter {
  return { apiVersion: 'projectcalico.org/v3', kind: 'BGPFilter', metadata: { name }, spec };
}

function policies(
  filters: BGPFilter[],
  problems: string[] = [],
  ebgpRequiresPolicy = false,
): Policies {
  return new Policies({
    filters: new Filters(filters, problems),
    normalPriority: { 4: 1024, 6: 1024 },
    standard: STANDARD,
    ebgpRequiresPolicy,
  });
}

interface Given {
  readonly prefix?: string;
  readonly isLearned?: boolean;
  readonly attributes?: PathAttributes;
}

const ROUTE: PathAttributes = { origin: 'igp', asPath: [{ type: 'sequence', as: [65001, 65002] }] };

/** What an importV4 list of this one rule, then a rule that rejects all, makes of a route. */
function imported(rule: Rule, { prefix = '10.1.0.0/24', isLearned = true, attributes }: Given) {
  const { importPolicy } = policies([filter('f', { importV4: [rule, { action: 'Reject' }] })]).of(
    ['f'],
    EXTERNAL,
  );
  return applyPolicy(importPolicy, {
    prefix: parsePrefix(prefix),
    isLearned,
    attributes: { ...ROUTE, ...attributes },
  });
}

const within = (matchOperator: Rule['matchOperator'], more: Partial<Rule> = {}): Rule => ({
  action: 'Accept',
  cidr: '10.1.0.0/16',
  matchOperator,
  ...more,
});

test.each<[string, Rule, string[], string[]]>([
  ['Equal', within('Equal'), ['10.1.0.0/16'], ['10.1.0.0/24', '10.0.0.0/8', '10.2.0.0/16']],
  ['NotEqual', within('NotEqual'), ['10.1.0.0/24', '10.0.0.0/8'], ['10.1.0.0/16']],
  ['In', within('In'), ['10.1.0.0/16', '10.1.7.7/32'], ['10.0.0.0/8', '10.2.0.0/24']],
  ['NotIn', within('NotIn'), ['10.0.0.0/8', '10.2.0.0/24'], ['10.1.0.0/16', '10.1.7.7/32']],
  [
    'In, of 20 to 24 bits',
    within('In', { prefixLength: { min: 20, max: 24 } }),
    ['10.1.0.0/20', '10.1.1.0/24'],
    ['10.1.0.0/16', '10.1.0.0/19', '10.1.1.0/25'],
  ],
  [
    'In, a minimum below the cidr’s own length',
    within('In', { prefixLength: { min: 8 } }),
    ['10.1.0.0/16', '10.1.0.0/32'],
    ['10.0.0.0/8'],
  ],
  [
    'NotIn, of 24 to 32 bits: what is shorter is not in',
    within('NotIn', { prefixLength: { min: 24 } }),
    ['10.1.0.0/16', '10.2.0.0/24'],
    ['10.1.0.0/24'],
  ],
  [
    'Equal, of other lengths: none',
    within('Equal', { prefixLength: { min: 20 } }),
    [],
    ['10.1.0.0/16', '10.1.0.0/20'],
  ],
  ['no cidr', { action: 'Accept' }, ['0.0.0.0/0', '10.1.0.0/16'], []],
])('cidr %s', (_, rule, accepted, rejected) => {
  for (const prefix of accepted)
    expect([prefix, imported(rule, { prefix })]).toEqual([prefix, ROUTE]);
  for (const prefix of rejected)
    expect([prefix, imported(rule, { prefix })]).toEqual([prefix, undefined]);
});

const accept = (more: Partial<Rule>): Rule => ({ action: 'Accept', ...more });
const largeCommunity = { global: 65000, local1: 1, local2: 4294967295 };

test.each<[string, Rule, Given, boolean]>([
  ['source, learned', accept({ source: 'RemotePeers' }), {}, true],
  ['source, originated here', accept({ source: 'RemotePeers' }), { isLearned: false }, false],
  [
    'a community',
    accept({ communities: { values: ['65535:65281'] } }),
    { attributes: { communities: [1, 0xffffff01] } },
    true,
  ],
  [
    'another community',
    accept({ communities: { values: ['65000:100'] } }),
    { attributes: { communities: [0xfde80065] } },
    false,
  ],
  [
    'a large community',
    accept({ communities: { values: ['65000:1:4294967295'] } }),
    { attributes: { largeCommunities: [largeCommunity] } },
    true,
  ],
  [
    'a large community, of a route that has none',
    accept({ communities: { values: ['65000:1:4294967295'] } }),
    {},
    false,
  ],
  ['asPathPrefix', accept({ asPathPrefix: [65001, '65002'] }), {}, true],
  ['asPathPrefix in dots', accept({ asPathPrefix: ['0.65001'] }), {}, true],
  ['asPathPrefix, elsewhere in the path', accept({ asPathPrefix: [65002] }), {}, false],
  ['asPathPrefix, longer than the path', accept({ asPathPrefix: [65001, 65002, 1] }), {}, false],
  ['asPathPrefix, empty', accept({ asPathPrefix: [] }), {}, true],
  ['priority, carried', accept({ priority: 7 }), { attributes: { localPref: 2147483640 } }, true],
  ['priority, another', accept({ priority: 8 }), { attributes: { localPref: 2147483640 } }, false],
  ['priority, none is the normal one', accept({ priority: 1024 }), {}, true],
  [
    'priority, an operator’s LOCAL_PREF says none',
    accept({ priority: 1024 }),
    { attributes: { localPref: 200 } },
    true,
  ],
  ['priority, none is not another', accept({ priority: 1000 }), {}, false],
  ['eBGP', accept({ peerType: 'eBGP' }), {}, true],
  ['iBGP', accept({ peerType: 'iBGP' }), {}, false],
  ['all conditions must hold', accept({ ...within('In'), asPathPrefix: [1] }), {}, false],
])('%s', (_, rule, given, isAccepted) => {
  expect(imported(rule, given) !== undefined).toBe(isAccepted);
});

test('interface is the speaker’s to match', () => {
  const rule = accept({ interface: 'eth*' });
  const { importPolicy } = policies([filter('f', { importV6: [rule] })]).of(['f'], EXTERNAL);
  expect(importPolicy).toMatchObject({ rules: [{ route: { interface: 'eth*' } }] });
});

test('operations, in their order', () => {
  const rule = accept({
    operations: [
      { addCommunity: { value: '65000:100' } },
      { addCommunity: { value: '65000:1:4294967295' } },
      { prependASPath: { prefix: [65010, '65011'] } },
      { prependASPath: { prefix: [65012] } },
      { setPriority: { value: 100 } },
    ],
  });
  expect(imported(rule, {})).toEqual({
    origin: 'igp',
    asPath: [{ type: 'sequence', as: [65012, 65010, 65011, 65001, 65002] }],
    localPref: 2147483547,
    communities: [0xfde80064],
    largeCommunities: [largeCommunity],
  });
});

describe('several filters and directions', () => {
  const names = ['first', 'second'];
  const two = policies([
    filter('second', { importV4: [{ action: 'Reject' }], exportV4: [within('Equal')] }),
    filter('first', {
      importV4: [within('In')],
      exportV4: [within('Equal', { action: 'Reject' })],
      importV6: [{ action: 'Reject', cidr: '2001:db8::/32', matchOperator: 'In' }],
    }),
  ]).of(names, EXTERNAL);
  const judge = (direction: 'importPolicy' | 'exportPolicy', prefix: string) =>
    applyPolicy(two[direction], {
      prefix: parsePrefix(prefix),
      isLearned: true,
      attributes: ROUTE,
    });

  test('the first rule of the first filter that matches decides', () => {
    expect(judge('importPolicy', '10.1.0.0/24')).toEqual(ROUTE);
    expect(judge('importPolicy', '10.2.0.0/24')).toBeUndefined();
    expect(judge('exportPolicy', '10.1.0.0/16')).toBeUndefined();
  });

  test('what none decides is accepted on import, and goes on to the standard rules on export', () => {
    expect(judge('importPolicy', '2001:db9::/32')).toEqual(ROUTE);
    expect(judge('importPolicy', '2001:db8:1::/48')).toBeUndefined();
    expect(judge('exportPolicy', '10.2.0.0/16')).toBeUndefined();
  });
});

test('of a filter that is missing or malformed nothing passes', () => {
  const problems: string[] = [];
  const malformed = filter('bad', {
    importV4: [{ action: 'Accept', cidr: '10.1.0.0/16' } as Rule],
  });
  const some = policies([malformed], problems);
  expect(problems).toEqual([
    expect.stringContaining('BGPFilter "bad": spec.importV4[0].matchOperator'),
  ]);
  for (const name of ['bad', 'absent']) {
    for (const prefix of ['10.1.0.0/16', '2001:db8::/32']) {
      const { importPolicy, exportPolicy } = some.of([name], EXTERNAL);
      const route = { prefix: parsePrefix(prefix), isLearned: true, attributes: ROUTE };
      expect(applyPolicy(importPolicy, route)).toBeUndefined();
      expect(applyPolicy(exportPolicy, route)).toBeUndefined();
    }
  }
});

test('peers with the same filters share what is compiled; without filters all is imported', () => {
  const some = policies([filter('f', { importV4: [{ action: 'Reject' }] })]);
  expect(some.of(['f'], EXTERNAL)).toBe(some.of(['f'], EXTERNAL));
  expect(some.of(['f'], EXTERNAL)).not.toBe(some.of(['f'], !EXTERNAL));
  expect(some.of([], EXTERNAL).importPolicy).toBe('all');
});

test('RFC 8212: where it is asked for, an eBGP peer without filters gets nothing, and nothing comes from it', () => {
  const some = policies([filter('f', { importV4: [{ action: 'Accept' }] })], [], true);
  const route = { prefix: parsePrefix('10.1.0.0/16'), isLearned: true, attributes: ROUTE };
  const { importPolicy, exportPolicy } = some.of([], EXTERNAL);
  expect(applyPolicy(importPolicy, route)).toBeUndefined();
  expect(applyPolicy(exportPolicy, route)).toBeUndefined();
  expect(applyPolicy(some.of(['f'], EXTERNAL).importPolicy, route)).toBeDefined();
  expect(some.of([], !EXTERNAL).importPolicy).toBe('all');
});
