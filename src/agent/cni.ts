/** The agent's CNI side: it serves the plugin's socket, and puts in place what the container runtime looks for. */
import { join } from 'node:path';
import { type Address, type Family, parsePrefix } from 'net-ipaddr';
import { allowedUsesOf, IPPool } from '../../api/index.ts';
import type { Felix } from '../../felix/felix.ts';
import type { Clock, Log, Random } from '../../ports.ts';
import { CniCommands } from '../cni/commands.ts';
import { Installation } from '../cni/installation.ts';
import { Pods } from '../cni/pods.ts';
import { Releases } from '../cni/releases.ts';
import { CniServer } from '../cni/server.ts';
import type { Datastore } from '../datastore/index.ts';
import { type AddressSource, readHandles } from './allocations.ts';
import type { AgentConfig } from './config.ts';
import { readable } from './derive/cluster.ts';
import { PodMtu } from './pod-mtu.ts';

export interface AgentCniOptions {
  config: Pick<
    AgentConfig,
    'stateDir' | 'runDir' | 'nodeName' | 'cniConfDir' | 'cniBinDir' | 'cniVersion'
  >;
  felix: Felix;
  /** Of which there are addresses for pods that do not ask for any. */
  families: () => readonly Family[];
  /** A pod with these addresses has come or gone. */
  onChange: (addresses: readonly Address[]) => void;
  /** The MTU of pods whose conf names none. */
  mtu: () => number;
  /** Why requests cannot be served yet. */
  notReady: () => string | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

interface Reached {
  store: Datastore;
  allocator: AddressSource;
  pods: Pods;
}

export class AgentCni {
  readonly #options: AgentCniOptions;
  #reached: Reached | undefined;
  #open: { close(): void }[] = [];

  private constructor(options: AgentCniOptions) {
    this.#options = options;
  }

  /** Serves at once: a pod can be deleted and checked without the datastore. */
  static async open(options: AgentCniOptions): Promise<AgentCni> {
    const cni = new AgentCni(options);
    const { clock, random, log, felix, config, onChange, mtu, notReady } = options;
    const releases = await Releases.open({
      clock,
      random,
      log,
      folder: join(config.stateDir, 'releases'),
      release: async (handleId) => cni.#datastore().allocator.release({ handleId }),
    });
    const commands = new CniCommands({
      felix,
      assign: async (request) => cni.#datastore().allocator.assign(request),
      releases,
      nodeName: config.nodeName,
      handles: async () => readHandles(cni.#datastore().store, config.nodeName),
      annotations: async (...pod) => cni.#datastore().pods.annotations(...pod),
      families: options.families,
      onChange,
      mtu,
      notReady,
      log,
    });
    const server = new CniServer({ clock, log, path: join(config.runDir, 'cni.sock'), commands });
    const installation = Installation.start({ ...options, ...config });
    cni.#open = [server, releases, installation];
    return cni;
  }

  /** From here on pods can be added. */
  datastoreReached(store: Datastore, allocator: AddressSource): void {
    const { clock, random, log, config } = this.#options;
    const pods = new Pods({ store, nodeName: config.nodeName, clock, random, log });
    this.#reached = { store, allocator, pods };
    this.#open.push(pods, PodMtu.start(this.#options));
  }

  close(): void {
    for (const one of this.#open) one.close();
  }

  #datastore(): Reached {
    if (this.#reached) return this.#reached;
    throw new Error('the datastore has not been reached yet');
  }
}

/** Of the pools that pods may use unasked: of one for tunnels or load balancers alone an ADD would be refused. */
export function familiesOf(pools: readonly IPPool[]): Family[] {
  const families = pools
    .flatMap((pool) => readable(IPPool, pool, []) ?? [])
    .filter(({ spec }) => !spec.disabled && spec.assignmentMode !== 'Manual')
    .filter(({ spec }) => allowedUsesOf(spec).includes('Workload'))
    .map(({ spec }) => parsePrefix(spec.cidr).address.family);
  return ([4, 6] as const).filter((family) => families.includes(family));
}
