/** The resources that the derivations read, kept current by watches. */
import {
  BGPConfiguration,
  BGPFilter,
  BGPPeer,
  FelixConfiguration,
  IPPool,
  Node,
} from '../../api/index.ts';
import type { KubeObject, ResourceType } from '../../ports.ts';
import { Reflector } from '../datastore/index.ts';
import type { AgentResources } from './derive/cluster.ts';
import { namedSecrets } from './derive/passwords.ts';
import { Placements } from './placements.ts';
import { Secrets } from './secrets.ts';
import type { WatchesOptions } from './watches-options.ts';

export class Watches {
  readonly #nodes: Reflector<Node>;
  readonly #pools: Reflector<IPPool>;
  readonly #configurations: Reflector<BGPConfiguration>;
  readonly #peers: Reflector<BGPPeer>;
  readonly #filters: Reflector<BGPFilter>;
  readonly #felixConfigurations: Reflector<FelixConfiguration>;
  readonly #placements: Placements;
  readonly #secrets: Secrets;
  #closed = false;

  constructor({ namespace, onChange, ...options }: WatchesOptions) {
    const watch = <T extends KubeObject>(type: ResourceType<T>, changed = onChange) =>
      new Reflector<T>({ ...options, type, onChange: changed, onSynced: changed });
    const mayNameSecrets = () => {
      this.#secrets.follow(namedSecrets([...this.#configurations.list()], [...this.#peers.list()]));
      onChange();
    };
    this.#nodes = watch(Node);
    this.#pools = watch(IPPool);
    this.#configurations = watch(BGPConfiguration, mayNameSecrets);
    this.#peers = watch(BGPPeer, mayNameSecrets);
    this.#filters = watch(BGPFilter);
    this.#felixConfigurations = watch(FelixConfiguration);
    this.#placements = new Placements({ ...options, namespace, onChange });
    this.#secrets = new Secrets({ ...options, namespace, onChange });
  }

  /** What has not been listed yet; empty when all that follows is complete. */
  missing(): string[] {
    const all: [string, { synced: boolean }][] = [
      ['nodes', this.#nodes],
      ['IPPools', this.#pools],
      ['BGPConfigurations', this.#configurations],
      ['BGPPeers', this.#peers],
      ['BGPFilters', this.#filters],
      ['FelixConfigurations', this.#felixConfigurations],
      ['IPAMBlocks', this.#placements],
    ];
    if (this.#closed) return [];
    const missing = all.filter(([, one]) => !one.synced).map(([name]) => name);
    return this.#secrets.isWaiting ? [...missing, 'Secrets'] : missing;
  }

  resources(): AgentResources {
    return {
      nodes: [...this.#nodes.list()],
      pools: [...this.#pools.list()],
      bgpConfigurations: [...this.#configurations.list()],
      bgpPeers: [...this.#peers.list()],
      bgpFilters: [...this.#filters.list()],
      felixConfigurations: [...this.#felixConfigurations.list()],
      placements: this.#placements.list(),
      secrets: this.#secrets.list(),
    };
  }

  close(): void {
    this.#closed = true;
    this.#secrets.close();
    for (const one of [
      ...[this.#nodes, this.#pools, this.#configurations, this.#peers, this.#filters],
      ...[this.#felixConfigurations, this.#placements],
    ])
      one.close();
  }
}
