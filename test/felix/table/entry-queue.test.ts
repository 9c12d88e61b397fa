import { parsePrefix } from 'net-ipaddr';
import { Entries } from '../../../felix/table/entries.ts';
import { EntryQueue } from '../../../felix/table/entry-queue.ts';

let queue: EntryQueue;
let entries: Entries;

beforeEach(() => {
  queue = new EntryQueue();
  entries = new Entries(1);
});

test('each entry is taken once, first come first served', () => {
  for (const host of [1, 2, 1, 3, 2]) queue.add(entry(host));
  expect(queue.size).toBe(3);
  expect(take(2)).toEqual([1, 2]);
  expect(queue.size).toBe(1);
  expect(take(2)).toEqual([3]);
  expect(take(2)).toEqual([]);
});

test('what was taken may come again', () => {
  queue.add(entry(1));
  expect(take(1)).toEqual([1]);
  queue.add(entry(1));
  expect(take(1)).toEqual([1]);
});

test('what was deleted is passed over, and may come again', () => {
  for (const host of [1, 2, 3]) queue.add(entry(host));
  queue.delete(entry(2));
  expect(queue.size).toBe(2);
  queue.add(entry(2));
  queue.delete(entry(1));
  expect(take(9)).toEqual([2, 3]);
  expect(queue.size).toBe(0);
});

test('after all were deleted the next comes first', () => {
  for (const host of [1, 2]) queue.add(entry(host));
  for (const host of [1, 2]) queue.delete(entry(host));
  queue.delete(entry(1));
  queue.add(entry(3));
  expect(queue.size).toBe(1);
  expect(take(9)).toEqual([3]);
});

test('a thousand, some at a time, while others come', () => {
  const taken: number[] = [];
  for (let host = 0; host < 1000; host++) {
    queue.add(entry(host));
    if (host % 3 === 0) taken.push(...take(2));
  }
  taken.push(...take(1000));
  expect(taken).toEqual(Array.from({ length: 1000 }, (_, host) => host));
});

function entry(host: number) {
  return entries.findOrAdd(parsePrefix(`10.0.${host >> 8}.${host & 255}/32`));
}

function take(limit: number): number[] {
  return queue
    .take(limit)
    .map(({ prefix: { address } }) => 256 * address.bytes[2]! + address.bytes[3]!);
}
