/**
 * Where a speaker and other daemons play together, and the runner of scenarios. To add a topic, say
 * graceful restart, write two files, and touch no others:
 *
 *     // graceful-restart.scenarios.ts: what happens. It prints what was seen as one line of JSON.
 *     await play({
 *       async 'bird restarts'(stage) {
 *         const bird = new Bird(stage.host('bird'));
 *         await bird.start(birdConfig(bird.host, { as: 65_001, neighborAs: OUR_AS, … }));
 *         stage.configure([stage.peer(bird.host, 65_001)]);
 *         await until('the session', () => stage.isUp(bird.host));
 *         …
 *         return { sessions: stage.sessions, learned: [...stage.learned] };
 *       },
 *     });
 *
 *     // graceful-restart.test.ts: what should have been seen. Scenarios of one file play side by side.
 *     const play = player('graceful-restart.scenarios.ts');
 *     test.concurrent(
 *       'RFC 4724 §4.2: BIRD’s routes stay while it restarts',
 *       async () => expect(await play('bird restarts')).toEqual({ … }),
 *       DEADLINE_MS,
 *     );
 *
 * By hand: `unshare --net --mount --pid --fork --kill-child --mount-proc node FILE NAME`. A scenario waits
 * for states (`until`), never for a time; daemons, namespaces and files end with it.
 */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPrefix } from 'net-ipaddr';
import {
  type PeerConfig,
  type PeerStatus,
  type RouteStatus,
  Speaker,
  type SpeakerConfig,
  type SpeakerOptions,
} from '../../bgp/speaker.ts';
import { tcpTransport } from '../../bgp/transport/tcp.ts';
import type { Transport } from '../../bgp/transport/transport.ts';
import type { Clock, Log } from '../../ports.ts';
import { command, Host } from './daemons/host.ts';

export const OUR_AS = 64_512;
/** Needs RFC 6793. */
export const THEIR_AS = 4_200_000_001;

const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export class Stage {
  speaker: Speaker;
  /** Whether next hops can be reached, where a scenario has something to say about it. */
  resolve: NonNullable<SpeakerOptions['resolve']> = () => ({ reachable: true, cost: 0 });
  /** What onRoutes told: the prefixes that there is a route to from a peer. */
  readonly learned = new Set<string>();
  /** `<peer> up`, `<peer> down`, as they happened. */
  readonly sessions: string[] = [];
  /** What the speaker logged. */
  readonly log: string[] = [];
  readonly #up = new Set<string>();
  readonly #transport: Transport;
  readonly #scratch = mkdtempSync(join(tmpdir(), 'tortie-interop-'));
  readonly #hosts: Host[] = [];

  constructor(transport: Transport) {
    // Daemons that give up root read their configurations there.
    chmodSync(this.#scratch, 0o755);
    this.#transport = transport;
    this.speaker = this.#newSpeaker();
  }

  /** We end without a word, as by kill -9 or SIGTERM; another of us begins, to be configured. */
  async restart(meanwhile = async () => {}): Promise<void> {
    await this.speaker.close({ forGood: false });
    await meanwhile();
    this.learned.clear();
    this.#up.clear();
    this.speaker = this.#newSpeaker();
    this.speaker.restarted({ forwarding: true });
  }

  /** A machine for a daemon; it ends with the scenario. */
  host(name: string): Host {
    const host = new Host(this.#scratch, name, this.#hosts.length + 1);
    this.#hosts.push(host);
    return host;
  }

  configure(peers: PeerConfig[], more: Partial<SpeakerConfig> = {}): void {
    this.speaker.configure({
      localAs: OUR_AS,
      routerId: '10.9.1.1',
      listen: [
        { address: '0.0.0.0', port: 179 },
        { address: '::', port: 179 },
      ],
      connectRetrySec: 1,
      peers,
      originations: [],
      ...more,
    });
  }

  /** The daemon on `host` as our peer; `over6` says over which family the session goes. */
  peer(
    host: Host,
    remoteAs: number,
    { over6 = false, ...more }: Partial<PeerConfig> & { over6?: boolean } = {},
  ): PeerConfig {
    return {
      name: host.name,
      address: over6 ? host.address6 : host.address4,
      remoteAs,
      localAddress4: host.ours4,
      localAddress6: host.ours6,
      importPolicy: 'all',
      exportPolicy: 'all',
      ...more,
    };
  }

  status(host: Host): PeerStatus {
    return this.speaker.inspect().peers.find(({ name }) => name === host.name)!;
  }

  /** Whether the session is Established, and was told so: `sessions` has it. */
  isUp(host: Host): boolean {
    return this.#up.has(host.name);
  }

  /** How a peer's session stands, in the parts that tests look at. */
  summary(host: Host) {
    const { state, upCount, negotiated, lastNotification, routes } = this.status(host);
    return {
      state,
      upCount,
      families: negotiated?.families,
      remoteAddress: negotiated?.remoteAddress,
      fourOctetAs: negotiated?.fourOctetAs,
      received: routes.received,
      notification: lastNotification && `${lastNotification.source}: ${lastNotification.name}`,
    };
  }

  #newSpeaker(): Speaker {
    const note = (_: object, message: string) => void this.log.push(message);
    const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
    const transport = this.#transport;
    const speaker = new Speaker({
      ...{ clock, random: Math.random, log, transport },
      resolve: (nextHop) => this.resolve(nextHop),
    });
    speaker.onRoutes((ids, count, routes) => {
      for (const id of ids.subarray(0, count)) {
        const prefix = formatPrefix(routes.prefix(id));
        if (routes.hasRoute(id) && !routes.isLocal(id)) this.learned.add(prefix);
        else this.learned.delete(prefix);
      }
    });
    speaker.onSessionChange(({ name, state }) => {
      if (state === 'Established') this.#up.add(name);
      else this.#up.delete(name);
      this.sessions.push(`${name} ${this.#up.has(name) ? 'up' : 'down'}`);
    });
    return speaker;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const host of this.#hosts) await host.kill();
    await this.speaker.close({ forGood: false });
    rmSync(this.#scratch, { recursive: true });
  }
}

export function asPathText({ attributes }: RouteStatus['paths'][number]): string {
  return (attributes.asPath ?? []).flatMap(({ as }) => as).join(' ');
}

/**
 * Plays the scenario that the command line names and prints what it returns.
 *
 * @param adapt what stands between the speaker and the kernel's TCP; by default nothing
 */
export async function play(
  scenarios: Record<string, (stage: Stage) => Promise<unknown>>,
  adapt = (tcp: Transport) => tcp,
): Promise<void> {
  const scenario = scenarios[process.argv[2]!];
  if (scenario === undefined) throw new Error(`the scenarios are: ${Object.keys(scenarios)}`);
  command('ip', 'link', 'set', 'lo', 'up');
  const stage = new Stage(adapt(tcpTransport(clock)));
  try {
    console.log(JSON.stringify(await scenario(stage)));
  } catch (error) {
    console.error(error);
    console.error(JSON.stringify(stage.speaker.inspect(), null, 1));
    console.error(stage.log.slice(-20).join('\n'));
    process.exitCode = 1;
  } finally {
    await stage.close();
  }
  // What was begun, say a drain, need not come to its end.
  process.exit();
}
