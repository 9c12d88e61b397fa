/** When the kernel is read, on a virtual clock. */

import { Resync } from '../../felix/resync.ts';
import { TestClock, TestLog } from './ports.ts';

test('the kernel is read as often as is said, from now on, or never', async () => {
  const clock = new TestClock();
  let readings = 0;
  const read = async () => void readings++;
  const resync = new Resync({ clock, random: () => 0.5, log: new TestLog(), failure: '', read });
  resync.start();
  const readingsIn = async (milliseconds: number) => {
    const before = readings;
    await clock.pass(milliseconds);
    return readings - before;
  };
  expect(await readingsIn(270_000)).toBe(3);
  resync.every(10_000);
  expect(await readingsIn(100_000)).toBe(10);
  resync.every(0);
  expect(await readingsIn(100_000)).toBeLessThanOrEqual(1);
  expect(await readingsIn(1_000_000)).toBe(0);
  resync.every(10_000);
  expect(await readingsIn(100_000)).toBe(10);
  resync.close();
});

test('a hint is followed soon, also after a reading for which the kernel had no time', async () => {
  const clock = new TestClock();
  const begun: number[] = [];
  const read = () => {
    begun.push(clock.monotonic());
    return new Promise<void>((resolve) => clock.after(20_000, resolve));
  };
  const resync = new Resync({ clock, random: () => 0.5, log: new TestLog(), failure: '', read });
  resync.start();
  resync.soon();
  await clock.pass(20_100);
  resync.soon();
  await clock.pass(5_000);
  expect(begun).toEqual([50, 25_050]);
  resync.close();
});
