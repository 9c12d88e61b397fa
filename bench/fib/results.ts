/** What was measured, as plain data between the namespaces and the report. */
import type { Turns } from '../turns.ts';

/** What a process of ours took. */
export interface Figures {
  readonly cpuMs: number;
  /** Resident, at most since the process began. */
  readonly peakRssMiB: number;
  readonly turns: Turns;
}

export interface Addition {
  readonly seconds: number;
  readonly figures?: Figures;
}

export interface Resync extends Figures {
  readonly ms: number;
  /** Routes. */
  readonly written: number;
}

export interface Convergence extends Figures {
  readonly seconds: number;
}

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly runs: number;
  readonly routes: number;
  /** Of the machine over the last minute, before each round: others may have been at work on it. */
  readonly loadAverages: readonly number[];
  /** By way. The first does not count. */
  readonly additions: Readonly<Record<string, readonly Addition[]>>;
  readonly resyncs: readonly Resync[];
  /** By encapsulation; none where the kernel has no such tunnels. */
  readonly convergences: Readonly<Record<string, readonly Convergence[]>>;
}
