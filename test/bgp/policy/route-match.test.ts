import fc from 'fast-check';
import { matchesWildcards } from '../../../bgp/policy/route-match.ts';

test.each<[string, string[], string[]]>([
  ['eth0', ['eth0'], ['eth', 'eth00', 'veth0']],
  ['eth*', ['eth', 'eth0', 'eth0.100'], ['veth0']],
  ['*.calico', ['vxlan.calico', '.calico'], ['vxlan.calico2', 'calico']],
  ['cali?', ['cali1'], ['cali', 'cali12']],
  ['a*b*a', ['aba', 'a-b-b-a'], ['aa', 'ab', 'aba-']],
  ['*', ['', 'lo'], []],
  ['a+.*', ['a+.b'], ['aa.b', 'a+b']],
])('interface %s', (pattern, matching, others) => {
  expect(matching.filter((name) => matchesWildcards(pattern, name))).toEqual(matching);
  expect(others.filter((name) => matchesWildcards(pattern, name))).toEqual([]);
});

test('what has no interface matches none', () => {
  expect(matchesWildcards('*', undefined)).toBe(false);
});

test('agrees with a regular expression', () => {
  const letters = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 9 });
  fc.assert(
    fc.property(letters(['a', 'b', '*', '?']), letters(['a', 'b']), (pattern, name) => {
      const expression = pattern.replaceAll('*', '.*').replaceAll('?', '.');
      expect(matchesWildcards(pattern, name)).toBe(new RegExp(`^${expression}$`).test(name));
    }),
    { numRuns: 2000 },
  );
});
