/**
 * How long this process's turns of the event loop are.
 *
 * A timer is due each millisecond; between two times that it rings, the loop made one turn, or some
 * that were shorter. The wall's time of it has in it what the thread waited for a processor, which a
 * busy machine gives to others, and for the helpers of the garbage collector; its CPU time has not.
 */
import { createHistogram, performance } from 'node:perf_hooks';

/** Turns of the event loop since the last time asked. */
export interface Turns {
  readonly longestMs: number;
  readonly p999Ms: number;
  /** CPU time of the thread, which a turn of another one may have been. */
  readonly longestCpuMs: number;
}

const RESOLUTION_MS = 1;
const US_PER_MS = 1000;

export class TurnWatch {
  readonly #wall = createHistogram();
  readonly #cpu = createHistogram();
  #wallUs = wallNowUs();
  #cpuUs = cpuNowUs();

  /** Measures from now on, for as long as the process lives. */
  constructor() {
    setInterval(() => this.#lap(), RESOLUTION_MS).unref();
  }

  take(): Turns {
    this.#lap();
    const turns = {
      longestMs: this.#wall.max / US_PER_MS,
      p999Ms: this.#wall.percentile(99.9) / US_PER_MS,
      longestCpuMs: this.#cpu.max / US_PER_MS,
    };
    this.#wall.reset();
    this.#cpu.reset();
    return turns;
  }

  #lap(): void {
    const [wallBefore, cpuBefore] = [this.#wallUs, this.#cpuUs];
    this.#wallUs = wallNowUs();
    this.#cpuUs = cpuNowUs();
    record(this.#wall, this.#wallUs - wallBefore - RESOLUTION_MS * US_PER_MS);
    record(this.#cpu, this.#cpuUs - cpuBefore);
  }
}

/** A histogram takes whole numbers from 1. */
function record(histogram: ReturnType<typeof createHistogram>, us: number): void {
  histogram.record(Math.max(1, Math.round(us)));
}

function wallNowUs(): number {
  return performance.now() * US_PER_MS;
}

function cpuNowUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
