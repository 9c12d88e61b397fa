import { type Excess, PrefixLimit } from '../../../bgp/session/prefix-limit.ts';

const HOUR_MS = 3_600_000;

function limited(max: number | undefined): PrefixLimit {
  const limit = new PrefixLimit();
  limit.max = max;
  limit.begin();
  return limit;
}

test('without a limit, everything is fine', () => {
  expect(limited(undefined).judge(4, 1_000_000, 0)).toBe('fine');
});

test('above 80 %, a warning: once a session and family', () => {
  const limit = limited(100);
  const verdicts = [80, 81, 82, 100].map((count) => limit.judge(4, count, 0));
  expect([...verdicts, limit.judge(6, 90, 0)]).toEqual(['fine', 'near', 'fine', 'fine', 'near']);
  limit.begin();
  expect(limit.judge(4, 81, 0)).toBe('near');
});

test('above the limit: a minute without a session, twice as long each time in a row, an hour at most', () => {
  const limit = limited(100);
  const minutes = Array.from({ length: 8 }, (_, index) => {
    const { holdOffMs } = limit.judge(4, 101, index * HOUR_MS) as Excess;
    return holdOffMs / 60_000;
  });
  expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(limit.judge(4, 101, 10 * HOUR_MS)).toEqual({
    max: 100,
    holdOffMs: 60_000,
    text: 'more than 100 IPv4 prefixes: no session for 1 min',
  });
});
