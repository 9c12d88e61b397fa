/** The resources that the derivations read, kept current by watches. */
import { BGPConfiguration, BGPFilter, BGPPeer, IPPool, Node } from '../../api/index.ts';
import type { Clock, KubeObject, Log, Random, ResourceType } from '../../ports.ts';
import { type Datastore, Reflector } from '../datastore/index.ts';
import type { Resources } from './derive/cluster.ts';

export interface WatchesOptions {
  store: Datastore;
  clock: Clock;
  random: Random;
  log: Log;
  /** Something changed; called for each object. */
  onChange: () => void;
}

export class Watches {
  readonly #nodes: Reflector<Node>;
  readonly #pools: Reflector<IPPool>;
  readonly #configurations: Reflector<BGPConfiguration>;
  readonly #peers: Reflector<BGPPeer>;
  readonly #filters: Reflector<BGPFilter>;
  #closed = false;

  constructor({ onChange, ...options }: WatchesOptions) {
    const watch = <T extends KubeObject>(type: ResourceType<T>) =>
      new Reflector<T>({ ...options, type, onChange, onSynced: onChange });
    this.#nodes = watch(Node);
    this.#pools = watch(IPPool);
    this.#configurations = watch(BGPConfiguration);
    this.#peers = watch(BGPPeer);
    this.#filters = watch(BGPFilter);
  }

  /** What has not been listed yet; empty when all that follows is complete. */
  missing(): string[] {
    const all: [string, { synced: boolean }][] = [
      ['nodes', this.#nodes],
      ['IPPools', this.#pools],
      ['BGPConfigurations', this.#configurations],
      ['BGPPeers', this.#peers],
      ['BGPFilters', this.#filters],
    ];
    return this.#closed ? [] : all.filter(([, one]) => !one.synced).map(([name]) => name);
  }

  resources(): Resources {
    return {
      nodes: [...this.#nodes.list()],
      pools: [...this.#pools.list()],
      bgpConfigurations: [...this.#configurations.list()],
      bgpPeers: [...this.#peers.list()],
      bgpFilters: [...this.#filters.list()],
    };
  }

  close(): void {
    this.#closed = true;
    for (const one of [this.#nodes, this.#pools, this.#configurations, this.#peers, this.#filters])
      one.close();
  }
}
