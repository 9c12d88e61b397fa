/**
 * A world for sessions: one virtual clock, one event loop with Node's phases (timers, poll,
 * immediates), and a network of hosts whose cables have a delay, can be cut, and have bounded
 * buffers. Everything happens in the order and at the time that the test's seed and steps say.
 */

import { formatPrefix, parseZonedAddress, type ZonedAddress } from 'net-ipaddr';
import type { Immediate } from '../../../bgp/schedule.ts';
import type {
  Guards,
  Listener,
  ListenerEvents,
  Stream,
  StreamEvents,
  Transport,
} from '../../../bgp/transport/transport.ts';
import type { Clock, Log, Random, Timer } from '../../../ports.ts';

const DELAY_MS = 1;
/** Written and not yet read by the other side, in all buffers together. */
const WINDOW_BYTES = 65_536;
/** The virtual clocks begin here, so that nobody takes the one for the other. */
const EPOCH_MS = 1_700_000_000_000;

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

export class World {
  #nowMs = 0;
  #order = 0;
  #timers: Pending[] = [];
  /** What the network delivers, when. */
  #arrivals: Pending[] = [];
  #immediates: (() => void)[] = [];
  readonly #listeners = new Map<string, { events: ListenerEvents; host: string }>();
  /** As told by each listener: `192.0.2.1/32 secret`. */
  readonly signingKeys = new Map<string, string[]>();
  readonly #cut = new Set<string>();
  readonly random: Random;

  constructor(seed = 1) {
    let state = seed;
    // Marsaglia's xorshift32: any sequence will do, as long as it is the same each time.
    this.random = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
  }

  readonly clock: Clock = {
    now: () => EPOCH_MS + this.#nowMs,
    monotonic: () => this.#nowMs,
    after: (delayMs, fn) => this.#later(this.#timers, Math.max(1, delayMs), fn),
  };

  readonly immediate: Immediate = (fn) => this.#immediates.push(fn);

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      this.#turn();
      if (this.#immediates.length > 0) continue;
      const nextMs = Math.min(...[...this.#timers, ...this.#arrivals].map(({ atMs }) => atMs));
      if (nextMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, nextMs);
    }
    this.#nowMs = untilMs;
  }

  /** The loop is stuck for `ms`: time passes, and nothing is done. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  /** Between two hosts nothing arrives any more, and neither side is told. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  mend(a: string, b: string): void {
    this.#cut.delete(`${a} ${b}`);
    this.#cut.delete(`${b} ${a}`);
  }

  /** One turn of the loop, in the order of Node's phases. */
  #turn(): void {
    runDue(this.#timers, this.#nowMs);
    runDue(this.#arrivals, this.#nowMs);
    const immediates = this.#immediates;
    this.#immediates = [];
    for (const fn of immediates) fn();
  }

  #later(queue: Pending[], delayMs: number, fn: () => void): Timer {
    const pending = { atMs: this.#nowMs + delayMs, order: this.#order++, fn };
    queue.push(pending);
    queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    return {
      cancel() {
        const index = queue.indexOf(pending);
        if (index >= 0) queue.splice(index, 1);
      },
    };
  }

  /** Called by streams: `fn` happens at the other end, unless the cable is cut by then. */
  deliver(from: string, to: string, fn: () => void): void {
    this.#later(this.#arrivals, DELAY_MS, () => {
      if (!this.#cut.has(`${from} ${to}`)) fn();
    });
  }

  /** TCP as a host with this address sees it. */
  host(address: string): Transport {
    return {
      connect: (to, _sourceAddress, guards) => {
        const [near, far] = pair(this, address, to.address);
        near.guard(guards);
        this.deliver(address, to.address, () => {
          const listener = this.#listeners.get(`${to.address} ${to.port}`);
          if (listener === undefined) {
            this.deliver(to.address, address, () => near.fail('connect ECONNREFUSED'));
            return;
          }
          this.deliver(to.address, address, () => near.connected());
          listener.events.incoming(far);
        });
        return near;
      },
      listen: (at, events) => this.#listen(address, at.port, events),
    };
  }

  #listen(host: string, port: number, events: ListenerEvents): Listener {
    const key = `${host} ${port}`;
    let isOpen = true;
    this.#immediates.push(() => {
      if (!isOpen) return;
      if (this.#listeners.has(key)) {
        events.failed('listen EADDRINUSE');
        return;
      }
      this.#listeners.set(key, { events, host });
      events.listening(port);
    });
    return {
      setKeys: (keys) => {
        const texts = keys.map(
          ({ prefix, md5Key, aoKeys = [] }) =>
            `${formatPrefix(prefix)} ${md5Key ?? aoKeys.map(({ id, secret }) => `${id}:${secret}`)}`,
        );
        this.signingKeys.set(key, texts);
      },
      close: () => {
        isOpen = false;
        if (this.#listeners.get(key)?.events === events) this.#listeners.delete(key);
      },
    };
  }
}

function runDue(queue: Pending[], nowMs: number): void {
  // What becomes due meanwhile waits for the next turn.
  const due = queue.filter(({ atMs }) => atMs <= nowMs);
  for (const pending of due) {
    const index = queue.indexOf(pending);
    if (index < 0) continue; // cancelled by one before it
    queue.splice(index, 1);
    pending.fn();
  }
}

function pair(world: World, here: string, there: string): [VirtualStream, VirtualStream] {
  const near = new VirtualStream(world, here, there);
  const far = new VirtualStream(world, there, here);
  near.other = far;
  far.other = near;
  return [near, far];
}

class VirtualStream implements Stream {
  readonly #world: World;
  readonly #here: string;
  readonly #there: string;
  other!: VirtualStream;
  #events: StreamEvents | undefined;
  /** Here, and not read because we are paused, or not attached yet. */
  readonly #inbox: Uint8Array[] = [];
  #isPaused = false;
  #closedWhy: string | undefined;
  #unread = 0;
  #wantsWritable = false;
  #isGone = false;

  constructor(world: World, here: string, there: string) {
    this.#world = world;
    this.#here = here;
    this.#there = there;
  }

  guards: Guards = {};

  guard(guards: Guards): void {
    this.guards = guards;
  }

  get localAddress(): ZonedAddress {
    return parseZonedAddress(this.#here);
  }

  get remoteAddress(): ZonedAddress {
    return parseZonedAddress(this.#there);
  }

  // Who connected from which port makes no difference here.
  readonly localPort = 0;
  readonly remotePort = 0;

  attach(events: StreamEvents): void {
    this.#events = events;
    if (this.#inbox.length > 0) this.#world.immediate(() => this.#read());
  }

  connected(): void {
    if (!this.#isGone) this.#events?.connected();
  }

  fail(why: string): void {
    this.#closedWhy = why;
    this.#read();
  }

  write(pieces: readonly Uint8Array[]): boolean {
    const bytes = Buffer.concat(pieces);
    this.#unread += bytes.length;
    this.#world.deliver(this.#here, this.#there, () => this.other.arrived(bytes));
    this.#wantsWritable = this.#unread >= WINDOW_BYTES;
    return !this.#wantsWritable;
  }

  arrived(bytes: Uint8Array): void {
    this.#inbox.push(bytes);
    this.#read();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#world.immediate(() => this.#read());
  }

  end(done: () => void): void {
    this.#leave('the peer closed the connection');
    this.#world.deliver(this.#here, this.#here, done);
  }

  destroy(): void {
    this.#leave('read ECONNRESET');
  }

  #leave(why: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events = undefined;
    this.#world.deliver(this.#here, this.#there, () => this.other.fail(why));
  }

  #read(): void {
    while (!this.#isPaused && this.#events && this.#inbox.length > 0) {
      const bytes = this.#inbox.shift()!;
      this.#world.deliver(this.#here, this.#there, () => this.other.taken(bytes.length));
      this.#events.data(bytes);
    }
    if (this.#inbox.length > 0 || this.#isPaused || this.#closedWhy === undefined) return;
    const events = this.#events;
    this.#events = undefined;
    events?.closed(this.#closedWhy);
  }

  taken(bytes: number): void {
    this.#unread -= bytes;
    if (!this.#wantsWritable || this.#unread > 0) return;
    this.#wantsWritable = false;
    this.#events?.writable();
  }
}

/** Keeps what was logged, for tests that ask. */
export function recordingLog(lines: string[] = []): Log {
  const write = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return log;
}
