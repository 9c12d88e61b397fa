/** Trying again when another writer was faster or the datastore did not answer. */

import type { Clock, Random } from '../ports.ts';
import { IpamError, passes } from './errors.ts';

/** As many compare-and-swaps as Calico tries. The deadline usually comes first. */
const MAX_ATTEMPTS = 100;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;

/**
 * Runs `attempt` until it succeeds, fails for good, or the deadline has passed. Between attempts
 * comes a random pause of up to 10, 20, 40 … 1000 ms, so that writers that met once part.
 * @param deadline in the clock's monotonic milliseconds
 * @throws IpamError 'Timeout', whose cause is the last error, or an error that does not pass.
 */
export async function retry<T>(
  { clock, random }: { clock: Clock; random: Random },
  what: string,
  deadline: number,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      if (!passes(error)) throw error;
      const pauseMs = random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** number);
      if (number + 1 < MAX_ATTEMPTS && clock.monotonic() + pauseMs < deadline) {
        await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
        continue;
      }
      const last = (error as Error).message;
      throw new IpamError(
        'Timeout',
        `${what} did not get through in ${number + 1} attempts; the last: ${last}`,
        error,
      );
    }
  }
}
