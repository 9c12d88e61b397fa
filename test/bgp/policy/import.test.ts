import { AttributeView, encodeAttributes, type PathAttributes } from 'bgp-parser-ts';
import { parseAddress } from 'net-ipaddr';
import { ImportChecks, importRules } from '../../../bgp/policy/import.ts';
import { applyRules } from '../../../bgp/policy/route-rule.ts';

const ROUTER_ID = 0x0a000001;
const CLUSTER_ID = 0x0a0000ff;

function viewOf(attributes: PathAttributes): AttributeView {
  const bytes = encodeAttributes({ origin: 'igp', ...attributes });
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  return view;
}

function refusal(checks: ImportChecks, attributes: PathAttributes): string | undefined {
  return checks.refusal(viewOf(attributes));
}

function hop(text: string): PathAttributes {
  return { nextHop: { address: parseAddress(text) } };
}

const identity = { routerId: ROUTER_ID, clusterId: CLUSTER_ID };

test.each<[string, PathAttributes, string | undefined]>([
  ['RFC 4456 §8: own ORIGINATOR_ID', { originatorId: ROUTER_ID }, 'own router id as originator'],
  [
    'RFC 4456 §8: own cluster id',
    { clusterList: [7, CLUSTER_ID] },
    'own cluster id in the cluster list',
  ],
  ['RFC 4271 §6.3: own address as next hop', hop('10.0.0.1'), 'next hop is an own address'],
  ['RFC 4271 §6.3: own IPv6 address', hop('2001:db8::1'), 'next hop is an own address'],
  ['another IPv6 address that begins alike', hop('a00:1::'), undefined],
  [
    'a route from elsewhere',
    {
      ...hop('10.0.0.2'),
      asPath: [{ type: 'sequence', as: [1, 2] }],
      originatorId: 5,
      clusterList: [6],
    },
    undefined,
  ],
])('%s', (_, attributes, expected) => {
  const checks = new ImportChecks(identity);
  checks.setLocalAddresses([parseAddress('10.0.0.1'), parseAddress('2001:db8::1')]);
  expect(refusal(checks, { asPath: [], ...attributes })).toBe(expected);
});

test('own addresses that are the same ones are no news', () => {
  const checks = new ImportChecks(identity);
  const [a, b] = [parseAddress('10.0.0.1'), parseAddress('10.0.0.2')];
  expect(checks.setLocalAddresses([])).toBe(false);
  expect(checks.setLocalAddresses([a, b])).toBe(true);
  expect(checks.setLocalAddresses([b, a, a])).toBe(false);
  expect(checks.setLocalAddresses([b])).toBe(true);
  expect(refusal(checks, { asPath: [], ...hop('10.0.0.1') })).toBeUndefined();
});

test.each<[string, number, PathAttributes['asPath'], boolean]>([
  ['own AS in a sequence', 0, [{ type: 'sequence', as: [1, 64512, 2] }], true],
  ['own AS in a set', 0, [{ type: 'set', as: [2, 64512] }], true],
  ['a path of others', 0, [{ type: 'sequence', as: [1, 2] }], false],
  ['once, where once is allowed', 1, [{ type: 'sequence', as: [1, 64512] }], false],
  ['twice, where once is allowed', 1, [{ type: 'sequence', as: [64512, 1, 64512] }], true],
])('RFC 4271 §9.1.2: %s', (_, allowedLocalAs, asPath, isRefused) => {
  const rules = importRules({ ownAs: new Set([64512]), allowedLocalAs, remoteAs: 1 });
  expect(applyRules(rules, viewOf({ asPath }))).toBe(
    isRefused ? 'own AS in the AS path' : undefined,
  );
});

test('rules add up: the first that refuses ends it, edits of all others are made', () => {
  const mark = () => ({ communities: [7] });
  const demote = () => ({ communities: [8], localPref: 0 });
  const view = viewOf({ asPath: [] });
  expect(applyRules([mark, () => undefined, demote], view)).toEqual({
    communities: [7, 8],
    localPref: 0,
  });
  expect(applyRules([mark, () => 'refused', demote], view)).toBe('refused');
  expect(applyRules([() => undefined], view)).toBeUndefined();
});
