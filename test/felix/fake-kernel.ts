/**
 * A kernel in memory, for faults that the real one doesn't have to order. It does what felix relies on
 * as the real one does: kernel-contract.test.ts holds both to the same.
 */

import {
  type Address,
  containsAddress,
  equalAddresses,
  equalPrefixes,
  type Family,
  formatAddress,
  formatPrefix,
  hostPrefix,
  parseAddress,
  prefixOf,
} from 'net-ipaddr';
import {
  type AddressEntry,
  type AddressSpec,
  type FdbEntry,
  type Link,
  type LinkRef,
  type LinkSpec,
  type Monitor,
  type Namespace,
  type Neighbour,
  NetlinkError,
  type NetlinkEvent,
  type NextHop,
  type Operation,
  type Result,
  type Route,
  type RouteFilter,
  type RouteSpec,
} from 'rtnetlink-ts';
import type { Kernel, Netlink, Sysctls } from '../../felix/kernel.ts';
import { connectedRoute, FakeNamespace, hopsOf } from './fake-namespace.ts';

export class FakeKernel implements Kernel {
  readonly host: FakeNetlink;
  readonly sysctls: Sysctls;
  /** Takes all and tells nothing: what nftables do is tested with the real ones. */
  readonly nft = async () => '';
  readonly nftGeneration = () => undefined;
  readonly legacyFilter = async () => '';
  readonly watchNft = () => ({ close() {} });
  /** Has tracked none. */
  deleteFlows = async (_: Iterable<Address>) => 0;
  /** One that never answers. */
  readonly forwarder = {
    version: async () => 'fake',
    start: async () => ({ ended: new Promise<string>(() => {}) }),
  };
  /** Answers an operation of the host's with an errno instead of doing it. */
  refuse: (operation: Operation) => string | undefined = () => undefined;
  /** Thrown by the host's next batch. */
  nextBatchError: Error | undefined;
  /** Rejects the host's next dump of routes. */
  nextDumpError: Error | undefined;
  /** Awaited while the host's routes are dumped. */
  duringDump: () => Promise<void> | void = () => {};
  /** Awaited before a batch of the host by another thread is done. */
  beforeFlight: () => Promise<void> | void = () => {};
  /** Batches of the host, as their operations. */
  readonly batches: Operation[][] = [];
  /** How the host's notifications come: each in its turn, at some time after the change. */
  deliver: (event: () => void) => void = queueMicrotask;
  readonly #host = new FakeNamespace((event) => this.deliver(event));
  readonly #pods = new Map<string, FakeNamespace>();

  constructor() {
    this.host = new FakeNetlink(this, this.#host, true);
    for (const key of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'])
      this.#host.sysctls.set(key, '0');
    this.sysctls = {
      read: (key, netns) => this.namespace(netns).sysctls.get(key),
      write: (values, netns) => {
        const { sysctls } = this.namespace(netns);
        for (const [key, value] of Object.entries(values)) {
          if (!sysctls.has(key))
            throw Object.assign(new Error(`ENOENT: ${key}`), { code: 'ENOENT' });
          sysctls.set(key, `${value}`);
        }
      },
    };
  }

  /** A pod's namespace; its name stands for its path. */
  addPod(name: string): string {
    this.#pods.set(name, new FakeNamespace(queueMicrotask));
    return name;
  }

  enter(netns: Namespace): FakeNetlink {
    return new FakeNetlink(this, this.namespace(netns), false);
  }

  /** Another program in the host's namespace. */
  stranger(): FakeNetlink {
    return new FakeNetlink(this, this.#host, false);
  }

  /** A stranger's link with this IPv4 address, up. */
  addLink(name: string, address: string, length: number): void {
    const stranger = this.stranger();
    stranger.change({
      action: 'add',
      link: { name, kind: { kind: 'veth', peer: { name: `${name}p` } } },
    });
    const { index } = stranger.link(name)!;
    stranger.change(
      { action: 'change', link: { index, up: true } },
      { action: 'add', address: { link: index, address: parseAddress(address), length } },
    );
  }

  /** ENOBUFS: the kernel had to drop notifications. */
  loseEvents(): void {
    for (const listener of this.#host.listeners) queueMicrotask(listener.onResync);
  }

  namespace(netns: Namespace | undefined): FakeNamespace {
    if (netns === undefined) return this.#host;
    const found = this.#pods.get(`${netns}`);
    if (found === undefined) throw Object.assign(new Error(`ENOENT: ${netns}`), { code: 'ENOENT' });
    return found;
  }
}

export class FakeNetlink implements Netlink {
  readonly #kernel: FakeKernel;
  readonly #netns: FakeNamespace;
  readonly #isFelix: boolean;

  constructor(kernel: FakeKernel, netns: FakeNamespace, isFelix: boolean) {
    this.#kernel = kernel;
    this.#netns = netns;
    this.#isFelix = isFelix;
  }

  link(ref: LinkRef): Link | undefined {
    const found = typeof ref === 'number' ? this.#netns.links.get(ref) : this.#netns.byName(ref);
    return found && { ...found.told };
  }

  async links(): Promise<Link[]> {
    return Array.from(this.#netns.links.values(), ({ told }) => ({ ...told }));
  }

  async addresses(filter: { family?: Family; link?: number } = {}): Promise<AddressEntry[]> {
    return this.#netns.addresses.filter(
      ({ address, link }) =>
        (filter.family ?? address.family) === address.family && (filter.link ?? link) === link,
    );
  }

  async neighbours(filter: { family?: Family; link?: number } = {}): Promise<Neighbour[]> {
    return this.#netns.neighbours.filter(({ link }) => (filter.link ?? link) === link);
  }

  async fdb(filter: { link?: number } = {}): Promise<FdbEntry[]> {
    return this.#netns.fdb.filter(({ link }) => (filter.link ?? link) === link);
  }

  /** As a kernel before 5.3. */
  async nextHops(): Promise<never> {
    throw new NetlinkError('reading next hops', 'EOPNOTSUPP');
  }

  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    const { family, oif, protocol, table } = filter;
    return this.#netns.routes.filter(
      (route) =>
        (family ?? route.family) === route.family &&
        (table ?? route.table) === route.table &&
        (protocol ?? route.protocol) === route.protocol &&
        (oif === undefined || hopsOf(route).some((hop) => hop.oif === oif)),
    );
  }

  async eachRoute(filter: RouteFilter, begin: () => (route: Route) => void): Promise<void> {
    const visit = begin();
    const routes = await this.routes(filter);
    const error = this.#isFelix ? this.#kernel.nextDumpError : undefined;
    if (error !== undefined) {
      this.#kernel.nextDumpError = undefined;
      throw error;
    }
    for (const route of routes) visit({ ...route });
    if (this.#isFelix) await this.#kernel.duringDump();
  }

  batch(operations: Iterable<Operation>): Result[] {
    const list = [...operations];
    if (this.#isFelix) {
      const error = this.#kernel.nextBatchError;
      this.#kernel.nextBatchError = undefined;
      if (error !== undefined) throw error;
      this.#kernel.batches.push(list);
    }
    return list.map((operation) => this.#do(operation));
  }

  async batchOffLoop(operations: Iterable<Operation>): Promise<Result[]> {
    const list = [...operations];
    if (this.#isFelix) await this.#kernel.beforeFlight();
    return this.batch(list);
  }

  change(...operations: Operation[]): void {
    for (const error of this.batch(operations)) if (error !== undefined) throw error;
  }

  async deleteLinks(refs: Iterable<LinkRef>): Promise<void> {
    for (const ref of refs) {
      const link = this.link(ref);
      if (link !== undefined) this.#netns.removeLink(link.index);
    }
  }

  monitor(_groups: unknown, onEvent: (event: NetlinkEvent) => void, onResync: () => void): Monitor {
    const listener = { owner: this, onEvent, onResync };
    this.#netns.listeners.add(listener);
    return { close: () => void this.#netns.listeners.delete(listener) };
  }

  close(): void {}

  #do(operation: Operation): Result {
    const refusal = this.#isFelix ? this.#kernel.refuse(operation) : undefined;
    const code = refusal ?? this.#try(operation);
    return code === undefined ? undefined : new NetlinkError(describe(operation), code);
  }

  #try(operation: Operation): string | undefined {
    if ('link' in operation) return this.#doLink(operation.action, operation.link);
    if ('route' in operation) return this.#doRoute(operation.action, operation.route);
    if ('address' in operation) return this.#doAddress(operation.action, operation.address);
    if ('neighbour' in operation) {
      this.#netns.neighbours.push({ state: 'permanent', ...operation.neighbour });
      return undefined;
    }
    if ('fdb' in operation) {
      this.#netns.fdb.push({ state: 'permanent', ...operation.fdb });
      return undefined;
    }
    return 'EOPNOTSUPP';
  }

  #doLink(action: string, spec: LinkSpec): string | undefined {
    if (action === 'add') return this.#addLink(spec);
    const found =
      spec.index === undefined ? this.#netns.byName(spec.name!) : this.#netns.links.get(spec.index);
    if (found === undefined) return 'ENODEV';
    if (action === 'delete') this.#netns.removeLink(found.told.index);
    else {
      if (spec.mtu !== undefined) found.told.mtu = spec.mtu;
      if (spec.mac !== undefined) found.told.mac = spec.mac;
      if (spec.up !== undefined) this.#netns.setUp(found, spec.up);
      this.#netns.tell({ kind: 'link', gone: false, link: { ...found.told } });
    }
    return undefined;
  }

  #addLink(spec: LinkSpec): string | undefined {
    if (this.#netns.byName(spec.name!) !== undefined) return 'EEXIST';
    if (spec.kind?.kind !== 'veth') {
      this.#netns.addLink(spec.name!, spec);
      return undefined;
    }
    const { name, namespace } = spec.kind.peer!;
    const peerNetns = namespace === undefined ? this.#netns : this.#kernel.namespace(namespace);
    if (peerNetns.byName(name) !== undefined) return 'EEXIST';
    const one = this.#netns.addLink(spec.name!, spec);
    const two = peerNetns.addLink(name, spec.kind.peer!);
    one.peer = { namespace: peerNetns, index: two.told.index };
    two.peer = { namespace: this.#netns, index: one.told.index };
    one.told.peerIndex = two.told.index;
    two.told.peerIndex = one.told.index;
    return undefined;
  }

  #doAddress(action: string, spec: AddressSpec): string | undefined {
    const { address, length, link } = spec;
    const found = this.#netns.links.get(link);
    if (found === undefined) return 'ENODEV';
    const at = this.#netns.addresses.findIndex(
      (one) => one.link === link && equalAddresses(one.address, address),
    );
    if (action === 'delete') {
      if (at < 0) return 'EADDRNOTAVAIL';
      const [entry] = this.#netns.addresses.splice(at, 1);
      this.#netns.tell({ kind: 'address', gone: true, address: entry! });
      const connected = connectedRoute(link, prefixOf(address, length));
      this.#netns.removeRoutes((route) => isSameSpec(route, connected), true);
      return undefined;
    }
    if (at >= 0) return action === 'replace' ? undefined : 'EEXIST';
    const entry = {
      scope: 'global',
      permanent: true,
      tentative: false,
      dadFailed: false,
      ...spec,
    } as const;
    this.#netns.addresses.push(entry);
    this.#netns.tell({ kind: 'address', gone: false, address: entry });
    if (found.told.up) this.#netns.connect(entry);
    return undefined;
  }

  #doRoute(action: string, spec: RouteSpec): string | undefined {
    if (action === 'delete') {
      const at = this.#netns.routes.findIndex((route) => isSameSpec(route, spec));
      if (at < 0) return 'ESRCH';
      const [route] = this.#netns.routes.splice(at, 1);
      this.#netns.tell({ kind: 'route', gone: true, route: route! }, this);
      return undefined;
    }
    const route = this.#resolve(spec);
    if (typeof route === 'string') return route;
    const at = this.#netns.routes.findIndex(
      (one) =>
        one.table === route.table &&
        one.metric === route.metric &&
        equalPrefixes(one.destination, route.destination),
    );
    if (at >= 0 && action === 'add') return 'EEXIST';
    if (at >= 0) this.#netns.routes[at] = route;
    else this.#netns.routes.push(route);
    this.#netns.tell({ kind: 'route', gone: false, route }, this);
    return undefined;
  }

  /** The route as the kernel would tell of it, or why it won't have it. */
  #resolve(spec: RouteSpec): Route | string {
    const { family } = spec.destination.address;
    const hops: NextHop[] = [];
    for (const hop of spec.type === 'blackhole' ? [] : hopsOf(spec)) {
      const { gateway } = hop;
      let { oif } = hop;
      if (gateway !== undefined) {
        const reach = this.#netns.routes.find(
          (route) =>
            route.gateway === undefined &&
            route.oif !== undefined &&
            (oif ?? route.oif) === route.oif &&
            containsAddress(route.destination, gateway),
        );
        const isLinkLocal = gateway.bytes[0] === 0xfe;
        oif = reach?.oif ?? (isLinkLocal ? oif : undefined);
        if (oif === undefined) return family === 4 ? 'ENETUNREACH' : 'EHOSTUNREACH';
      }
      const link = this.#netns.links.get(oif!);
      if (link === undefined) return 'ENODEV';
      if (!link.told.up) return 'ENETDOWN';
      hops.push({ ...(gateway && { gateway }), oif: oif! });
    }
    const { gateway: _, oif: __, multipath: ___, ...rest } = spec;
    return {
      protocol: 3,
      type: 'unicast',
      scope: hops[0]?.gateway || family === 6 ? 'global' : 'link',
      ...rest,
      family,
      table: spec.table ?? 254,
      metric: spec.metric || (family === 6 ? 1024 : 0),
      linkDown: false,
      ...(spec.multipath === undefined ? hops[0] : { multipath: hops }),
    };
  }
}

/** Whether a deletion of `spec` would take this route. */
function isSameSpec(route: Route, spec: RouteSpec): boolean {
  return (
    equalPrefixes(route.destination, spec.destination) &&
    (spec.table ?? 254) === route.table &&
    (spec.protocol ?? route.protocol) === route.protocol &&
    (spec.type ?? route.type) === route.type &&
    (spec.metric || route.metric) === route.metric &&
    (spec.gateway === undefined ||
      (route.gateway !== undefined && equalAddresses(spec.gateway, route.gateway))) &&
    (spec.oif === undefined || spec.oif === route.oif)
  );
}

function describe(operation: Operation): string {
  if ('route' in operation)
    return `${operation.action} ${formatPrefix(operation.route.destination)}`;
  if ('address' in operation)
    return `${operation.action} ${formatPrefix(hostPrefix(operation.address.address))}`;
  if ('link' in operation) return `${operation.action} link ${operation.link.name}`;
  if ('neighbour' in operation)
    return `${operation.action} neighbour ${formatAddress(operation.neighbour.address)}`;
  return operation.action;
}
