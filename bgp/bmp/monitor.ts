/** What collectors are told of all sessions: the sessions as they come and go, and what peers announce. */

import {
  AFI_IPV4,
  AFI_IPV6,
  decodeUpdate,
  encodeEndOfRib,
  encodeUpdate,
  SAFI_UNICAST,
} from 'bgp-parser-ts';
import type { Timer } from '../../ports.ts';
import type { AdjRibInDump } from '../adj-rib-in-dump.ts';
import type { UpdateListener } from '../routing-types.ts';
import type { MonitoredSession, SessionEnd } from '../session/monitored-session.ts';
import type { Endpoint } from '../transport/transport.ts';
import { Collector, type CollectorOptions, type CollectorStatus, type Feed } from './collector.ts';
import { initiation, PeerHead, type Statistics, termination } from './message.ts';

export interface MonitorOptions extends Omit<CollectorOptions, 'feed'> {
  readonly dump: () => AdjRibInDump | undefined;
  /** Of a peer, by its id. */
  readonly statistics: (peer: number) => Statistics;
  /** As ConnectionOwner.closing. */
  readonly closing: () => () => void;
}

export interface Monitoring {
  readonly collectors: readonly Endpoint[];
  /** §4.3: what this router calls itself. */
  readonly sysName: string;
  /** Between Statistics Reports; 0: none. */
  readonly statisticsMs: number;
}

const OFF: Monitoring = { collectors: [], sysName: '', statisticsMs: 0 };
const SYS_DESCR = 'Tortie';

interface Monitored {
  readonly session: MonitoredSession;
  readonly head: PeerHead;
}

export class Monitor implements Feed {
  readonly #options: MonitorOptions;
  #monitoring = OFF;
  readonly #collectors = new Map<string, Collector>();
  /** By peer id: those whose session is Established. */
  readonly #peers = new Map<number, Monitored>();
  #timer: Timer | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#collectors.size > 0;
  }

  get status(): CollectorStatus[] {
    return [...this.#collectors.values()].map(({ status }) => status);
  }

  /** Collectors that stay notice nothing. */
  set(monitoring: Monitoring): void {
    this.#monitoring = monitoring;
    const wanted = new Map(monitoring.collectors.map((at) => [`${at.address} ${at.port}`, at]));
    for (const [key, collector] of this.#collectors) {
      if (wanted.delete(key)) continue;
      collector.close(termination(), this.#options.closing());
      this.#collectors.delete(key);
    }
    for (const [key, at] of wanted) {
      this.#collectors.set(key, new Collector(at, { ...this.#options, feed: this }));
    }
    this.#restartTimer();
  }

  peerUp(peer: number, session: MonitoredSession): void {
    const monitored = { session, head: new PeerHead(session) };
    this.#peers.set(peer, monitored);
    const message = monitored.head.peerUp(this.#options.clock.now(), session);
    for (const collector of this.#collectors.values()) collector.send(message);
  }

  peerDown(peer: number, end: SessionEnd): void {
    const message = this.#peers.get(peer)?.head.peerDown(this.#options.clock.now(), end);
    this.#peers.delete(peer);
    if (message === undefined) return;
    for (const collector of this.#collectors.values()) collector.send(message);
  }

  /** Ends all sessions with collectors. */
  close(): void {
    this.set(OFF);
  }

  /** One with errors is told as what the RIB has made of it. */
  readonly update: UpdateListener = (peer, context, outcome, bytes, start, end) => {
    if (outcome === 'ok') {
      this.#tell(peer, context.as4, bytes, start, end);
      return;
    }
    const decoded = decodeUpdate(bytes, start, end, context);
    if ('error' in decoded) return;
    for (const piece of encodeUpdate(decoded.message, context)) {
      this.#tell(peer, context.as4, piece, 0, piece.length);
    }
  };

  // Feed

  begin(to: Collector): void {
    const nowMs = this.#options.clock.now();
    to.send(initiation(this.#monitoring.sysName, SYS_DESCR));
    for (const { head, session } of this.#peers.values()) to.send(head.peerUp(nowMs, session));
  }

  dump(): AdjRibInDump | undefined {
    return this.#options.dump();
  }

  dumpSome(dump: AdjRibInDump, to: Collector): boolean {
    const nowMs = this.#options.clock.now();
    const isMore = dump.step((peer, bytes, start, end) => {
      const head = this.#peers.get(peer)?.head;
      if (head) to.send(head.routeMonitoring(nowMs, end - start, true), bytes, start, end);
    });
    if (isMore) return true;
    // §5: the end of the initial routes of each peer.
    for (const { head } of this.#peers.values()) {
      for (const afi of [AFI_IPV4, AFI_IPV6]) {
        const mark = encodeEndOfRib(afi, SAFI_UNICAST);
        to.send(head.routeMonitoring(nowMs, mark.length, true), mark, 0, mark.length);
      }
    }
    return false;
  }

  #tell(peer: number, as4: boolean, bytes: Uint8Array, start: number, end: number): void {
    const head = this.#peers.get(peer)?.head;
    if (head === undefined) return;
    const filled = head.routeMonitoring(this.#options.clock.now(), end - start, as4);
    for (const collector of this.#collectors.values()) collector.send(filled, bytes, start, end);
  }

  #restartTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { statisticsMs } = this.#monitoring;
    if (!this.isOn || statisticsMs === 0) return;
    this.#timer = this.#options.clock.after(statisticsMs, () => {
      this.#report();
      this.#restartTimer();
    });
  }

  #report(): void {
    const nowMs = this.#options.clock.now();
    for (const [peer, { head }] of this.#peers) {
      const message = head.statistics(nowMs, this.#options.statistics(peer));
      for (const collector of this.#collectors.values()) collector.send(message);
    }
  }
}
