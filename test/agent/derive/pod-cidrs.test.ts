import { formatPrefix } from 'net-ipaddr';
import type { Node } from '../../../api/index.ts';
import { podCidrPlacements } from '../../../src/agent/derive/pod-cidrs.ts';

const node = (name: string, spec: Node['spec']): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec }) as Node;

test('every node’s pod CIDRs, of both families; what is none is named', () => {
  const problems: string[] = [];
  const placements = podCidrPlacements(
    [
      node('a', { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24', 'fd00::/64'] }),
      node('b', { podCIDR: '10.0.1.0/24' }),
      node('c', { podCIDRs: ['10.0.2.0/99'] }),
      node('d', undefined),
    ],
    problems,
  );
  expect(placements.map(({ prefix, node }) => [formatPrefix(prefix), node])).toEqual([
    ['10.0.0.0/24', 'a'],
    ['fd00::/64', 'a'],
    ['10.0.1.0/24', 'b'],
  ]);
  expect(problems).toEqual([expect.stringMatching(/^Node "c": spec\.podCIDRs: .*10\.0\.2\.0\/99/)]);
});
