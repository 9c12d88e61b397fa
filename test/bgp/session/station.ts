/** Two kinds of ends for a session under test: a real one with a RIB that only takes notes, and a scripted one. */

import {
  type Capability,
  encodeKeepalive,
  encodeOpen,
  HEADER_LENGTH,
  MESSAGE_NOTIFICATION,
  messageTypeName,
  type Open,
  type WireError,
} from 'bgp-parser-ts';
import { Schedule } from '../../../bgp/schedule.ts';
import { Framer } from '../../../bgp/session/framer.ts';
import { Peer } from '../../../bgp/session/peer.ts';
import type { SessionSettings } from '../../../bgp/session/settings.ts';
import { Listeners } from '../../../bgp/transport/listeners.ts';
import type { Stream } from '../../../bgp/transport/transport.ts';
import { recordingLog, type World } from './world.ts';

const PORT = 179;

export interface StationOptions {
  readonly address: string;
  readonly peer: string;
  readonly routerId?: number;
  readonly remoteAs?: number;
  readonly holdTimeSec?: number;
  readonly passive?: boolean;
  readonly delayOpenSec?: number;
  /** 0: no graceful restart. @default 0 */
  readonly restartTimeSec?: number;
}

/** One speaker with one peer. */
export class Station {
  readonly peer: Peer;
  readonly log: string[] = [];
  /** What the RIB was told: `up`, `down`, `down but 4`, `forget 4`, `refresh IPv4`. */
  readonly told: string[] = [];
  readonly updates: Uint8Array[] = [];
  /** Taken by the session as it can send. */
  readonly toSend: Uint8Array[] = [];
  /** What the next UPDATE is answered with. */
  verdict: WireError | undefined;
  /** Called with each UPDATE. */
  onUpdate = () => {};
  initialRoutes = 0;
  closing = 0;

  constructor(world: World, options: StationOptions) {
    const { address, peer, passive = false, holdTimeSec = 9, delayOpenSec = 0 } = options;
    const { clock, random, immediate } = world;
    const transport = world.host(address);
    const log = recordingLog(this.log);
    const settings: SessionSettings = {
      remote: { address: peer, port: PORT },
      sourceAddress: undefined,
      terms: {
        localAs: 64512,
        routerId: options.routerId ?? Number(address.split('.').at(-1)),
        remoteAs: options.remoteAs ?? 64512,
        holdTimeSec,
        families: [4, 6],
        addPath: { send: false, receive: false },
        extendedNextHop: false,
        gracefulRestart: options.restartTimeSec
          ? { restartTimeSec: options.restartTimeSec, longLivedStaleTimeSec: 0, notification: true }
          : undefined,
      },
      attributes: {
        passive,
        connectRetryMs: 3_000,
        delayOpenMs: delayOpenSec * 1000,
        keepaliveMs: Infinity,
      },
    };
    const routes = {
      peerUp: () => this.told.push('up'),
      peerDown: (_: number, kept: readonly number[] = []) =>
        this.told.push(['down', ...(kept.length > 0 ? ['but', ...kept] : [])].join(' ')),
      forgetStale: (_: number, family: number) => this.told.push(`forget ${family}`),
      longLive: (_: number, family: number) => this.told.push(`long-lived ${family}`),
      received: () => this.updates.length,
      refresh: (_: number, family: number) => this.told.push(`refresh IPv${family}`),
      refreshBegins: (_: number, family: number) => this.told.push(`refresh IPv${family} begins`),
      update: (_: number, bytes: Uint8Array, start: number, end: number) => {
        this.updates.push(bytes.slice(start, end));
        this.onUpdate();
        return this.verdict;
      },
      pull: () => this.toSend.splice(0, 1),
    };
    const schedule = new Schedule(clock, immediate);
    const restart = { restarted: false, forwarding: true };
    const around = { clock, random, schedule, transport, restart };
    const events = {
      sessionUp() {},
      sessionDown() {},
      sessionChanged() {},
      waiting() {},
      initialRoutesIn: () => this.initialRoutes++,
      closing: () => {
        this.closing++;
        return () => this.closing--;
      },
    };
    this.peer = new Peer(settings, 0, routes, around, events, log);
    const incoming = (stream: Stream) => this.peer.incoming(stream);
    new Listeners({ transport, clock, random, log, incoming }).set([{ address, port: PORT }]);
  }

  get state(): string {
    return this.peer.status.state;
  }

  /** `sent 4/0`, `received 6/2`, `transport …`. */
  get lastError(): string | undefined {
    const error = this.peer.status.lastError;
    if (error === undefined) return undefined;
    if (error.source === 'transport') return `transport ${error.name}`;
    return `${error.source.replace('notification ', '')} ${error.code}/${error.subcode}`;
  }
}

/** One TCP connection whose every byte the test chooses. */
export class Wire {
  /** `OPEN`, `KEEPALIVE`, `NOTIFICATION 6/2` …, as they came. */
  readonly received: string[] = [];
  isConnected = false;
  closedWhy: string | undefined;
  readonly stream: Stream;
  readonly #framer = new Framer();

  constructor(stream: Stream) {
    this.stream = stream;
    stream.attach({
      connected: () => {
        this.isConnected = true;
      },
      data: (chunk) => this.#read(chunk),
      writable() {},
      closed: (why) => {
        this.closedWhy = why;
      },
    });
  }

  static dial(world: World, from: string, to: string): Wire {
    return new Wire(world.host(from).connect({ address: to, port: PORT }, undefined, {}));
  }

  /** All connections that come to `address`, as they come. */
  static listen(world: World, address: string): Wire[] {
    const wires: Wire[] = [];
    world.host(address).listen(
      { address, port: PORT },
      {
        listening() {},
        incoming: (stream) => wires.push(new Wire(stream)),
        failed(why) {
          throw new Error(why);
        },
      },
    );
    return wires;
  }

  send(...messages: Uint8Array[]): boolean {
    return this.stream.write(messages);
  }

  open(fields: Partial<Open> = {}): void {
    this.send(openOf(fields));
  }

  keepalive(): void {
    this.send(encodeKeepalive());
  }

  #read(chunk: Uint8Array): void {
    this.#framer.push(chunk);
    for (;;) {
      const found = this.#framer.next(4096);
      if (found === false) return;
      if (found !== true) throw new Error(`the station sent garbage: ${found.text}`);
      const { bytes, start } = this.#framer;
      const type = bytes[start + HEADER_LENGTH - 1]!;
      const why = type === MESSAGE_NOTIFICATION ? ` ${bytes[start + 19]}/${bytes[start + 20]}` : '';
      this.received.push(`${messageTypeName(type)}${why}`);
    }
  }
}

/** What an iBGP peer with both families announces at least. */
export const CAPABILITIES: readonly Capability[] = [
  { kind: 'multiprotocol', afi: 1, safi: 1 },
  { kind: 'multiprotocol', afi: 2, safi: 1 },
  { kind: 'four-octet-as', as: 64512 },
];

/** The OPEN of an iBGP peer with both families; `as` also goes into capability 65. */
export function openOf(fields: Partial<Open> = {}): Uint8Array {
  const { as = 64512 } = fields;
  const [ipv4, ipv6] = CAPABILITIES;
  const capabilities = [ipv4!, ipv6!, { kind: 'four-octet-as', as } as const];
  return encodeOpen({ as, holdTime: 9, routerId: 200, capabilities, ...fields });
}

/** An UPDATE without routes, `padding` octets of one unknown optional attribute long. */
export function bigUpdate(padding: number): Uint8Array {
  const length = HEADER_LENGTH + 4 + 4 + padding;
  const message = new Uint8Array(length);
  message.fill(0xff, 0, 16);
  message.set([length >> 8, length & 255, 2, 0, 0, (4 + padding) >> 8, (4 + padding) & 255], 16);
  message.set([0xd0, 99, padding >> 8, padding & 255], 23);
  return message;
}
