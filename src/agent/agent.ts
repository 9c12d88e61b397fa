/**
 * A node's process: the rooms put together.
 *
 *     watches ──► derive ──► speaker ──► routes ──► felix ──► kernel
 *                    └──────────────────────────────► │
 *     runtime ──► cni ──► ipam ──► datastore          │
 *                  └──────────────────────────────────┘
 *
 * Start: what is needed to keep pods running comes first (felix reads what is there), then the datastore, then the
 * sessions, then the CNI socket. Exit removes nothing from the kernel.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, containsAddress, parsePrefix } from 'net-ipaddr';
import { openNetlink, type Rtnetlink } from 'rtnetlink-ts';
import { backoffMs } from '../../backoff.ts';
import { Speaker } from '../../bgp/speaker.ts';
import { Felix } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { Allocator, PodCidrs } from '../../ipam/index.ts';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import { connectedInterfaces } from '../connected-interface.ts';
import { connect, type Datastore } from '../datastore/index.ts';
import type { AgentStatus } from '../inspect/agent-status.ts';
import { type Leave, serveControl } from '../inspect/control.ts';
import { serveInspection } from '../inspect/server.ts';
import { type AddressSource, readAllocations, readHandles } from './allocations.ts';
import { AgentCni, familiesOf } from './cni.ts';
import type { AgentConfig } from './config.ts';
import { configureFelix } from './configure-felix.ts';
import { readBgpSettings, readNodes } from './derive/cluster.ts';
import { derivePeers } from './derive/peers.ts';
import { podCidrPlacements } from './derive/pod-cidrs.ts';
import { deriveSpeakerConfig } from './derive/speaker.ts';
import { deriveTunnelAddresses } from './derive/tunnel-addresses.ts';
import { writeDropIns } from './drop-ins.ts';
import { serveHealth } from './health.ts';
import { programLearnedRoutes } from './learned-routes.ts';
import { type NodeAddresses, underlayMtu, waitForNodeAddresses } from './node-addresses.ts';
import { NodeAnnotations } from './node-annotations.ts';
import { NodeEvents } from './node-events.ts';
import { podCidrsAfterBlocks } from './pod-cidrs-after-blocks.ts';
import { ownNetwork, registerNode } from './registration.ts';
import { endpointStatus, sessionStatus } from './status.ts';
import { TunnelAddresses } from './tunnel-addresses.ts';
import { Watches } from './watches.ts';

/** Changes of several resources that come together are derived from once. */
const DERIVE_DELAY_MS = 20;
/** A restarted agent keeps the kernel's learned routes until BGP has converged, but not for ever. */
const CONVERGENCE_DEADLINE_MS = 60_000;
const BACKOFF = { firstMs: 500, longestMs: 15_000 };

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

export class Agent {
  readonly #config: AgentConfig;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #startedAt: number;
  readonly #netlink: Rtnetlink;
  readonly #kernel: Kernel;
  readonly #felix: Felix;
  readonly #speaker: Speaker;
  /** What ends with the agent, before speaker and felix do. */
  readonly #open: { close(): unknown }[] = [];
  #addresses: NodeAddresses = { ipv4: undefined, ipv6: undefined };
  #store: Datastore | undefined;
  #allocator: AddressSource | undefined;
  /** Where the node's own prefixes take the place of blocks. */
  readonly #podCidrs: PodCidrs | undefined;
  #tunnelAddresses: TunnelAddresses | undefined;
  #annotations: NodeAnnotations | undefined;
  #events: NodeEvents | undefined;
  #watches: Watches | undefined;
  #deriveTimer: Timer | undefined;
  #awaitsConvergence = false;
  #convergedAt: number | undefined;
  #problems: readonly string[] = [];
  #asNumber = 0;
  /** What start is doing now; undefined when it is done. */
  #starting: string | undefined = 'starting';
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #isLeaving = false;
  readonly #left = Promise.withResolvers<void>();

  constructor(config: AgentConfig, clock: Clock, random: Random, log: Log) {
    this.#config = config;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#startedAt = clock.now();
    for (const folder of [config.stateDir, config.runDir])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#netlink = openNetlink();
    this.#kernel = openKernel();
    this.#felix = new Felix({
      ...this.#room('felix'),
      kernel: this.#kernel,
      stateDir: config.stateDir,
      learnedDeadlineMs: CONVERGENCE_DEADLINE_MS,
      onTunnelUse: (use) => this.#annotations?.keep({ ...use }),
      onTunnelLack: (device, why) => this.#events?.warn('TunnelNotSupported', `${device}: ${why}`),
    });
    if (config.usePodCidr)
      this.#podCidrs = new PodCidrs({
        node: config.nodeName,
        wired: () => this.#felix.endpoints(),
      });
    this.#speaker = new Speaker({
      ...this.#room('bgp'),
      interfaceOf: connectedInterfaces(clock),
      resolve: (nextHop) => this.#felix.resolve(nextHop),
    });
  }

  async start(): Promise<void> {
    const { runDir, healthListen } = this.#config;
    const inspectSocket = join(runDir, 'inspect.sock');
    this.#open.push(
      await serveHealth(healthListen, () => this.#notReady()),
      await serveInspection(inspectSocket, {
        speaker: this.#speaker,
        clock: this.#clock,
        status: () => this.status(),
      }),
      await serveControl(inspectSocket, (how) => this.#leave(how), this.#left.resolve),
    );
    await writeDropIns(this.#log);
    await this.#felix.start();
    // After the machine's own start nothing is there, and nothing was forwarded.
    this.#speaker.restarted({ forwarding: this.#felix.hasRoutes });
    // Before the datastore is there: a pod can be deleted and checked without it.
    const cni = await this.#serveCni();
    this.#open.push(cni);
    this.#starting = 'waiting for the node’s address';
    this.#addresses = await waitForNodeAddresses(
      this.#netlink,
      this.#config,
      this.#clock,
      this.#log,
    );
    programLearnedRoutes(this.#speaker, this.#felix);
    const store = await this.#connect();
    const { asNumber, namespace, nodeName } = this.#config;
    const network = ownNetwork(this.#addresses, asNumber);
    const node = await this.#persist('registering the Node', () =>
      registerNode(store, nodeName, network, this.#log),
    );
    const onNode = { ...this.#room('datastore'), store, nodeName };
    this.#events = new NodeEvents(onNode);
    this.#annotations = new NodeAnnotations(onNode);
    this.#annotations.seen(node);
    this.#annotations.keep(network);
    this.#open.push(this.#events, this.#annotations);
    const allocator = await this.#openAddresses(store);
    this.#allocator = allocator;
    this.#tunnelAddresses = new TunnelAddresses({
      ...this.#room('ipam'),
      ...{ store, nodeName, allocator: this.#podCidrs?.ofTunnels ?? allocator },
    });
    this.#watches = new Watches({
      ...this.#room('datastore'),
      ...{ store, namespace },
      onChange: () => this.#deriveSoon(),
    });
    this.#open.push(this.#tunnelAddresses, this.#watches);
    cni.datastoreReached(store, allocator);
    this.#starting = undefined;
    this.#log.info({ node: nodeName, version }, 'the agent runs');
  }

  /** Resolves when the node was told to leave, and has: nothing is left to do but to end. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  /** Ends the process's work; the kernel keeps all that is in it. Called again, it waits for the same end. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#deriveTimer?.cancel();
    for (const one of this.#open) one.close();
    // Peers that know graceful restart go on sending to our pods, which the kernel goes on serving.
    await this.#speaker.close({ forGood: this.#isLeaving });
    await this.#felix.close();
    this.#store?.close();
    this.#kernel.host.close();
    this.#netlink.close();
  }

  async status(): Promise<AgentStatus> {
    const udpTunnel = await this.#felix.udpCounters();
    const { refused, inDoubt, failed, unreachable } = this.#felix.inspect();
    return {
      node: this.#config.nodeName,
      version,
      asNumber: this.#asNumber,
      startedAt: this.#startedAt,
      convergedAt: this.#convergedAt,
      notReady: this.#notReady(),
      knownNodes: this.#watches?.resources().nodes.map((node) => node.metadata.name) ?? [],
      sessions: this.#speaker.inspect().peers.map(sessionStatus),
      blocks: this.#allocator?.ownBlocks() ?? [],
      endpoints: this.#felix.endpoints().map(endpointStatus),
      ...(udpTunnel && { udpTunnel }),
      problems: [
        ...this.#problems,
        ...(this.#tunnelAddresses?.problems() ?? []),
        ...[...refused, ...inDoubt, ...failed, ...unreachable].map(
          ({ subject, reason }) => `${subject}: ${reason}`,
        ),
      ],
    };
  }

  #notReady(): string[] {
    if (this.#starting !== undefined) return [this.#starting];
    const missing = this.#watches?.missing() ?? [];
    if (missing.length > 0) return [`the datastore has not told of all ${missing.join(', ')} yet`];
    if (this.#podCidrs?.families().length === 0)
      return [`Node ${this.#config.nodeName} has no spec.podCIDRs; who allocates them?`];
    return [];
  }

  async #connect(): Promise<Datastore> {
    const options = { ...(this.#config.kubeconfig && { kubeconfig: this.#config.kubeconfig }) };
    const store = await this.#persist('connecting to the datastore', () => connect(options));
    this.#store = store;
    return store;
  }

  async #openAddresses(store: Datastore): Promise<AddressSource> {
    const { nodeName } = this.#config;
    const allocator = new Allocator({ ...this.#room('ipam'), store, node: nodeName });
    const podCidrs = this.#podCidrs;
    if (podCidrs)
      return this.#persist('reading what this node’s pods hold of blocks', async () =>
        podCidrsAfterBlocks(podCidrs, allocator, await readHandles(store, nodeName)),
      );
    allocator.onBlocks(() => this.#deriveSoon());
    await this.#persist('reading this node’s blocks', async () => {
      await allocator.load();
      const blocks = allocator.ownBlocks();
      this.#felix.setAllocations(await readAllocations(store, blocks, nodeName));
    });
    return allocator;
  }

  #serveCni(): Promise<AgentCni> {
    return AgentCni.open({
      ...this.#room('cni'),
      config: this.#config,
      felix: this.#felix,
      families: () =>
        this.#podCidrs?.families() ?? familiesOf(this.#watches?.resources().pools ?? []),
      onChange: (addresses) => {
        if (this.#borrowed(addresses).length > 0) this.#deriveSoon();
      },
      mtu: () => this.#felix.podMtu(underlayMtu(this.#netlink, this.#addresses)),
      notReady: () => this.#notReady()[0],
    });
  }

  /** Of a pod's addresses, those that lie in no block of this node. */
  #borrowed(addresses: readonly Address[]): Address[] {
    const blocks = this.#allocator?.ownBlocks().map(parsePrefix) ?? [];
    return addresses.filter((address) => !blocks.some((block) => containsAddress(block, address)));
  }

  async #leave({ drainSec, reason }: Leave): Promise<void> {
    if (this.#isLeaving) throw new Error('this node is leaving already');
    this.#isLeaving = true;
    this.#deriveTimer?.cancel();
    this.#log.info({ drainSec, reason }, 'leaving for good: peers are asked to take other paths');
    await this.#speaker.leave({ drainMs: drainSec * 1000, text: reason });
  }

  #deriveSoon(): void {
    if (this.#deriveTimer || this.#isClosed || this.#isLeaving) return;
    this.#deriveTimer = this.#clock.after(DERIVE_DELAY_MS, () => {
      this.#deriveTimer = undefined;
      this.#derive();
    });
  }

  /** From the resources as they are now to what speaker and felix should do: as a whole, each time. */
  #derive(): void {
    if (!this.#watches || this.#watches.missing().length > 0) return;
    const { nodeName } = this.#config;
    const resources = this.#watches.resources();
    const { nodes: nodeObjects, pools, bgpConfigurations, bgpPeers } = resources;
    const problems: string[] = [];
    const settings = readBgpSettings(bgpConfigurations, nodeName, problems);
    const nodes = readNodes(nodeObjects, settings.asNumber, problems);
    const self = nodes.find((node) => node.name === nodeName);
    this.#annotations!.seen(nodeObjects.find(({ metadata }) => metadata.name === nodeName));
    const placements = this.#podCidrs
      ? podCidrPlacements(nodeObjects, problems)
      : resources.placements;
    this.#podCidrs?.setPrefixes(
      placements.filter(({ node }) => node === nodeName).map(({ prefix }) => prefix),
    );
    const blocks = this.#allocator!.ownBlocks().map(parsePrefix);
    const { felixConfigurations } = resources;
    configureFelix(
      this.#felix,
      { nodeName, nodes, pools, placements, blocks, felixConfigurations, settings },
      problems,
    );
    if (self) {
      const sending = nodes.flatMap(({ network }) => network.sendingTunnels ?? []);
      const inUse = this.#felix.tunnelsInUse().union(new Set(sending));
      this.#tunnelAddresses!.want(deriveTunnelAddresses(self, pools, inUse), self.network);
      this.#asNumber = self.asNumber;
      const peers = derivePeers({ nodeName, nodes, peers: bgpPeers, settings }, problems);
      this.#felix.setPeerRoutes(
        peers.flatMap(({ address: peer, reachableBy: gateway }) =>
          peer && gateway ? [{ peer, gateway }] : [],
        ),
      );
      this.#speaker.configure(
        deriveSpeakerConfig(
          {
            self,
            settings,
            peers,
            secrets: resources.secrets,
            pools,
            filters: resources.bgpFilters,
            blocks,
            borrowed: this.#borrowed(this.#felix.endpoints().flatMap((one) => one.addresses)),
            exportsOthers: false,
          },
          problems,
        ),
      );
    } else problems.push(`there is no Node ${nodeName}: no BGP until it is back`);
    this.#report(problems);
    this.#felix.setDatastoreInSync();
    this.#awaitConvergence();
  }

  #report(problems: readonly string[]): void {
    for (const problem of problems)
      if (!this.#problems.includes(problem)) this.#log.warn({}, problem);
    this.#problems = problems;
  }

  /** The kernel's learned routes of an earlier run go once peers had their chance to announce them again. */
  #awaitConvergence(): void {
    if (this.#awaitsConvergence) return;
    this.#awaitsConvergence = true;
    void this.#speaker.whenConverged(CONVERGENCE_DEADLINE_MS).then((hasConverged) => {
      if (this.#isClosed) return;
      if (hasConverged) this.#convergedAt = this.#clock.now();
      else this.#log.warn({}, 'BGP has not converged within 60 s; see: tortiectl node status');
      this.#felix.setLearnedInSync();
    });
  }

  #room(name: string) {
    return { clock: this.#clock, random: this.#random, log: this.#log.child({ room: name }) };
  }

  /** Tries until it works: at boot an agent may be up long before its datastore. */
  async #persist<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#starting = what;
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        this.#starting = `${what}: ${(error as Error).message}`;
        const retryMs = backoffMs(BACKOFF, failures, this.#random);
        this.#log.warn({ retryMs }, this.#starting);
        await new Promise<void>((resolve) => this.#clock.after(retryMs, resolve));
      }
    }
  }
}
