/**
 * One BFD session: gives the machine what the clock and the network bring, and sends what it says.
 * Timers and datagrams run straight from the event loop, never through the schedule's queues.
 */

import { equalAddresses } from 'net-ipaddr';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import type { Schedule } from '../schedule.ts';
import {
  detectionTimeExpired,
  detectionTimeUs,
  disabled,
  initial,
  isFailure,
  jitteredUs,
  type Machine,
  outgoing,
  received,
  retimed,
  sends,
  type Timing,
  transmitIntervalUs,
} from './machine.ts';
import { type ControlPacket, diagnosticName, encodePacket, type State } from './packet.ts';
import type { BfdTransport, Datagram, Hops, Path, Sender } from './transport.ts';

export interface SessionSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly schedule: Pick<Schedule, 'afterPoll'>;
  readonly transport: BfdTransport;
}

export interface SessionOptions extends Timing {
  readonly path: Path;
  /** Packets with less are not ours. */
  readonly minTtl: number;
  readonly localDiscriminator: number;
  /** The path was Up and is not any more (RFC 5882 §4.2). */
  readonly failed: (why: string) => void;
}

/** A session as it is now. Times are in milliseconds, `sinceMs` since the epoch. */
export interface BfdStatus {
  readonly state: State;
  readonly sinceMs: number;
  /** Why it last left Up, in the words of RFC 5880 §4.1. */
  readonly diagnostic: string;
  readonly hops: Hops;
  readonly localDiscriminator: number;
  /** Between our packets, before jitter. */
  readonly transmitIntervalMs: number;
  /** Silence after which it is down; 0 while nobody is heard. */
  readonly detectionTimeMs: number;
  /** As the latest packet says; undefined before the first. */
  readonly remote: BfdRemote | undefined;
  readonly sent: number;
  /** Packets that the kernel did not take. */
  readonly sendFailures: number;
  readonly lastSendFailure: string | undefined;
  readonly received: number;
}

export interface BfdRemote {
  readonly state: State;
  readonly diagnostic: string;
  readonly discriminator: number;
  readonly detectMult: number;
  readonly desiredMinTxMs: number;
  readonly requiredMinRxMs: number;
}

export class Session {
  readonly path: Path;
  readonly localDiscriminator: number;
  minTtl: number;
  readonly #around: SessionSurroundings;
  readonly #failed: (why: string) => void;
  readonly #log: Log;

  #machine: Machine;
  #sinceMs: number;
  #sender: Sender | undefined;
  #isClosed = false;

  #transmitTimer: Timer | undefined;
  /** What the timer was set for. */
  #scheduledUs: number | undefined;
  #detectTimer: Timer | undefined;
  #endTimer: Timer | undefined;
  #detectAtMs = 0;

  #sentAtMs: number;
  #heardAtMs = 0;
  #heard: ControlPacket | undefined;
  #sent = 0;
  #received = 0;
  #sendFailures = 0;
  #lastSendFailure: string | undefined;

  constructor(options: SessionOptions, around: SessionSurroundings, log: Log) {
    const { clock } = around;
    this.path = options.path;
    this.minTtl = options.minTtl;
    this.localDiscriminator = options.localDiscriminator;
    this.#around = around;
    this.#failed = options.failed;
    this.#log = log;
    this.#machine = initial({ ...options, passive: false });
    this.#sinceMs = clock.now();
    this.#sentAtMs = clock.monotonic();
    this.#transmit(false);
    this.#scheduleTransmit();
  }

  get status(): BfdStatus {
    const machine = this.#machine;
    return {
      state: machine.state,
      sinceMs: this.#sinceMs,
      diagnostic: diagnosticName(machine.diag),
      hops: this.path.hops,
      localDiscriminator: this.localDiscriminator,
      transmitIntervalMs: transmitIntervalUs(machine) / 1000,
      detectionTimeMs: detectionTimeUs(machine) / 1000,
      remote: this.#heard && remoteOf(this.#heard),
      sent: this.#sent,
      sendFailures: this.#sendFailures,
      lastSendFailure: this.#lastSendFailure,
      received: this.#received,
    };
  }

  /** Whether a datagram came the way that this session's come (RFC 5881 §3, RFC 5883 §4). */
  accepts({ source, destination, interface: index }: Datagram, hops: Hops): boolean {
    const { local, remote } = this.path;
    const device = this.#sender?.interface ?? 0;
    return (
      hops === this.path.hops &&
      equalAddresses(source, remote) &&
      equalAddresses(destination, local) &&
      (device === 0 || device === index)
    );
  }

  received(packet: ControlPacket): void {
    this.#received++;
    this.#heard = packet;
    this.#heardAtMs = this.#around.clock.monotonic();
    this.#become(received(this.#machine, packet), packet.poll);
  }

  /** Other timers: agreed on by a poll sequence, without a reset. */
  retime(timing: Timing): void {
    this.#become(retimed(this.#machine, timing));
  }

  /**
   * Ends it, so that the other side does not take it for a failure: AdminDown is told for a
   * detection time (RFC 5880 §6.8.16). `ended` is called when nothing more is sent; at once where
   * there is nobody who would miss us.
   */
  end(ended: () => void): void {
    if (this.#machine.remoteDiscriminator === 0) {
      ended();
      return;
    }
    this.#become(disabled(this.#machine));
    const detectionMs = (this.#machine.detectMult * transmitIntervalUs(this.#machine)) / 1000;
    this.#endTimer = this.#around.clock.after(detectionMs, ended);
  }

  /** Nothing is sent or judged any more. */
  close(): void {
    this.#isClosed = true;
    this.#transmitTimer?.cancel();
    this.#detectTimer?.cancel();
    this.#endTimer?.cancel();
    this.#sender?.close();
  }

  #become(next: Machine, isPolled = false): void {
    const before = this.#machine;
    this.#machine = next;
    // §6.8.7: a Poll is answered, and news is told, without waiting for the next turn.
    if (isPolled) this.#transmit(true);
    else if (!saysTheSame(before, next) && sends(next)) this.#transmit(false);
    this.#scheduleTransmit();
    this.#scheduleDetect();
    if (next.state === before.state) return;
    this.#sinceMs = this.#around.clock.now();
    const why = diagnosticName(next.diag);
    this.#log.info({ from: before.state, to: next.state, why }, 'BFD session state');
    if (isFailure(before, next)) this.#failed(why);
  }

  // Sending

  #transmit(final: boolean): void {
    // A Final goes out beside the periodic packets (§6.8.7).
    if (!final) this.#sentAtMs = this.#around.clock.monotonic();
    const why = this.#send(encodePacket(outgoing(this.#machine, final)));
    if (why === undefined) {
      this.#sent++;
    } else {
      this.#sendFailures++;
      this.#lastSendFailure = why;
    }
  }

  #send(bytes: Uint8Array): string | undefined {
    try {
      // Opened with the first packet, so that what hinders it is tried again with the next.
      this.#sender ??= this.#around.transport.open(this.path);
      return this.#sender.send(bytes);
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** A new interval counts from the packet before (§6.8.3). */
  #scheduleTransmit(): void {
    const intervalUs = sends(this.#machine) ? transmitIntervalUs(this.#machine) : undefined;
    if (intervalUs === this.#scheduledUs) return;
    this.#transmitTimer?.cancel();
    this.#scheduledUs = intervalUs;
    if (intervalUs === undefined) return;
    const { clock, random } = this.#around;
    const dueMs = this.#sentAtMs + jitteredUs(this.#machine, random) / 1000;
    this.#transmitTimer = clock.after(Math.max(0, dueMs - clock.monotonic()), () => {
      this.#scheduledUs = undefined;
      this.#transmit(false);
      this.#scheduleTransmit();
    });
  }

  // Detection

  /** Each packet moves the deadline; the timer looks at it when it rings. */
  #scheduleDetect(): void {
    if (this.#machine.remoteDiscriminator === 0) {
      this.#detectTimer?.cancel();
      this.#detectTimer = undefined;
      return;
    }
    const deadlineMs = this.#deadlineMs();
    if (this.#detectTimer !== undefined && this.#detectAtMs <= deadlineMs) return;
    const { clock } = this.#around;
    this.#detectTimer?.cancel();
    this.#detectAtMs = deadlineMs;
    this.#detectTimer = clock.after(Math.max(0, deadlineMs - clock.monotonic()), () => {
      this.#detectTimer = undefined;
      if (this.#isSilent()) this.#around.schedule.afterPoll(() => this.#judge());
      else this.#scheduleDetect();
    });
  }

  /** After a stall of the loop timers fire before sockets are read: the packets may be waiting there. */
  #judge(): void {
    if (this.#isClosed) return;
    if (this.#isSilent()) this.#become(detectionTimeExpired(this.#machine));
    else this.#scheduleDetect();
  }

  #isSilent(): boolean {
    return this.#deadlineMs() <= this.#around.clock.monotonic();
  }

  #deadlineMs(): number {
    return this.#heardAtMs + detectionTimeUs(this.#machine) / 1000;
  }
}

/** Apart from Poll and Final, and from the discriminators. */
function saysTheSame(a: Machine, b: Machine): boolean {
  return (
    a.state === b.state &&
    a.diag === b.diag &&
    a.detectMult === b.detectMult &&
    a.desiredMinTxUs === b.desiredMinTxUs &&
    a.requiredMinRxUs === b.requiredMinRxUs
  );
}

function remoteOf(packet: ControlPacket): BfdRemote {
  return {
    state: packet.state,
    diagnostic: diagnosticName(packet.diag),
    discriminator: packet.myDiscriminator,
    detectMult: packet.detectMult,
    desiredMinTxMs: packet.desiredMinTxUs / 1000,
    requiredMinRxMs: packet.requiredMinRxUs / 1000,
  };
}
