/** What a flush looks at, where the kernel refuses one of many next hops. */

import { NetlinkError, type Operation } from 'rtnetlink-ts';
import type { NextHopSet } from '../../../felix/calc/next-hops.ts';
import { NextHopObjects } from '../../../felix/table/next-hop-objects.ts';

test('while one is refused, a flush looks at it, and at no other', async () => {
  let isRefused = true;
  const lookedAt: string[] = [];
  const batch = (operations: Iterable<Operation>) =>
    Array.from(operations, (operation) => {
      const isBad = 'nextHop' in operation && operation.nextHop.oif === 3;
      return isBad && isRefused ? new NetlinkError('adding it', 'ENETDOWN') : undefined;
    });
  const nextHops = new NextHopObjects({
    netlink: {
      batch,
      batchOffLoop: async (operations) => batch(operations),
      nextHops: async () => [],
    },
    names: {
      indexOf: (name) => {
        lookedAt.push(name);
        return Number(name.slice(-1));
      },
      nameOf: () => undefined,
    },
    onWork() {},
    onSurprise() {},
  });
  await nextHops.read();
  const sets = ['eth1', 'eth2', 'eth3'].map(
    (zone): Pick<NextHopSet, 'gateways'> => ({
      gateways: [{ family: 4, bytes: Uint8Array.of(192, 0, 2, 1), zone }],
    }),
  );
  const ids = sets.map((set) => nextHops.idOf(set as NextHopSet, () => undefined)!);
  nextHops.flush();
  const lacks = () =>
    ids.map((nextHopId) => {
      const destination = { address: { family: 4, bytes: new Uint8Array(4) }, length: 0 } as const;
      return nextHops.lackOf({ action: 'add', route: { destination, nextHopId } }) !== undefined;
    });
  expect(lacks()).toEqual([false, false, true]);
  lookedAt.length = 0;
  nextHops.flush();
  expect(lookedAt).toEqual(['eth3']);
  isRefused = false;
  nextHops.flush();
  expect(lacks()).toEqual([false, false, false]);
  lookedAt.length = 0;
  nextHops.flush();
  expect(lookedAt).toEqual([]);
});
