import { NO_PATH, Paths } from '../../../bgp/rib/paths.ts';

test('keeps what it was given, over more than one segment, with and without path ids', () => {
  const paths = new Paths();
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const pathId = i % 1000 === 999 ? i : 0;
    expect(paths.add(i + 5, i % 300, pathId, i + 1, i % 2)).toBe(i + 1);
  }
  for (let i = 0; i < count; i += 333) {
    const path = i + 1;
    expect([
      paths.prefix(path),
      paths.source(path),
      paths.pathId(path),
      paths.received(path),
      paths.imported(path),
      paths.next(path),
    ]).toEqual([i + 5, i % 300, i % 1000 === 999 ? i : 0, i + 1, i % 2, NO_PATH]);
  }
});

test('a path id of one segment is not seen in another', () => {
  const paths = new Paths();
  const first = paths.add(1, 1, 77, 1, 1);
  for (let i = 0; i < 20_000; i++) paths.add(1, 1, 0, 1, 1);
  expect([paths.pathId(first), paths.pathId(first + 16_384)]).toEqual([77, 0]);
});

test('freed paths are used again, clean', () => {
  const paths = new Paths();
  const a = paths.add(1, 2, 3, 4, 5);
  const b = paths.add(1, 2, 0, 4, 5);
  paths.setNext(a, b);
  paths.free(a);
  expect([paths.isUsed(a), paths.isUsed(b)]).toEqual([false, true]);
  expect(paths.add(9, 8, 0, 7, 0)).toBe(a);
  expect([paths.prefix(a), paths.pathId(a), paths.next(a), paths.imported(a)]).toEqual([
    9,
    0,
    NO_PATH,
    0,
  ]);
  expect(paths.top).toBe(3);
});
