/** Next hop objects where the kernel refuses, and where others write: on a fake netlink. */

import { NetlinkError, type NextHopObject, type Operation, type Result } from 'rtnetlink-ts';
import type { Gateway, NextHopSet } from '../../../felix/calc/next-hops.ts';
import { NextHopObjects } from '../../../felix/table/next-hop-objects.ts';

/** Why the kernel refuses this. */
let refuse: (nextHop: NextHopObject) => string | undefined;
let duringRead: () => void;
let lookedAt: string[];
let surprises: number;
let nextHops: NextHopObjects;

beforeEach(async () => {
  refuse = () => undefined;
  duringRead = () => {};
  lookedAt = [];
  surprises = 0;
  const batch = (operations: Iterable<Operation>) =>
    Array.from(operations, (operation): Result => {
      const code = 'nextHop' in operation ? refuse(operation.nextHop) : undefined;
      return code === undefined ? undefined : new NetlinkError('writing it', code);
    });
  nextHops = new NextHopObjects({
    netlink: {
      batch,
      batchOffLoop: async (operations) => batch(operations),
      nextHops: async () => {
        duringRead();
        return [];
      },
    },
    names: {
      indexOf: (name) => {
        lookedAt.push(name);
        return Number(name.slice(-1));
      },
      nameOf: () => undefined,
    },
    onWork() {},
    onSurprise: () => {
      surprises += 1;
    },
  });
  await nextHops.read();
});

function setBy(zone: string, more: Partial<Gateway> = {}): NextHopSet {
  const gateways = [{ family: 4, bytes: Uint8Array.of(192, 0, 2, 1), zone, ...more } as const];
  return { nextHops: [], gateways, first: undefined, walk: undefined };
}

function idOf(set: NextHopSet): number | undefined {
  return nextHops.idOf(set, () => undefined);
}

function isThere(nextHopId: number): boolean {
  const destination = { address: { family: 4, bytes: new Uint8Array(4) }, length: 0 } as const;
  return nextHops.lackOf({ action: 'add', route: { destination, nextHopId } }) === undefined;
}

test('while one is refused, a flush looks at it, and at no other', () => {
  refuse = ({ oif }) => (oif === 3 ? 'ENETDOWN' : undefined);
  const ids = ['eth1', 'eth2', 'eth3'].map((zone) => idOf(setBy(zone))!);
  nextHops.flush();
  expect(ids.map(isThere)).toEqual([true, true, false]);
  lookedAt.length = 0;
  nextHops.flush();
  expect(lookedAt).toEqual(['eth3']);
  refuse = () => undefined;
  nextHops.flush();
  expect(ids.map(isThere)).toEqual([true, true, true]);
  lookedAt.length = 0;
  nextHops.flush();
  expect(lookedAt).toEqual([]);
});

test('a gateway on a link by nobody’s address: its routes name it', () => {
  expect(idOf(setBy('eth1', { onlink: true }))).toBeUndefined();
});

test('somebody else has the id: what there is is read', () => {
  refuse = () => 'EEXIST';
  idOf(setBy('eth1'));
  nextHops.flush();
  expect(surprises).toBe(1);
});

test('what is written while all are read is not forgotten: they are read again', async () => {
  let id = 0;
  duringRead = () => {
    id = idOf(setBy('eth1'))!;
    nextHops.flush();
  };
  await nextHops.read();
  expect(surprises).toBe(1);
  expect(isThere(id)).toBe(true);
});

test.each([
  ['ENETDOWN', 1],
  // It went with its link, or with its last member.
  ['ENOENT', 0],
])('a group that should lead elsewhere, and %s: looked at again %d times', async (code, times) => {
  const set = setBy('eth1');
  idOf(set);
  nextHops.flush();
  const { gateways } = setBy('eth2');
  Object.assign(set, { gateways });
  expect(nextHops.follow(set)).toBe(true);
  refuse = ({ group }) => (group === undefined ? undefined : code);
  nextHops.flush();
  expect(nextHops.isMoving).toBe(true);
  await new Promise(setImmediate);
  expect(nextHops.isMoving).toBe(false);
  expect(surprises).toBe(times);
});
