/** When what failed is tried again. */

import { backoffMs, Retry } from '../backoff.ts';
import { TestClock } from './felix/ports.ts';

const BACKOFF = { firstMs: 1_000, longestMs: 30_000 };

test.each([
  [1, 1_000],
  [2, 2_000],
  [5, 16_000],
  [6, 30_000],
  [10_000, 30_000],
])(
  'after %i failures in a row the pause is at most %i ms, and at least half of it',
  (failures, most) => {
    expect(backoffMs(BACKOFF, failures, () => 0)).toBe(most / 2);
    expect(backoffMs(BACKOFF, failures, () => 0.999_999)).toBeCloseTo(most, -1);
  },
);

describe('a retry', () => {
  let clock: TestClock;
  let attempts: number;
  let retry: Retry;

  beforeEach(() => {
    clock = new TestClock();
    attempts = 0;
    retry = new Retry({ clock, random: () => 0 }, BACKOFF, () => attempts++);
  });

  test('comes once after each failure, later and later', async () => {
    retry.failed();
    expect(retry.isWaiting).toBe(true);
    await clock.pass(500);
    expect([attempts, retry.isWaiting]).toEqual([1, false]);
    retry.failed();
    await clock.pass(999);
    expect(attempts).toBe(1);
    await clock.pass(1);
    expect(attempts).toBe(2);
    await clock.pass(60_000);
    expect(attempts).toBe(2);
  });

  test('comes as after the first failure once something has succeeded', async () => {
    for (let failure = 0; failure < 5; failure++) {
      retry.failed();
      await clock.pass(30_000);
    }
    retry.succeeded();
    retry.failed();
    await clock.pass(500);
    expect(attempts).toBe(6);
  });

  test('does not come after close', async () => {
    retry.failed();
    retry.close();
    retry.failed();
    await clock.pass(60_000);
    expect(attempts).toBe(0);
  });
});
