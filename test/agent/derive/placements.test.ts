import { formatPrefix } from 'net-ipaddr';
import type { IPAMBlock } from '../../../api/index.ts';
import { placementsOf } from '../../../src/agent/derive/placements.ts';

/** `holders`: who has which ordinal, by node; null: an address without a node. */
function block(
  cidr: string,
  affinity: string | undefined,
  holders: Record<number, string | null> = {},
  deleted = false,
): IPAMBlock {
  const nodes = Object.values(holders);
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPAMBlock',
    metadata: { name: 'b' },
    spec: {
      cidr,
      ...(affinity && { affinity }),
      allocations: Array.from({ length: 4 }, (_, ordinal) =>
        ordinal in holders ? nodes.indexOf(holders[ordinal]!) : null,
      ),
      unallocated: [],
      attributes: nodes.map((node) => (node === null ? {} : { secondary: { node } })),
      deleted,
    },
  };
}

test.each<[name: string, given: IPAMBlock, then: string[]]>([
  ['a block is on the node of its affinity', block('10.0.0.0/30', 'host:a'), ['10.0.0.0/30 a']],
  [
    'an address that another node has is there',
    block('10.0.0.0/30', 'host:a', { 0: 'a', 2: 'b' }),
    ['10.0.0.0/30 a', '10.0.0.2/32 b'],
  ],
  ['IPv6 too', block('fd00::/126', 'host:a', { 3: 'b' }), ['fd00::/126 a', 'fd00::3/128 b']],
  [
    'a block that its node gave up: each address where it is',
    block('10.0.0.0/30', undefined, { 1: 'a', 2: 'b' }),
    ['10.0.0.1/32 a', '10.0.0.2/32 b'],
  ],
  [
    'a block of no host (load balancers): nowhere',
    block('10.0.0.0/30', 'virtual:load-balancer', { 1: null }),
    [],
  ],
  ['a block that is being deleted: nowhere', block('10.0.0.0/30', 'host:a', {}, true), []],
])('%s', (_, given, then) => {
  const shown = placementsOf(given).map(({ prefix, node }) => `${formatPrefix(prefix)} ${node}`);
  expect(shown).toEqual(then);
});
