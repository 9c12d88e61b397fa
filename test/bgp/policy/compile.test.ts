import fc from 'fast-check';
import {
  containsPrefix,
  equalPrefixes,
  formatPrefix,
  type Prefix,
  PrefixTable,
  parsePrefix,
  prefixOf,
} from 'net-ipaddr';
import { CompiledPolicy } from '../../../bgp/policy/compile.ts';
import type { Policy, PrefixRule } from '../../../bgp/policy/prefixes.ts';

function verdicts(policy: Policy, texts: string[]): string[] {
  const table = new PrefixTable(1);
  const compiled = new CompiledPolicy(policy);
  return texts.filter((text) => compiled.accepts(table, table.intern(parsePrefix(text))));
}

function rule(
  verdict: PrefixRule['verdict'],
  match: PrefixRule['match'],
  text: string,
): PrefixRule {
  return { name: `${verdict} ${text}`, prefix: parsePrefix(text), match, verdict };
}

// calico.md, export order: pools with disableBGPExport, own blocks, inside own blocks, pools, nothing else.
const CALICO: Policy = {
  rules: [
    rule('reject', 'exactOrInside', '10.99.0.0/16'),
    rule('accept', 'exact', '10.60.0.64/26'),
    rule('accept', 'exact', 'fd00:60::40/122'),
    rule('reject', 'inside', '10.60.0.64/26'),
    rule('reject', 'inside', 'fd00:60::40/122'),
    rule('accept', 'exactOrInside', '10.60.0.0/16'),
    rule('accept', 'exactOrInside', 'fd00:60::/64'),
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
  expect(verdicts(CALICO, [...kept, ...out])).toEqual(out);
});

test('the rule that decides can be named', () => {
  const table = new PrefixTable(1);
  const compiled = new CompiledPolicy(CALICO);
  const named = (text: string) => compiled.rule(table, table.intern(parsePrefix(text)))?.name;
  expect(named('10.60.0.65/32')).toBe('reject 10.60.0.64/26');
  expect(named('10.60.1.0/26')).toBe('accept 10.60.0.0/16');
  expect(named('192.0.2.0/24')).toBeUndefined();
});

test('all accepts all; policies that say the same have one key', () => {
  expect(verdicts('all', ['0.0.0.0/0', '::1/128'])).toEqual(['0.0.0.0/0', '::1/128']);
  const renamed = { ...CALICO, rules: CALICO.rules.map((one) => ({ ...one, name: 'x' })) };
  expect(new CompiledPolicy(renamed).key).toBe(new CompiledPolicy(CALICO).key);
  const others = [
    'all' as const,
    { ...CALICO, otherwise: 'accept' as const },
    { ...CALICO, rules: CALICO.rules.slice(1) },
  ];
  const keys = new Set([CALICO, ...others].map((policy) => new CompiledPolicy(policy).key));
  expect(keys.size).toBe(4);
});

/** First match in order, straight from the definition. */
function naive(policy: Exclude<Policy, 'all'>, prefix: Prefix): boolean {
  const found = policy.rules.find((one) => {
    if (equalPrefixes(one.prefix, prefix)) return one.match !== 'inside';
    return containsPrefix(one.prefix, prefix) && one.match !== 'exact';
  });
  return (found?.verdict ?? policy.otherwise) === 'accept';
}

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

test('agrees with trying rule after rule', () => {
  const rules = fc.array(
    fc.record({
      name: fc.constant('any'),
      prefix,
      match: fc.constantFrom<PrefixRule['match']>('exact', 'inside', 'exactOrInside'),
      verdict: fc.constantFrom<PrefixRule['verdict']>('accept', 'reject'),
    }),
    { maxLength: 12 },
  );
  const otherwise = fc.constantFrom<PrefixRule['verdict']>('accept', 'reject');
  fc.assert(
    fc.property(fc.record({ rules, otherwise }), fc.array(prefix), (policy, prefixes) => {
      const compiled = new CompiledPolicy(policy);
      const table = new PrefixTable(1);
      for (const one of [...prefixes, ...policy.rules.map((each) => each.prefix)]) {
        const accepts = compiled.accepts(table, table.intern(one));
        expect(`${formatPrefix(one)} ${accepts}`).toBe(
          `${formatPrefix(one)} ${naive(policy, one)}`,
        );
      }
    }),
    { numRuns: 300 },
  );
});
