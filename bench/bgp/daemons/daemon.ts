/** A BGP speaker under test: how it is found, configured and started. */

/** What it is to be: the same for every daemon. */
export interface Scenario {
  readonly address: string;
  readonly as: number;
  /** What the peers offer: every daemon's own is as long, or longer, and so theirs holds. */
  readonly holdTimeSec: number;
  /** Equal ASes and a client: it is a route reflector. */
  readonly peers: readonly Peering[];
}

export interface Peering {
  readonly address: string;
  readonly as: number;
  readonly isClient: boolean;
}

export interface Daemon {
  readonly id: string;
  /** As the tables have it. */
  readonly name: string;
  /** Undefined: it is not installed. */
  version(): string | undefined;
  /** Debian's package, for who lacks it. */
  readonly package: string;
  /** Writes its configuration into `folder`, and returns the command that runs it in the foreground. */
  prepare(scenario: Scenario, folder: string): string[];
}
