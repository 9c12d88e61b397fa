/**
 * BFD beside BGP: a session for each peer that wants one, and the ports that they share.
 *
 * A session lives as long as the BGP session that it watches is Established. BGP finds the peer and
 * BFD follows (RFC 5882 §4.1): nothing says beforehand whether the peer does BFD too, so BGP does
 * not wait for it. And a peer in a graceful restart has none that its restart could bring down
 * (§4.3.2: it shares fate with the control plane on our side, whatever the peer's does).
 */

import { type Address, equalAddresses, type Family } from 'net-ipaddr';
import type { Log, Timer } from '../../ports.ts';
import { decodePacket, type PacketFault } from './packet.ts';
import { type BfdStatus, Session, type SessionSurroundings } from './session.ts';
import type { Datagram, Hops } from './transport.ts';

export interface BfdSettings {
  /** Milliseconds between packets that we want to send and to receive. */
  readonly intervalMs: number;
  /** Packets missing in a row that mean that the path is down. */
  readonly detectMult: number;
  /** @default by whether a subnet of one of our interfaces holds the peer */
  readonly hops?: Hops;
}

/** What is to be watched. */
export interface Watched {
  readonly settings: BfdSettings;
  readonly local: Address;
  readonly remote: Address;
  /** Name of the interface of link-local addresses. */
  readonly device: string | undefined;
  /** Over several hops, where the operator knows how many (RFC 5082 §3). @default any */
  readonly minTtl: number | undefined;
  /** The path failed. Not called for what either side took down on purpose (RFC 5882 §4.2). */
  readonly failed: (why: string) => void;
}

/** Why a datagram was dropped. */
type DropReason = PacketFault | 'TTL' | 'no session' | 'wrong path';

export type BfdDrops = Readonly<Partial<Record<DropReason, number>>>;

/** RFC 5881 §5: only a neighbour can send this. */
const NEIGHBOUR_TTL = 255;
const LISTEN_RETRY_MS = 5_000;
const MAX_DISCRIMINATOR = 0xffff_ffff;

interface Watch {
  readonly session: Session;
  readonly watched: Watched;
}

/** The port of one family and kind, open while a session needs it. */
interface Port {
  listener: { close(): void } | undefined;
  retry: Timer | undefined;
}

export class Bfd {
  readonly #around: SessionSurroundings;
  readonly #log: Log;
  /** By the peer's name. */
  readonly #watches = new Map<string, Watch>();
  /** Those that say goodbye, too. */
  readonly #byDiscriminator = new Map<number, Session>();
  readonly #ports = new Map<string, Port>();
  readonly #dropped = new Map<DropReason, number>();

  constructor(around: SessionSurroundings, log: Log) {
    this.#around = around;
    this.#log = log;
  }

  /** How `peer` is to be watched from now on; undefined: not at all. Other timers reset nothing. */
  watch(peer: string, wanted: Watched | undefined): void {
    const watch = this.#watches.get(peer);
    if (watch !== undefined && wanted !== undefined && isSamePath(watch.watched, wanted)) {
      watch.session.minTtl = minTtlOf(wanted, watch.session.path.hops);
      watch.session.retime(timingOf(wanted.settings));
      this.#watches.set(peer, { session: watch.session, watched: wanted });
      return;
    }
    if (watch !== undefined) {
      this.#watches.delete(peer);
      watch.session.end(() => this.#forget(watch.session));
    }
    if (wanted !== undefined) this.#open(peer, wanted);
  }

  status(peer: string): BfdStatus | undefined {
    return this.#watches.get(peer)?.session.status;
  }

  /** Datagrams dropped so far, by reason. */
  get dropped(): BfdDrops {
    return Object.fromEntries(this.#dropped);
  }

  /** All is over. @param isTold by AdminDown; else by silence, which is noticed after the detection time. */
  close({ isTold }: { isTold: boolean }): void {
    this.#watches.clear();
    for (const session of [...this.#byDiscriminator.values()]) {
      if (isTold) session.end(() => {});
      this.#forget(session);
    }
  }

  #open(peer: string, watched: Watched): void {
    const { settings, local, remote, device, failed } = watched;
    const hops = settings.hops ?? (this.#around.transport.isOnLink(remote) ? 'single' : 'multi');
    const path = { local, remote, device, hops };
    // What still says goodbye on this path would speak against the new one.
    for (const session of [...this.#byDiscriminator.values()]) {
      if (equalAddresses(session.path.remote, remote) && session.path.device === device) {
        this.#forget(session);
      }
    }
    this.#listen(remote.family, hops);
    const localDiscriminator = this.#newDiscriminator();
    const minTtl = minTtlOf(watched, hops);
    const options = { ...timingOf(settings), path, minTtl, localDiscriminator, failed };
    const session = new Session(options, this.#around, this.#log.child({ peer }));
    this.#byDiscriminator.set(localDiscriminator, session);
    this.#watches.set(peer, { session, watched });
  }

  #forget(session: Session): void {
    session.close();
    this.#byDiscriminator.delete(session.localDiscriminator);
    const { hops, remote } = session.path;
    const isUsed = [...this.#byDiscriminator.values()].some(
      ({ path }) => path.hops === hops && path.remote.family === remote.family,
    );
    if (isUsed) return;
    const key = `${remote.family} ${hops}`;
    const port = this.#ports.get(key);
    this.#ports.delete(key);
    port?.retry?.cancel();
    port?.listener?.close();
  }

  /** Unique among ours, not 0, and not to be guessed (RFC 5880 §6.8.1). */
  #newDiscriminator(): number {
    for (;;) {
      const discriminator = 1 + Math.floor(this.#around.random() * MAX_DISCRIMINATOR);
      if (!this.#byDiscriminator.has(discriminator)) return discriminator;
    }
  }

  // Receiving

  #listen(family: Family, hops: Hops): void {
    const key = `${family} ${hops}`;
    if (this.#ports.has(key)) return;
    const port: Port = { listener: undefined, retry: undefined };
    this.#ports.set(key, port);
    this.#tryToListen(port, family, hops);
  }

  #tryToListen(port: Port, family: Family, hops: Hops): void {
    const { transport, clock, random } = this.#around;
    try {
      port.listener = transport.listen(family, hops, (datagram) => this.#received(datagram, hops));
    } catch (error) {
      const why = (error as Error).message;
      this.#log.warn({ why }, 'cannot receive BFD packets; will try again');
      port.retry = clock.after(LISTEN_RETRY_MS * (0.75 + 0.25 * random()), () =>
        this.#tryToListen(port, family, hops),
      );
    }
  }

  #received(datagram: Datagram, hops: Hops): void {
    const reason = this.#deliver(datagram, hops);
    if (reason !== undefined) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  /** RFC 5880 §6.8.6 up to the choice of the session. Returns why there is none for the datagram. */
  #deliver(datagram: Datagram, hops: Hops): DropReason | undefined {
    const packet = decodePacket(datagram.bytes);
    if (typeof packet === 'string') return packet;
    const { yourDiscriminator } = packet;
    const session =
      yourDiscriminator === 0
        ? this.#sessionOf(datagram, hops)
        : this.#byDiscriminator.get(yourDiscriminator);
    if (session === undefined) return 'no session';
    if (!session.accepts(datagram, hops)) return 'wrong path';
    if (datagram.ttl < session.minTtl) return 'TTL';
    session.received(packet);
    return undefined;
  }

  /** A first packet does not know our discriminator: it is known by the way it came. */
  #sessionOf(datagram: Datagram, hops: Hops): Session | undefined {
    for (const { session } of this.#watches.values()) {
      if (session.accepts(datagram, hops)) return session;
    }
    return undefined;
  }
}

function timingOf({ intervalMs, detectMult }: BfdSettings) {
  return { intervalUs: intervalMs * 1000, detectMult };
}

function minTtlOf({ minTtl = 0 }: Watched, hops: Hops): number {
  return hops === 'single' ? NEIGHBOUR_TTL : minTtl;
}

function isSamePath(a: Watched, b: Watched): boolean {
  return (
    a.settings.hops === b.settings.hops &&
    a.device === b.device &&
    equalAddresses(a.local, b.local) &&
    equalAddresses(a.remote, b.remote)
  );
}
