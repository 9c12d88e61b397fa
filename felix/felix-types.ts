/** What Felix is made with, and what it tells of itself. */

import type { Clock, Log, Random } from '../ports.ts';
import type { Kernel } from './kernel.ts';
import type { TunnelUse } from './overlay-network.ts';
import type { Report } from './report.ts';
import type { RouteCounters } from './table/route-counters.ts';

export interface FelixOptions {
  /** Of the node. Whoever opened it closes it, after `close()`. */
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * A folder of our own, made if need be: endpoint files in `endpoints` below it, in `udp` what the UDP forwarder
   * shares with us, and in `route-protocols` by which rtm_protocols our routes are known.
   */
  readonly stateDir: string;
  /**
   * How long after the datastore is in sync routes learned before a restart stay, if nobody calls
   * `setLearnedInSync`. @default 30,000
   */
  readonly learnedDeadlineMs?: number;
  /** What the other nodes must be told of this one's tunnels (`OverlayNode`), when it changes. */
  readonly onTunnelUse?: (use: TunnelUse) => void;
  /** The kernel lacks a tunnel that a pool needs. Once, unless it had it in between. */
  readonly onTunnelLack?: (device: string, reason: string) => void;
}

export interface FelixState {
  /** The datastore is in sync, and the kernel has been read: it is written to. */
  readonly inSync: boolean;
  readonly learnedInSync: boolean;
  readonly endpoints: number;
  readonly routes: RouteCounters & {
    readonly desired: number;
    readonly learned: number;
    /** Waiting to be written, to be tried again, or to be removed after their time of grace. */
    readonly pending: number;
    readonly refused: number;
    /** Refused by the kernel, or kept from us by a stranger's. */
    readonly failing: number;
  };
  /** What our rules forbid, by prefix. The lists end at a thousand. */
  readonly refused: readonly Report[];
  /** What the kernel refused, or a stranger keeps from us. */
  readonly failed: readonly Report[];
  /** Other nodes' blocks that no tunnel leads to, since the datastore lacks something. */
  readonly unreachable: readonly Report[];
  /** What is left as it was found, since files, interfaces and IPAM don't agree. */
  readonly inDoubt: readonly Report[];
}
