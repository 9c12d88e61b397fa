import { Paths } from '../../../bgp/rib/paths.ts';
import { Sweep } from '../../../bgp/rib/sweep.ts';

function pathsOf(count: number): Paths {
  const paths = new Paths();
  for (let i = 0; i < count; i++) paths.add(i, 1, 0, 1, 1);
  return paths;
}

test('sees every path once, some cells a step, and no free cell', () => {
  const paths = pathsOf(50);
  paths.free(7);
  const sweep = new Sweep(paths);
  const seen: number[] = [];
  sweep.step(100, (path) => seen.push(path));
  expect(seen).toEqual([]); // nobody asked
  const ticket = sweep.request();
  while (!sweep.isDone(ticket)) sweep.step(8, (path) => seen.push(path));
  expect(seen.length).toBe(49);
  expect(seen).not.toContain(7);
  expect(sweep.isRunning).toBe(false);
});

test('who asks in the middle of a walk waits for the next one too', () => {
  const sweep = new Sweep(pathsOf(20));
  const first = sweep.request();
  expect(sweep.request()).toBe(first); // not begun yet: one walk serves both
  sweep.step(10, () => {});
  const second = sweep.request();
  const third = sweep.request();
  const seen: number[] = [];
  while (sweep.isRunning) {
    sweep.step(4, (path) => seen.push(path));
    if (!sweep.isDone(first)) expect(sweep.isDone(second)).toBe(false);
  }
  expect([first, second, third].map((ticket) => sweep.isDone(ticket))).toEqual([true, true, true]);
  expect(new Set(seen).size).toBe(20);
  expect(seen.length).toBe(10 + 20);
});

test('a walk over nothing ends', () => {
  const sweep = new Sweep(new Paths());
  const ticket = sweep.request();
  sweep.step(1, () => {});
  expect(sweep.isDone(ticket)).toBe(true);
});
