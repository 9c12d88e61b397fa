/** What a benchmark of BGP speakers found, as plain data between the namespaces and the report. */

/** One figure of one run: all that a workload measures, by the figure's id. */
export type Sample = Readonly<Record<string, number>>;

export interface DaemonResult {
  readonly daemon: string;
  readonly samples: readonly Sample[];
  /** Why there are fewer samples than runs. */
  readonly failure?: string;
}

export interface WorkloadResult {
  readonly workload: string;
  readonly daemons: readonly DaemonResult[];
}

export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly isQuick: boolean;
  readonly runs: number;
  /** Of the machine over the last minute, before each round: others may have been at work on it. */
  readonly loadAverages: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
  /** Daemons that were to be measured and are not there: why. */
  readonly missing: Readonly<Record<string, string>>;
  readonly workloads: readonly WorkloadResult[];
}
