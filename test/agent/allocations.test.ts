import { formatAddress } from 'net-ipaddr';
import { readAllocations, readHandles } from '../../src/agent/allocations.ts';

/** Allocations as `ordinal handle node pod plugin`, where - is none. */
function block(cidr: string, ...allocated: string[]) {
  const allocations: (number | null)[] = Array(64).fill(null);
  const attributes = allocated.map((text, index) => {
    const [ordinal, handle_id, ...rest] = text.split(' ');
    allocations[Number(ordinal)] = index;
    const names = ['node', 'pod', 'plugin'];
    const given = rest.map((value, at) => [names[at]!, value]).filter(([, value]) => value !== '-');
    const secondary = { namespace: 'default', ...Object.fromEntries(given) };
    return { handle_id, secondary };
  });
  return { spec: { cidr, allocations, attributes } };
}

const store = {
  list: async () => ({
    items: [
      block(
        '10.0.0.0/26',
        '1 net.mine a web',
        '2 net.borrowed-by-b b db',
        '3 net.other a x ptp',
        '4 net.old - y',
      ),
      block('10.0.0.64/26', '0 net.of-b b z', '1 net.borrowed-by-a a far'),
      { spec: { cidr: 'malformed' } },
    ],
  }),
} as never;

test('handles: this node’s pods’, in whoever’s block; not what others borrowed of its own', async () => {
  expect([...(await readHandles(store, 'a'))]).toEqual([
    'net.mine',
    'net.other',
    'net.borrowed-by-a',
  ]);
});

test('allocations of the node’s blocks; only of those that it wires itself it is told the pod', async () => {
  const allocations = await readAllocations(store, ['10.0.0.0/26'], 'a');
  const shown = allocations.map(({ address, handleId, pod = 'nobody here' }) =>
    [formatAddress(address), handleId, pod].join(' '),
  );
  expect(shown).toEqual([
    '10.0.0.1 net.mine web',
    '10.0.0.2 net.borrowed-by-b nobody here',
    '10.0.0.3 net.other nobody here',
    '10.0.0.4 net.old y',
  ]);
});
