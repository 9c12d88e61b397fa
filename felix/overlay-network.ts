/**
 * Tunnels, and the routes by them, in step: a route leads into a tunnel once that is ready at both ends,
 * and a tunnel goes once no node's route leads into it (calc/overlay.ts has the rule).
 */

import { type Family, formatPrefix } from 'net-ipaddr';
import type { Clock, Log, Random, Timer } from '../ports.ts';
import { type OverlayInput, overlay } from './calc/overlay.ts';
import { type Tunnel, tunnelsOf } from './calc/tunnels.ts';
import { FoundWays } from './found-ways.ts';
import type { Kernel } from './kernel.ts';
import { deviceName, type TunnelKind, tunnelName } from './ours.ts';
import type { Reconciler } from './reconciler.ts';
import type { Report } from './report.ts';
import type { RouteTable } from './table/route-table.ts';
import { mtuOf } from './tunnel/device.ts';
import { Tunnels } from './tunnel/tunnels.ts';
import type { ForwarderCounters } from './tunnel/udp/question.ts';

/** What the other nodes are to know of this one's tunnels: names, in order. */
export interface TunnelUse {
  /** They take what comes, and pools need them: nobody is to begin to send by one that is about to go. */
  readonly receivingTunnels: readonly string[];
  /** Devices: routes lead into them, or pools needed them until a moment ago. */
  readonly sendingTunnels: readonly string[];
}

export interface OverlayNetworkOptions {
  kernel: Kernel;
  clock: Clock;
  random: Random;
  log: Log;
  /** Where the UDP forwarder finds its table, and answers. Made if need be. */
  forwarderFolder: string;
  reconciler: Pick<Reconciler, 'calculation' | 'setOverlay' | 'interfaces'> & {
    readonly table: Pick<RouteTable, 'programmed'>;
  };
  /** It is another than before. */
  onUse(use: TunnelUse): void;
  /** The kernel lacks this tunnel. */
  onLack(device: string, reason: string): void;
}

/** For what the nodes say to come round, should pools change again meanwhile. */
const LINGER_MS = 3_000;

export class OverlayNetwork {
  readonly #options: OverlayNetworkOptions;
  readonly #tunnels: Tunnels;
  #input: OverlayInput | undefined;
  #desired: readonly Tunnel[] = [];
  #unreachable: readonly Report[] = [];
  /** Devices of routes that are desired, or may still be in the kernel. */
  #sends: ReadonlySet<string> = new Set();
  /** What the kernel had at start, until it has been said once what it should have. */
  #found: FoundWays | undefined;
  /** Devices that pools needed until a moment ago. */
  readonly #lingering = new Map<string, Timer>();
  #told = '';
  #isOpen = false;

  constructor(options: OverlayNetworkOptions) {
    this.#options = options;
    this.#tunnels = new Tunnels({ ...options, onPass: () => this.#passed() });
  }

  /** The kernel's routes have been read: what an earlier run left goes on until something better is ready. */
  start(): void {
    const { interfaces, table } = this.#options.reconciler;
    this.#found = new FoundWays(table.programmed(), interfaces);
    this.#sends = this.#found.devices();
  }

  /** All of it each time. */
  set(input: OverlayInput): void {
    for (const device of devicesOf(this.#input).difference(devicesOf(input))) this.#linger(device);
    this.#input = input;
    this.#review();
    this.#route();
    this.#tell();
  }

  /** Resolves when the tunnels have been looked at once: from then on routes may lead into them. */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    await this.#tunnels.open();
    this.#isOpen = true;
    this.#tell();
  }

  /** The kernel has the routes that were set last. */
  routesWritten(): void {
    const devices = this.#options.reconciler.calculation.remote.devices();
    // It holds all of these: there may only be fewer.
    if (devices.size === this.#sends.size) return;
    this.#sends = devices;
    this.#review();
    this.#tell();
  }

  /** In ms; 0: never. */
  setRefreshInterval(intervalMs: number): void {
    this.#tunnels.setRefreshInterval(intervalMs);
  }

  resync(): Promise<void> {
    return this.#tunnels.resync();
  }

  problems(): Report[] {
    return this.#tunnels.problems();
  }

  /** Other nodes' blocks to which no way leads, or not the one that their pool says. */
  unreachable(): Report[] {
    const { calculation } = this.#options.reconciler;
    const waiting = calculation.remote
      .yielding()
      .map(({ prefix, target: { node, device = 'its way' } }) => ({
        subject: formatPrefix(prefix),
        reason: `on node ${node}: stays on ${device}, which its pool has no more, until BGP has a route there`,
      }));
    return [...this.#unreachable, ...waiting];
  }

  /** Of the UDP tunnel; undefined where there is none. */
  forwarderCounters(): Promise<ForwarderCounters | undefined> {
    return this.#tunnels.forwarderCounters();
  }

  /** What pods may send at once: what the underlay carries, less what the tunnels take of it. */
  podMtu(underlayMtu: number): number {
    const inTunnels = this.#desired.map((tunnel) => mtuOf(tunnel, underlayMtu));
    return Math.min(underlayMtu, ...inTunnels);
  }

  /** The devices that some route of this node leads into, or may for others. */
  inUse(): ReadonlySet<string> {
    return this.#sends.union(this.#lingering);
  }

  close(): void {
    for (const timer of this.#lingering.values()) timer.cancel();
    this.#tunnels.close();
  }

  /** Another node may have begun to send by it just before it heard of the change; what it says of that is on its way. */
  #linger(device: string): void {
    this.#lingering.get(device)?.cancel();
    const timer = this.#options.clock.after(LINGER_MS, () => {
      this.#lingering.delete(device);
      this.#review();
      this.#tell();
    });
    this.#lingering.set(device, timer);
  }

  #passed(): void {
    this.#route();
    this.#tell();
  }

  #review(): void {
    if (this.#input === undefined) return;
    this.#desired = tunnelsOf(this.#input, this.inUse());
    this.#tunnels.set(this.#desired);
  }

  #route(): void {
    if (this.#input === undefined) return;
    const { calculation } = this.#options.reconciler;
    const found = this.#found;
    const next = overlay(this.#input, {
      isReady: (block, way) => this.#tunnels.isReady(block, way),
      wayTo: (block, node) => calculation.remote.get(block) ?? found?.wayTo(block, node),
      isLearned: (block) => calculation.remote.wasBgps(block) || found?.isLearned(block) === true,
    });
    this.#found = undefined;
    this.#unreachable = next.unreachable;
    this.#options.reconciler.setOverlay(next);
    this.#sends = this.#sends.union(calculation.remote.devices());
  }

  #tell(): void {
    if (!this.#isOpen) return;
    const receiving = tunnelsOfPools(this.#input)
      .filter(({ kind, family }) => this.#tunnels.receives(kind, family))
      .map(({ kind, family }) => tunnelName(kind, family));
    const use = {
      receivingTunnels: [...new Set(receiving)].sort(),
      sendingTunnels: [...this.inUse()].sort(),
    };
    const text = JSON.stringify(use);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.onUse(use);
  }
}

function devicesOf(input: OverlayInput | undefined): Set<string> {
  return new Set(tunnelsOfPools(input).map(({ kind, family }) => deviceName(kind, family)));
}

/** One a pool. */
function tunnelsOfPools(input: OverlayInput | undefined): { kind: TunnelKind; family: Family }[] {
  return (input?.pools ?? []).flatMap(({ prefix, tunnel: kind }) =>
    kind === undefined ? [] : [{ kind, family: prefix.address.family }],
  );
}
