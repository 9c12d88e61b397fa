/** What was measured of the encapsulations, as plain data between the namespaces and the report. */

export interface Sample {
  /** Of the inner packets' payload, by one TCP stream. */
  readonly gigabitsPerSecond: number;
  /** Of the whole machine, both ends and the kernel included; a busy agent's own is taken off. */
  readonly cpuSecondsPerGigabyte: number;
  /** Of round trips, without the stream. */
  readonly pingP50Ms: number;
  readonly pingP99Ms: number;
}

export interface Measured {
  /** Of an encapsulation. */
  readonly id: string;
  /** Whether a process as busy as can be ran beside, for the agent. */
  readonly isBusy: boolean;
  readonly samples: readonly Sample[];
}

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly runs: number;
  readonly seconds: number;
  readonly pings: number;
  /** Of the machine over the last minute, before each round: others may have been at work on it. */
  readonly loadAverages: readonly number[];
  readonly measured: readonly Measured[];
}
