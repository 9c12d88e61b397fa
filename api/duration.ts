/** Durations as Go writes them ("120s", "1m30s", "1.5h"), which is how Kubernetes stores them. */

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/y;

/**
 * Milliseconds, possibly with a fraction.
 * @throws Error whose message reads on after the field's name.
 */
export function parseDuration(text: string): number {
  let milliseconds = 0;
  PART.lastIndex = 0;
  let end = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    milliseconds += Number(part[1]) * UNIT_MS[part[2]!]!;
    end = PART.lastIndex;
  }
  if (end === 0 || end !== text.length)
    throw new Error(
      `${JSON.stringify(text)} is not a duration: write a number and a unit (ms, s, m, h), for example 90s or 1m30s`,
    );
  return milliseconds;
}
