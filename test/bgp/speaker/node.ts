/** Speakers over a virtual network and clock, and what they tell. */

import { formatPrefix, formatZonedAddress } from 'net-ipaddr';
import {
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
} from '../../../bgp/speaker.ts';
import type { Links } from '../../../bgp/unnumbered/links.ts';
import type { Air } from '../bfd/air.ts';
import { recordingLog, type World } from '../session/world.ts';

/** Where a speaker is, and what it has there. */
interface Place {
  /** @default 10.0.0.<index> */
  readonly address?: string;
  readonly links?: Links;
  /** What its BFD sends over; without it there is none. */
  readonly air?: Air | undefined;
}

/** A speaker, and what it tells. */
export class Node {
  readonly address: string;
  readonly speaker: Speaker;
  readonly log: string[] = [];
  /** prefix → next hops, as onRoutes told; `local` for own ones. */
  readonly table = new Map<string, string>();
  /** Every change of `table`: `prefix next hops`, or `prefix gone`. */
  readonly history: string[] = [];
  /** `name up`, `name down`. */
  readonly sessions: string[] = [];
  config: SpeakerConfig;

  constructor(
    world: World,
    index: number,
    config: Partial<SpeakerConfig> = {},
    { address = `10.0.0.${index}`, links, air }: Place = {},
  ) {
    this.address = address;
    const { clock, random, immediate } = world;
    const transport = world.host(this.address);
    const log = recordingLog(this.log);
    this.speaker = new Speaker({
      ...{ clock, random, log, transport, immediate },
      ...(links && { links }),
      ...(air && { bfdTransport: air.host(address) }),
    });
    this.speaker.onRoutes((ids, count, routes) => {
      for (const id of ids.subarray(0, count)) {
        const prefix = formatPrefix(routes.prefix(id));
        if (!routes.hasRoute(id)) this.table.delete(prefix);
        else if (routes.isLocal(id)) this.table.set(prefix, 'local');
        else this.table.set(prefix, routes.nextHops(id).map(formatZonedAddress).join(' '));
        this.history.push(`${prefix} ${this.table.get(prefix) ?? 'gone'}`);
      }
    });
    this.speaker.onSessionChange(({ name, state }) => {
      this.sessions.push(`${name} ${state === 'Established' ? 'up' : 'down'}`);
    });
    this.config = {
      localAs: 64512,
      routerId: `10.0.0.${index}`,
      listen: [{ address: this.address, port: 179 }],
      holdTimeSec: 9,
      peers: [],
      originations: [],
      ...config,
    };
  }

  configure(changes: Partial<SpeakerConfig> = {}): void {
    this.config = { ...this.config, ...changes };
    this.speaker.configure(this.config);
  }

  get routes(): Record<string, string> {
    return Object.fromEntries([...this.table].sort());
  }

  status(name: string): PeerStatus {
    const found = this.speaker.inspect().peers.find((peer) => peer.name === name);
    if (found === undefined) throw new Error(`no peer ${name}`);
    return found;
  }
}

export function peer(index: number, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: `n${index}`,
    address: `10.0.0.${index}`,
    remoteAs: 64512,
    importPolicy: 'all',
    exportPolicy: 'all',
    ...more,
  };
}

/** A full mesh in which node i originates 10.i.0.0/26. */
export function mesh(world: World, count: number): Node[] {
  const indices = Array.from({ length: count }, (_, at) => at + 1);
  const nodes = indices.map((index) => new Node(world, index));
  nodes.forEach((node, at) => {
    node.configure({
      peers: indices.filter((index) => index !== at + 1).map((index) => peer(index)),
      originations: [{ prefix: `10.${at + 1}.0.0/26` }],
    });
  });
  return nodes;
}

/** All that a promise will come to within `ms` of virtual time. */
export async function within<T>(
  world: World,
  ms: number,
  promise: Promise<T>,
): Promise<T | 'pending'> {
  let result: T | 'pending' = 'pending';
  void promise.then((value) => {
    result = value;
  });
  world.run(ms);
  await new Promise((resolve) => setImmediate(resolve));
  return result;
}
