import { decodeAttributes, encodeAttributes, type PathAttributes } from 'bgp-parser-ts';
import fc from 'fast-check';
import { formatPrefix, type Prefix, PrefixTable, parsePrefix, prefixOf } from 'net-ipaddr';
import { CompiledPolicy, REJECTED, UNCHANGED } from '../../../bgp/policy/compile.ts';
import { Editor } from '../../../bgp/policy/editor.ts';
import {
  exactly,
  inside,
  type Policy,
  type PolicyRule,
  type PrefixMatch,
  upTo,
} from '../../../bgp/policy/policy.ts';
import { AttributeStore } from '../../../bgp/rib/attributes.ts';
import { NextHops } from '../../../bgp/rib/nexthops.ts';
import { applyPolicy, type PlainRoute, policies } from './plain-policy.ts';

const table = new PrefixTable(1);
const attributes = new AttributeStore({ k0: 1, k1: 2 }, new NextHops());
const editor = new Editor();

/** What the compiled policy makes of the route; undefined: it is rejected. */
function judged(compiled: CompiledPolicy, route: PlainRoute): PathAttributes | undefined {
  const bytes = encodeAttributes(route.attributes);
  const set = attributes.intern(bytes, 0, bytes.length);
  compiled.consider(attributes, set, route.isLearned);
  const outcome = compiled.outcome(table, table.intern(route.prefix));
  const view = attributes.view(set);
  if (outcome === REJECTED) return undefined;
  return decodeAttributes(
    outcome === UNCHANGED ? view : editor.edit(view, compiled.edits(outcome))!,
  );
}

const PLAIN: PathAttributes = { origin: 'igp', asPath: [] };

function accepted(policy: Policy, texts: string[]): string[] {
  const compiled = new CompiledPolicy(policy);
  return texts.filter((text) =>
    judged(compiled, { prefix: parsePrefix(text), isLearned: true, attributes: PLAIN }),
  );
}

function rule(
  verdict: PolicyRule['verdict'],
  match: (prefix: Prefix) => PrefixMatch,
  text: string,
): PolicyRule {
  return { name: `${verdict} ${text}`, prefixes: match(parsePrefix(text)), verdict };
}

// calico.md, export order: pools with disableBGPExport, own blocks, inside own blocks, pools, nothing else.
const CALICO: Policy = {
  rules: [
    rule('reject', upTo, '10.99.0.0/16'),
    rule('accept', exactly, '10.60.0.64/26'),
    rule('accept', exactly, 'fd00:60::40/122'),
    rule('reject', inside, '10.60.0.64/26'),
    rule('reject', inside, 'fd00:60::40/122'),
    rule('accept', upTo, '10.60.0.0/16'),
    rule('accept', upTo, 'fd00:60::/64'),
  ],
  otherwise: 'reject',
};

test('Calico: own blocks go out, what lies inside them does not, borrowed addresses of the pool do', () => {
  const out = [
    '10.60.0.64/26',
    '10.60.7.1/32',
    '10.60.0.0/16',
    'fd00:60::40/122',
    'fd00:60::5:1/128',
  ];
  const kept = [
    '10.60.0.65/32',
    '10.60.0.64/27',
    '10.99.0.0/16',
    '10.99.1.0/26',
    'fd00:60::41/128',
    '10.0.0.0/8',
    '192.0.2.0/24',
    '::/0',
  ];
  expect(accepted(CALICO, [...kept, ...out])).toEqual(out);
});

test('the rules that decide and change can be named', () => {
  const passing: PolicyRule = {
    ...rule('next', upTo, '10.0.0.0/8'),
    name: 'marked',
    edits: { communities: [7] },
  };
  const unmarking = { ...rule('next', upTo, '10.0.0.0/8'), name: 'says nothing' };
  const compiled = new CompiledPolicy({ ...CALICO, rules: [passing, unmarking, ...CALICO.rules] });
  const explained = (text: string) => compiled.explain(table, table.intern(parsePrefix(text)));
  expect(explained('10.60.0.65/32')).toEqual({
    isAccepted: false,
    decidedBy: 'reject 10.60.0.64/26',
    changedBy: [],
  });
  expect(explained('10.60.1.0/26')).toEqual({
    isAccepted: true,
    decidedBy: 'accept 10.60.0.0/16',
    changedBy: ['marked'],
  });
  expect(explained('192.0.2.0/24')).toEqual({
    isAccepted: false,
    decidedBy: undefined,
    changedBy: [],
  });
});

test('all accepts all; policies that say the same have one key', () => {
  expect(accepted('all', ['0.0.0.0/0', '::1/128'])).toEqual(['0.0.0.0/0', '::1/128']);
  const renamed = { ...CALICO, rules: CALICO.rules.map((one) => ({ ...one, name: 'x' })) };
  expect(new CompiledPolicy(renamed).key).toBe(new CompiledPolicy(CALICO).key);
  const first = CALICO.rules[0]!;
  const withFirst = (changed: Partial<PolicyRule>): Policy => ({
    ...CALICO,
    rules: [{ ...first, ...changed }, ...CALICO.rules.slice(1)],
  });
  const others: Policy[] = [
    'all',
    { ...CALICO, otherwise: 'accept' },
    { ...CALICO, rules: CALICO.rules.slice(1) },
    withFirst({ verdict: 'next' }),
    withFirst({ prefixes: { ...first.prefixes, maxLength: 20 } }),
    withFirst({ prefixes: { ...first.prefixes, not: true } }),
    withFirst({ route: { community: 7 } }),
    withFirst({ edits: { localPref: 7 } }),
  ];
  const keys = new Set([CALICO, ...others].map((policy) => new CompiledPolicy(policy).key));
  expect(keys.size).toBe(1 + others.length);
});

test('an attribute set that another took the id of is considered anew', () => {
  const compiled = new CompiledPolicy({
    rules: [{ ...rule('accept', upTo, '0.0.0.0/0'), route: { community: 7 } }],
    otherwise: 'reject',
  });
  const id = table.intern(parsePrefix('192.0.2.0/24'));
  const outcomeOf = (value: PathAttributes) => {
    const bytes = encodeAttributes(value);
    const set = attributes.intern(bytes, 0, bytes.length);
    compiled.consider(attributes, set, true);
    attributes.release(set);
    return [set, compiled.outcome(table, id)];
  };
  const [first, marked] = outcomeOf({ ...PLAIN, med: 77, communities: [7] });
  const [second, unmarked] = outcomeOf({ ...PLAIN, med: 78 });
  expect([second, marked, unmarked]).toEqual([first, UNCHANGED, REJECTED]);
});

// Small numbers of bits in use, so that prefixes contain one another.
const prefix4 = fc
  .record({ bits: fc.nat(255), length: fc.constantFrom(0, 1, 4, 6, 7, 8, 24, 32) })
  .map(({ bits, length }) =>
    prefixOf({ family: 4, bytes: Uint8Array.of(bits, 0, bits & 3, bits & 1) }, length),
  );
const prefix6 = fc
  .record({ bits: fc.nat(255), length: fc.constantFrom(0, 4, 31, 32, 33, 64, 65, 96, 97, 128) })
  .map(({ bits, length }) => {
    const bytes = new Uint8Array(16).fill(bits & 1);
    bytes[0] = bits;
    return prefixOf({ family: 6, bytes }, length);
  });
const prefix = fc.oneof(prefix4, prefix6);

const routes: fc.Arbitrary<PlainRoute> = fc.record({
  prefix,
  isLearned: fc.boolean(),
  attributes: fc
    .record({
      as: fc.constantFrom<number[][]>([], [1], [1, 2], [2, 1], new Array(230).fill(1)),
      type: fc.constantFrom('sequence' as const, 'sequence' as const, 'set' as const),
      communities: fc.constantFrom<number[][]>([], [7], [8, 7], [9]),
      isLarge: fc.boolean(),
      localPref: fc.option(fc.constantFrom(0, 100, 2147483647, 2147482623, 2147483640, 2 ** 30), {
        nil: undefined,
      }),
      med: fc.option(fc.constant(5), { nil: undefined }),
    })
    .map(({ as, type, communities, isLarge, localPref, med }) => ({
      origin: 'egp' as const,
      asPath: as.length === 0 ? [] : [{ type, as }],
      ...(communities.length > 0 && { communities }),
      ...(isLarge && { largeCommunities: [{ global: 64512, local1: 1, local2: 2 }] }),
      ...(localPref !== undefined && { localPref }),
      ...(med !== undefined && { med }),
    })),
});

/** Where a path is cut into segments says nothing; RFC 4271 §5.1.2 leaves it to a limit. */
function flat(value: PathAttributes | undefined): unknown {
  const asPath = value?.asPath?.flatMap<unknown>(({ type, as }) => (type === 'set' ? [as] : as));
  return value && { ...value, asPath };
}

test('agrees with trying rule after rule', () => {
  fc.assert(
    fc.property(policies(prefix, true), fc.array(routes, { minLength: 8 }), (policy, some) => {
      const compiled = new CompiledPolicy(policy);
      const own = policy === 'all' ? [] : policy.rules.map(({ prefixes }) => prefixes.within);
      for (const route of [
        ...some,
        ...own.map((within, index) => ({ ...some[index % some.length]!, prefix: within })),
      ]) {
        const named = formatPrefix(route.prefix);
        const [actual, expected] = [judged(compiled, route), applyPolicy(policy, route)];
        expect([named, flat(actual)]).toEqual([named, flat(expected)]);
      }
    }),
    { numRuns: 400 },
  );
});
