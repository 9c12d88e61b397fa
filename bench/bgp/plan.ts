/** Who peers with the daemon in a workload, and with which part of the table. */

export interface Plan {
  readonly daemonAs: number;
  readonly holdTimeSec: number;
  readonly peers: readonly LoadPeer[];
}

export interface LoadPeer {
  readonly as: number;
  /** Its part of the table. */
  readonly first: number;
  readonly count: number;
  readonly receives: boolean;
  readonly isClient: boolean;
}
