/**
 * Keeps the tunnel devices as they should be, with their addresses and peers: made when a pool needs
 * them, mended when somebody changed or deleted them or their link flapped, removed when none does.
 *
 * Each pass reads all that there is and writes the difference, so it does not matter what brought it on.
 */

import { type Family, formatAddress, type Prefix } from 'net-ipaddr';
import type { AddressEntry, Link, Monitor, NetlinkError, NetlinkEvent } from 'rtnetlink-ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { RemoteTarget } from '../calc/route.ts';
import type { IpipTunnel, Tunnel, UdpTunnel, VxlanTunnel } from '../calc/tunnels.ts';
import type { Kernel } from '../kernel.ts';
import { deviceName, isPodInterface, TUNNEL_DEVICES, type TunnelKind } from '../ours.ts';
import type { Report } from '../report.ts';
import { Resync } from '../resync.ts';
import { AddressWaits } from './address-waits.ts';
import {
  addressOperations,
  bareOperations,
  deviceOf,
  deviceOperations,
  fits,
  mtuOf,
} from './device.ts';
import { LINK_KIND } from './kinds.ts';
import { peerOperations } from './peers.ts';
import { type Reach, reaches, reachOf } from './reach.ts';
import { filtersToLoosen } from './reverse-path.ts';
import { Forwarder } from './udp/forwarder.ts';
import type { ForwarderCounters } from './udp/question.ts';
import { forwarderTable } from './udp/table.ts';
import { type Underlay, underlayOf } from './underlay.ts';

export interface TunnelsOptions {
  kernel: Kernel;
  clock: Clock;
  random: Random;
  log: Log;
  /** Where the UDP forwarder finds its table, and answers. Made if need be. */
  forwarderFolder: string;
  /** All has been looked at, and mended as far as it could be. */
  onPass(): void;
  /** The kernel has no such tunnels. Told once, as the log is. */
  onLack(device: string, reason: string): void;
}

/** A device that was as it should be when last looked at. */
interface InPlace {
  readonly families: ReadonlySet<Family>;
  /** Where it leads to. */
  readonly reach: Reach;
}

/** What the host has, read at the beginning of a pass. */
interface Present {
  readonly links: readonly Link[];
  readonly addresses: readonly AddressEntry[];
}

export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #resync: Resync;
  readonly #forwarder: Forwarder;
  readonly #addressWaits: AddressWaits;
  /** By device: why it is not as it should be. */
  readonly #problems = new Map<string, string>();
  /** By device. */
  readonly #inPlace = new Map<string, InPlace>();
  /** Indices of tunnel devices, as the last pass found them. */
  #devices: ReadonlySet<number> = new Set();
  #desired: readonly Tunnel[] = [];
  #isClosed = false;
  #monitor: Monitor | undefined;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    const { clock, forwarderFolder: folder, kernel, log, random } = options;
    const failure = 'a tunnel is not as it should be';
    this.#resync = new Resync({ clock, random, log, failure, read: () => this.#pass() });
    this.#addressWaits = new AddressWaits(clock, () => this.#resync.soon());
    const { forwarder: program } = kernel;
    const onLack = (reason: string) => options.onLack(deviceName('udp', 4), reason);
    const onAnswer = () => void this.#resync.now();
    this.#forwarder = new Forwarder({ clock, folder, log, onAnswer, onLack, program, random });
  }

  /** From now on the kernel is written to, and devices that `set` has not named go. Resolves after the first pass. */
  open(): Promise<void> {
    this.#monitor = this.#options.kernel.host.monitor(
      ['link', 'address', 'neighbour'],
      (event) => this.#hear(event),
      () => this.#resync.soon(),
    );
    return this.#resync.now();
  }

  /** All that should be there, each time. That others are needed is no hint, which may have to rest: pods wait for it. */
  set(tunnels: readonly Tunnel[]): void {
    const areOthers = described(tunnels) !== described(this.#desired);
    this.#desired = tunnels;
    // Before the device goes: who needs it again meanwhile waits until it has come back.
    for (const name of this.#inPlace.keys())
      if (this.#desiredOf(name).length === 0) this.#inPlace.delete(name);
    if (this.#monitor === undefined) return;
    if (areOthers) void this.#resync.now();
    else this.#resync.soon();
  }

  /** How often all is read without a hint, in ms; 0: never. */
  setRefreshInterval(intervalMs: number): void {
    this.#resync.every(intervalMs);
  }

  /** Reads everything again now, and mends it. */
  resync(): Promise<void> {
    return this.#monitor === undefined ? Promise.resolve() : this.#resync.now();
  }

  /** Whether packets for this block can be sent so. Yes where there is no device: the host knows the way. */
  isReady(block: Prefix, way: RemoteTarget): boolean {
    if (way.device === undefined) return true;
    const { reach } = this.#inPlace.get(way.device) ?? {};
    return reach !== undefined && reaches(reach, block, way);
  }

  /** Whether what comes by it is taken. */
  receives(kind: TunnelKind, family: Family): boolean {
    return this.#inPlace.get(deviceName(kind, family))?.families.has(family) === true;
  }

  problems(): Report[] {
    const problems = Array.from(this.#problems, ([subject, reason]) => ({ subject, reason }));
    const { problem } = this.#forwarder;
    return problem === undefined
      ? problems
      : [...problems, { subject: deviceName('udp', 4), reason: problem }];
  }

  /** Of the UDP tunnel; undefined where there is none. */
  forwarderCounters(): Promise<ForwarderCounters | undefined> {
    return this.#forwarder.counters();
  }

  close(): void {
    this.#isClosed = true;
    this.#addressWaits.close();
    this.#forwarder.release();
    this.#monitor?.close();
    this.#resync.close();
  }

  /** Pods and their neighbours come and go all the time, and mean nothing here. */
  #hear(event: NetlinkEvent): void {
    if (event.kind === 'link' && isPodInterface(event.link.name)) return;
    if (event.kind === 'neighbour' && !this.#devices.has(event.neighbour.link)) return;
    if (event.kind === 'fdb' && !this.#devices.has(event.fdb.link)) return;
    this.#resync.soon();
  }

  async #pass(): Promise<void> {
    const { host } = this.#options.kernel;
    const present = { links: await host.links(), addresses: await host.addresses() };
    this.#devices = new Set(
      present.links.filter(({ name }) => TUNNEL_DEVICES.includes(name)).map(({ index }) => index),
    );
    const wanted = new Map(TUNNEL_DEVICES.map((name) => [name, this.#desiredOf(name)]));
    const failed: string[] = [];
    for (const [name, tunnels] of wanted) {
      if (this.#isClosed) return;
      const link = present.links.find((one) => one.name === name);
      try {
        const isThere = await this.#bringAbout(name, tunnels, link, present);
        const lacksAddress = tunnels.some(({ address }) => address === undefined);
        const isWhole = !this.#addressWaits.awaits(name, lacksAddress);
        if (isThere && isWhole && this.#desiredOf(name).length > 0)
          this.#inPlace.set(name, {
            families: new Set(tunnels.map(({ family }) => family)),
            reach: reachOf(tunnels),
          });
        else this.#inPlace.delete(name);
        this.#problems.delete(name);
      } catch (error) {
        const { code, message } = error as NetlinkError;
        if (code === 'EOPNOTSUPP') this.#lacks(name);
        else {
          this.#problems.set(name, message);
          failed.push(`${name}: ${message}`);
        }
      }
    }
    this.#options.onPass();
    // What is tried again soon, and less and less often.
    if (failed.length > 0) throw new Error(failed.join('; '));
  }

  #desiredOf(device: string): readonly Tunnel[] {
    return this.#desired.filter(({ kind, family }) => deviceName(kind, family) === device);
  }

  /**
   * @param tunnels those of this device: none, one, or of UDP one a family.
   * @returns whether they are in place.
   */
  async #bringAbout(
    name: string,
    tunnels: readonly Tunnel[],
    link: Link | undefined,
    present: Present,
  ): Promise<boolean> {
    const [tunnel] = tunnels;
    if (tunnel === undefined) {
      await this.#remove(name, link, present);
      return false;
    }
    const kind = LINK_KIND[tunnel.kind];
    if (link !== undefined && link.kind !== kind)
      throw new Error(`an interface of this name is there and is no ${kind}: remove it`);
    if (tunnel.kind === 'udp') {
      const udp = tunnels.filter((one) => one.kind === 'udp');
      await this.#mendUdp(udp, link, present);
      return link !== undefined && this.#forwarder.hasAnswered;
    }
    await this.#mend(tunnel, link, present);
    return true;
  }

  async #mend(
    tunnel: VxlanTunnel | IpipTunnel,
    found: Link | undefined,
    present: Present,
  ): Promise<void> {
    const { host } = this.#options.kernel;
    const { addresses } = present;
    const underlay = underlayFor(tunnel, present);
    const device = deviceOf(tunnel, underlay);
    const isGood = found !== undefined && fits(found, device);
    if (found !== undefined && !isGood) await host.deleteLinks([found.index]);
    if (!isGood) this.#add(device);
    const link = host.link(device.name);
    if (link === undefined) throw new Error('it was made, and is gone again');
    this.#loosen(device.name, underlay.names);
    host.change(
      ...deviceOperations(link, device),
      ...addressOperations(link.index, [tunnel.address], isGood ? addresses : []),
    );
    if (tunnel.kind !== 'vxlan') return;
    const [neighbours, fdb] = [
      await host.neighbours({ link: link.index }),
      await host.fdb({ link: link.index }),
    ];
    const ofDevice = <T extends { link: number }>(entries: readonly T[]) =>
      entries.filter((entry) => entry.link === link.index);
    const entries = { neighbours: ofDevice(neighbours), fdb: ofDevice(fdb) };
    host.change(...peerOperations(link.index, tunnel.peers, entries));
  }

  #add(device: ReturnType<typeof deviceOf>): void {
    const [error] = this.#options.kernel.host.batch([{ action: 'add', link: device }]);
    // The module that makes IPIP devices brings one of this name.
    if (error !== undefined && error.code !== 'EEXIST') throw error;
    if (error !== undefined && this.#options.kernel.host.link(device.name) === undefined)
      throw error;
    this.#options.log.info({ device: device.name, mtu: device.mtu }, 'a tunnel is made');
  }

  #loosen(device: string, underlay: readonly string[]): void {
    const { log } = this.#options;
    const { sysctls } = this.#options.kernel;
    for (const key of filtersToLoosen(device, underlay, (name) => sysctls.read(name))) {
      sysctls.write({ [key]: '2' });
      log.info(
        { sysctl: key },
        'reverse-path filtering is loose where pods’ packets come by a tunnel or beside it',
      );
    }
  }

  /** The device comes with its forwarder, and brings about the next pass. */
  async #mendUdp(
    tunnels: readonly UdpTunnel[],
    link: Link | undefined,
    present: Present,
  ): Promise<void> {
    const underlays = tunnels.map((tunnel) => underlayFor(tunnel, present));
    const mtus = tunnels.map((tunnel, i) => mtuOf(tunnel, underlays[i]!.mtu));
    await this.#forwarder.run(forwarderTable(tunnels));
    if (link === undefined) return;
    this.#loosen(
      link.name,
      underlays.flatMap(({ names }) => names),
    );
    const addresses = tunnels.map(({ address }) => address);
    this.#options.kernel.host.change(
      ...deviceOperations(link, { mtu: Math.min(...mtus) }),
      ...addressOperations(link.index, addresses, present.addresses),
    );
  }

  async #remove(name: string, link: Link | undefined, { addresses }: Present): Promise<void> {
    const { host } = this.#options.kernel;
    if (link?.kind === 'tun') await this.#forwarder.dismiss();
    else if (name === deviceName('udp', 4)) this.#forwarder.release();
    if (link?.kind === 'vxlan' || link?.kind === 'tun') {
      await host.deleteLinks([link.index]);
      this.#options.log.info({ device: name }, 'a tunnel that no pool needs is removed');
    } else if (link?.kind === 'ipip' && link.up) {
      host.change(...bareOperations(link, addresses));
    }
  }

  /** Told once: it is so until the kernel is another, or has loaded a module. */
  #lacks(name: string): void {
    const reason =
      'this kernel has no such tunnels: by it no pod on another node is reached; all else works';
    if (this.#problems.get(name) !== reason) {
      this.#options.log.warn({ device: name }, reason);
      this.#options.onLack(name, reason);
    }
    this.#problems.set(name, reason);
    this.#inPlace.delete(name);
  }
}

/** But for who is at their other ends. */
function described(tunnels: readonly Tunnel[]): string {
  return tunnels
    .map(({ kind, family, address }) => `${kind} ${family} ${address && formatAddress(address)}`)
    .join();
}

/** @throws Error when no interface has the tunnel's outer address. */
function underlayFor({ local }: Tunnel, { links, addresses }: Present): Underlay {
  const underlay = underlayOf(local, links, addresses);
  if (underlay === undefined)
    throw new Error(`no interface has the node's address ${formatAddress(local)}`);
  return underlay;
}
