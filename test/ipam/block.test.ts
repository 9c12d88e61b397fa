import fc from 'fast-check';
import { parsePrefix } from 'net-ipaddr';
import { type IPAMBlock, parseJson, stringifyJson } from '../../api/index.ts';
import {
  addressOf,
  asSubnet,
  belongsTo,
  freeCount,
  giveBack,
  heldBy,
  newBlock,
  nextVersion,
  take,
} from '../../ipam/block.ts';

const fresh = (cidr = '10.0.0.0/29') => newBlock(parsePrefix(cidr), 'node-1', 1_787_654_321_123);

test('a new block has Calico’s shape', () => {
  expect(fresh('10.0.0.0/30')).toEqual({
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPAMBlock',
    metadata: { name: '10-0-0-0-30' },
    spec: {
      cidr: '10.0.0.0/30',
      affinity: 'host:node-1',
      affinityClaimTime: '2026-08-25T10:38:41Z',
      allocations: [null, null, null, null],
      unallocated: [0, 1, 2, 3],
      attributes: [],
      sequenceNumber: 1787654321123000000n,
      sequenceNumberForAllocation: {},
      deleted: false,
      strictAffinity: false,
    },
  });
  expect(belongsTo(fresh(), 'node-1')).toBe(true);
  expect(belongsTo(fresh(), 'node-10')).toBe(false);
});

test('an address goes to the head of the queue and comes back to its tail', () => {
  let block = fresh('10.0.0.0/30');
  for (const id of ['a', 'b']) block = take(block, id, {})!.block;
  block = giveBack(block, 'a').block;
  expect(block.spec.unallocated).toEqual([2, 3, 0]);
  const taken = take(block, 'c', {})!;
  expect(addressOf(taken.block, taken.ordinal)).toBe('10.0.0.2');
});

test('an allocation remembers the block’s sequence number at that time', () => {
  const first = take(fresh(), 'a', {})!.block;
  const second = take(nextVersion(first), 'b', {})!.block;
  expect(second.spec.sequenceNumber).toBe(1787654321123000001n);
  expect(second.spec.sequenceNumberForAllocation).toEqual({
    0: 1787654321123000000n,
    1: 1787654321123000001n,
  });
  expect(giveBack(second, 'a').block.spec.sequenceNumberForAllocation).toEqual({
    1: 1787654321123000001n,
  });
});

test('a small or missing sequence number grows too', () => {
  const { spec, ...rest } = fresh();
  expect(nextVersion({ ...rest, spec: { ...spec, sequenceNumber: 7 } }).spec.sequenceNumber).toBe(
    8n,
  );
  const { sequenceNumber: _, ...without } = spec;
  expect(nextVersion({ ...rest, spec: without }).spec.sequenceNumber).toBe(1n);
});

test('what Calico wrote and we do not know goes through byte for byte', () => {
  const text =
    '{"apiVersion":"projectcalico.org/v3","kind":"IPAMBlock","metadata":{"name":"10-0-0-0-30","future":1},' +
    '"spec":{"cidr":"10.0.0.0/30","affinity":"host:node-1","allocations":[0,null,1,null],"unallocated":[3,1],' +
    '"attributes":[{"handle_id":"x","secondary":{"node":"n"},"alternateOwnerAttrs":{"pod":"p"},"odd":9007199254740993},' +
    '{"releasedAt":"2026-08-20T00:00:00Z"}],"sequenceNumber":1787654321123456789,' +
    '"sequenceNumberForAllocation":{"0":1787654321123456700,"2":12},"deleted":false,"strictAffinity":false,"brandNew":{"a":[1.50]}}}';
  const read = parseJson(text) as IPAMBlock;
  const taken = take(read, 'y', {})!;
  expect(taken.ordinal).toBe(3);
  const back = giveBack(taken.block, 'y').block;
  const restored = { ...back, spec: { ...back.spec, unallocated: [3, 1] } };
  expect(stringifyJson(restored)).toBe(text.replace('1.50', '1.5'));
  expect(stringifyJson(nextVersion(restored))).toContain('"sequenceNumber":1787654321123456790');
  // The one in cooldown belongs to nobody, and is not free.
  expect(heldBy(read, 'x')).toEqual([0]);
  expect(freeCount(read)).toBe(2);
});

test('a handle with a migration’s carriage return is the handle before it', () => {
  const { block } = take(fresh(), 'net.abc\r\neth0', {})!;
  expect(heldBy(block, 'net.abc')).toEqual([0]);
  expect(giveBack(block, 'net.abc').ordinals).toEqual([0]);
});

test('addresses of one handle with the same attributes share an attribute, others do not', () => {
  let block = take(fresh(), 'a', { pod: 'p' })!.block;
  block = take(block, 'a', { pod: 'p' })!.block;
  block = take(block, 'a', { pod: 'q' })!.block;
  block = take(block, 'a', {})!.block;
  expect(block.spec.attributes).toHaveLength(3);
  expect(block.spec.allocations.slice(0, 4)).toEqual([0, 0, 1, 2]);
});

test('an attribute of which Calico says more is not shared: that is of its own address', () => {
  const known = take(fresh(), 'a', { pod: 'p' })!.block;
  const attributes = [{ ...known.spec.attributes[0]!, alternateOwnerAttrs: { pod: 'q' } }];
  const block = { ...known, spec: { ...known.spec, attributes } };
  expect(take(block, 'a', { pod: 'p' })!.block.spec.attributes).toHaveLength(2);
});

test('addresses that are to be kept stay', () => {
  let block = take(fresh(), 'a', {})!.block;
  block = take(block, 'a', {})!.block;
  const result = giveBack(block, 'a', new Set(['10.0.0.0']));
  expect(result.ordinals).toEqual([1]);
  expect(heldBy(result.block, 'a')).toEqual([0]);
  expect(result.block.spec.attributes).toHaveLength(1);
});

test('a queue that contradicts the allocations is not believed', () => {
  const { spec, ...rest } = take(fresh('10.0.0.0/30'), 'a', {})!.block;
  const broken = { ...rest, spec: { ...spec, unallocated: [0, 9, -1, 2, 2] } };
  expect(freeCount(broken)).toBe(1);
  const taken = take(broken, 'b', {})!;
  expect(taken.ordinal).toBe(2);
  expect(take(taken.block, 'c', {})).toBeUndefined();
});

test('any sequence of taking and giving back agrees with a plain map', () => {
  const step = fc.tuple(
    fc.boolean(),
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.constantFrom('x', 'y'),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let block = fresh();
      const before = stringifyJson(block);
      const pristine = block;
      const twin = new Map<number, string>();
      for (const [takes, id, pod] of steps) {
        if (takes) {
          const taken = take(block, id, { pod });
          expect(taken === undefined).toBe(twin.size === 8);
          if (taken === undefined) continue;
          expect(twin.has(taken.ordinal)).toBe(false);
          twin.set(taken.ordinal, id);
          block = taken.block;
        } else {
          const back = giveBack(block, id);
          const expected = [...twin]
            .filter(([, holder]) => holder === id)
            .map(([ordinal]) => ordinal);
          expect(back.ordinals).toEqual(expected.sort((p, q) => p - q));
          for (const ordinal of expected) twin.delete(ordinal);
          block = back.block;
        }
        const { allocations, unallocated, attributes } = block.spec;
        expect(new Set(unallocated).size).toBe(unallocated.length);
        expect(unallocated.length).toBe(8 - twin.size);
        expect(freeCount(block)).toBe(8 - twin.size);
        for (const [ordinal, index] of allocations.entries()) {
          expect(index === null ? undefined : attributes[index]?.handle_id).toBe(twin.get(ordinal));
        }
        expect(attributes).toHaveLength(
          new Set(allocations.filter((index) => index !== null)).size,
        );
      }
      expect(stringifyJson(pristine)).toBe(before);
    }),
  );
});

test('a block as a subnet keeps its first two addresses and its last from pods, once', () => {
  const subnet = asSubnet(fresh())!;
  expect(heldBy(subnet, 'tortie-subnet')).toEqual([0, 1, 7]);
  expect(asSubnet(subnet)).toEqual(subnet);
  expect(take(subnet, 'a', {})!.ordinal).toBe(2);
});

test.each([
  ['a pod has its second address', take(fresh(), 'a', {}, 1)!.block],
  ['it has no two', fresh('10.0.0.0/32')],
])('a block is no subnet where %s', (_, block) => expect(asSubnet(block)).toBeUndefined());
