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
  type Prefix,
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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface FakeLink {
  readonly told: Mutable<Link>;
  /** The other end of a veth. */
  peer?: { space: Space; index: number };
}

interface Listener {
  readonly owner: FakeNetlink;
  readonly onEvent: (event: NetlinkEvent) => void;
  readonly onResync: () => void;
}

/** One network namespace. */
class Space {
  readonly deliver: (event: () => void) => void;
  readonly links = new Map<number, FakeLink>();
  readonly listeners = new Set<Listener>();
  readonly sysctls = new Map<string, string>();
  addresses: AddressEntry[] = [];
  neighbours: Neighbour[] = [];
  fdb: FdbEntry[] = [];
  routes: Route[] = [];
  nextIndex = 1;

  constructor(deliver: (event: () => void) => void) {
    this.deliver = deliver;
  }

  byName(name: string): FakeLink | undefined {
    return [...this.links.values()].find(({ told }) => told.name === name);
  }

  tell(event: NetlinkEvent, except?: FakeNetlink): void {
    for (const listener of [...this.listeners]) {
      if (listener.owner !== except) this.deliver(() => listener.onEvent(event));
    }
  }
}

export class FakeKernel implements Kernel {
  readonly host: FakeNetlink;
  readonly sysctls: Sysctls;
  /** Takes all and tells nothing: what nftables do is tested with the real ones. */
  readonly nft = async () => '';
  /** Has tracked none. */
  deleteFlows = async (_: Iterable<Address>) => 0;
  /** One that never answers. */
  readonly startForwarder = async () => ({ ended: new Promise<string>(() => {}) });
  /** Answers an operation of the host's with an errno instead of doing it. */
  refuse: (operation: Operation) => string | undefined = () => undefined;
  /** Thrown by the host's next batch. */
  nextBatchError: Error | undefined;
  /** Rejects the host's next dump of routes. */
  nextDumpError: Error | undefined;
  /** Awaited while the host's routes are dumped. */
  duringDump: () => Promise<void> | void = () => {};
  /** Batches of the host, as their operations. */
  readonly batches: Operation[][] = [];
  /** How the host's notifications come: each in its turn, at some time after the change. */
  deliver: (event: () => void) => void = queueMicrotask;
  readonly #host = new Space((event) => this.deliver(event));
  readonly #pods = new Map<string, Space>();

  constructor() {
    this.host = new FakeNetlink(this, this.#host, true);
    for (const key of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'])
      this.#host.sysctls.set(key, '0');
    this.sysctls = {
      read: (key, netns) => this.space(netns).sysctls.get(key),
      write: (values, netns) => {
        const { sysctls } = this.space(netns);
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
    this.#pods.set(name, new Space(queueMicrotask));
    return name;
  }

  enter(netns: Namespace): FakeNetlink {
    return new FakeNetlink(this, this.space(netns), false);
  }

  /** Another program in the host's namespace. */
  stranger(): FakeNetlink {
    return new FakeNetlink(this, this.#host, false);
  }

  /** ENOBUFS: the kernel had to drop notifications. */
  loseEvents(): void {
    for (const listener of this.#host.listeners) queueMicrotask(listener.onResync);
  }

  space(netns: Namespace | undefined): Space {
    if (netns === undefined) return this.#host;
    const space = this.#pods.get(`${netns}`);
    if (space === undefined) throw Object.assign(new Error(`ENOENT: ${netns}`), { code: 'ENOENT' });
    return space;
  }
}

export class FakeNetlink implements Netlink {
  readonly #kernel: FakeKernel;
  readonly #space: Space;
  readonly #isFelix: boolean;

  constructor(kernel: FakeKernel, space: Space, isFelix: boolean) {
    this.#kernel = kernel;
    this.#space = space;
    this.#isFelix = isFelix;
  }

  link(ref: LinkRef): Link | undefined {
    const found = typeof ref === 'number' ? this.#space.links.get(ref) : this.#space.byName(ref);
    return found && { ...found.told };
  }

  async links(): Promise<Link[]> {
    return Array.from(this.#space.links.values(), ({ told }) => ({ ...told }));
  }

  async addresses(filter: { family?: Family; link?: number } = {}): Promise<AddressEntry[]> {
    return this.#space.addresses.filter(
      ({ address, link }) =>
        (filter.family ?? address.family) === address.family && (filter.link ?? link) === link,
    );
  }

  async neighbours(filter: { family?: Family; link?: number } = {}): Promise<Neighbour[]> {
    return this.#space.neighbours.filter(({ link }) => (filter.link ?? link) === link);
  }

  async fdb(filter: { link?: number } = {}): Promise<FdbEntry[]> {
    return this.#space.fdb.filter(({ link }) => (filter.link ?? link) === link);
  }

  async routes(filter: RouteFilter = {}): Promise<Route[]> {
    const { family, oif, protocol, table } = filter;
    return this.#space.routes.filter(
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

  change(...operations: Operation[]): void {
    for (const error of this.batch(operations)) if (error !== undefined) throw error;
  }

  async deleteLinks(refs: Iterable<LinkRef>): Promise<void> {
    for (const ref of refs) {
      const link = this.link(ref);
      if (link !== undefined) removeLink(this.#space, link.index);
    }
  }

  monitor(_groups: unknown, onEvent: (event: NetlinkEvent) => void, onResync: () => void): Monitor {
    const listener = { owner: this, onEvent, onResync };
    this.#space.listeners.add(listener);
    return { close: () => void this.#space.listeners.delete(listener) };
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
      this.#space.neighbours.push({ state: 'permanent', ...operation.neighbour });
      return undefined;
    }
    return 'EOPNOTSUPP';
  }

  #doLink(action: string, spec: LinkSpec): string | undefined {
    if (action === 'add') return this.#addLink(spec);
    const found =
      spec.index === undefined ? this.#space.byName(spec.name!) : this.#space.links.get(spec.index);
    if (found === undefined) return 'ENODEV';
    if (action === 'delete') removeLink(this.#space, found.told.index);
    else {
      if (spec.mtu !== undefined) found.told.mtu = spec.mtu;
      if (spec.mac !== undefined) found.told.mac = spec.mac;
      if (spec.up !== undefined) setUp(this.#space, found, spec.up);
      this.#space.tell({ kind: 'link', gone: false, link: { ...found.told } });
    }
    return undefined;
  }

  #addLink(spec: LinkSpec): string | undefined {
    if (this.#space.byName(spec.name!) !== undefined) return 'EEXIST';
    if (spec.kind?.kind !== 'veth') {
      newLink(this.#space, spec.name!, spec);
      return undefined;
    }
    const { name, namespace, mac, mtu } = spec.kind.peer!;
    const peerSpace = namespace === undefined ? this.#space : this.#kernel.space(namespace);
    if (peerSpace.byName(name) !== undefined) return 'EEXIST';
    const one = newLink(this.#space, spec.name!, spec);
    const two = newLink(peerSpace, name, { mac, mtu } as LinkSpec);
    one.peer = { space: peerSpace, index: two.told.index };
    two.peer = { space: this.#space, index: one.told.index };
    one.told.peerIndex = two.told.index;
    two.told.peerIndex = one.told.index;
    return undefined;
  }

  #doAddress(action: string, spec: AddressSpec): string | undefined {
    const { address, length, link } = spec;
    const found = this.#space.links.get(link);
    if (found === undefined) return 'ENODEV';
    const at = this.#space.addresses.findIndex(
      (one) => one.link === link && equalAddresses(one.address, address),
    );
    if (action === 'delete') {
      if (at < 0) return 'EADDRNOTAVAIL';
      const [entry] = this.#space.addresses.splice(at, 1);
      this.#space.tell({ kind: 'address', gone: true, address: entry! });
      const connected = connectedRoute(link, prefixOf(address, length));
      removeRoutes(this.#space, (route) => isSameSpec(route, connected), true);
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
    this.#space.addresses.push(entry);
    this.#space.tell({ kind: 'address', gone: false, address: entry });
    if (found.told.up) connect(this.#space, entry);
    return undefined;
  }

  #doRoute(action: string, spec: RouteSpec): string | undefined {
    if (action === 'delete') {
      const at = this.#space.routes.findIndex((route) => isSameSpec(route, spec));
      if (at < 0) return 'ESRCH';
      const [route] = this.#space.routes.splice(at, 1);
      this.#space.tell({ kind: 'route', gone: true, route: route! }, this);
      return undefined;
    }
    const route = this.#resolve(spec);
    if (typeof route === 'string') return route;
    const at = this.#space.routes.findIndex(
      (one) =>
        one.table === route.table &&
        one.metric === route.metric &&
        equalPrefixes(one.destination, route.destination),
    );
    if (at >= 0 && action === 'add') return 'EEXIST';
    if (at >= 0) this.#space.routes[at] = route;
    else this.#space.routes.push(route);
    this.#space.tell({ kind: 'route', gone: false, route }, this);
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
        const reach = this.#space.routes.find(
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
      const link = this.#space.links.get(oif!);
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

function newLink(space: Space, name: string, spec: LinkSpec): FakeLink {
  const index = space.nextIndex++;
  const link: FakeLink = {
    told: {
      index,
      name,
      up: false,
      hasCarrier: false,
      loopback: false,
      operState: 'down',
      mtu: spec.mtu ?? 1500,
      mac: spec.mac ?? `02:00:00:00:00:${(index % 256).toString(16).padStart(2, '0')}`,
      txQueueLength: 1000,
      group: 0,
      kind: spec.kind?.kind ?? 'veth',
      ...(spec.kind && { details: spec.kind }),
    },
  };
  space.links.set(index, link);
  for (const [key, value] of Object.entries(SYSCTLS_OF_A_LINK))
    space.sysctls.set(key.replace('*', name), value);
  space.tell({ kind: 'link', gone: false, link: { ...link.told } });
  return link;
}

const SYSCTLS_OF_A_LINK = {
  'net/ipv4/conf/*/proxy_arp': '0',
  'net/ipv4/conf/*/rp_filter': '0',
  'net/ipv4/conf/*/forwarding': '0',
  'net/ipv4/conf/*/route_localnet': '0',
  'net/ipv4/neigh/*/proxy_delay': '80',
  'net/ipv6/conf/*/disable_ipv6': '0',
  'net/ipv6/conf/*/accept_dad': '1',
  'net/ipv6/conf/*/accept_ra': '1',
  'net/ipv6/conf/*/addr_gen_mode': '0',
  'net/ipv6/conf/*/proxy_ndp': '0',
  'net/ipv6/conf/*/forwarding': '0',
};

function removeLink(space: Space, index: number): void {
  const link = space.links.get(index);
  if (link === undefined) return;
  space.links.delete(index);
  space.addresses = space.addresses.filter((address) => address.link !== index);
  space.neighbours = space.neighbours.filter((neighbour) => neighbour.link !== index);
  loseRoutes(space, index);
  space.tell({ kind: 'link', gone: true, link: { ...link.told } });
  if (link.peer !== undefined) removeLink(link.peer.space, link.peer.index);
}

function setUp(space: Space, link: FakeLink, up: boolean): void {
  if (link.told.up === up) return;
  link.told.up = up;
  const { index, mac } = link.told;
  if (!up) {
    // IPv6 addresses go with it, IPv4's stay.
    space.addresses = space.addresses.filter(
      (one) => one.link !== index || one.address.family === 4,
    );
    loseRoutes(space, index);
    return;
  }
  const linkLocal = linkLocalOf(mac!);
  space.addresses.push({
    link: index,
    address: linkLocal,
    length: 64,
    scope: 'link',
    permanent: true,
    tentative: false,
    dadFailed: false,
  });
  for (const address of space.addresses) if (address.link === index) connect(space, address);
}

/** RFC 4291, appendix A. */
function linkLocalOf(mac: string): Address {
  const [a, b, c, d, e, f] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const bytes = [a! ^ 2, b!, c!, 0xff, 0xfe, d!, e!, f!];
  const groups = [0, 2, 4, 6].map((i) => ((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return parseAddress(`fe80::${groups.join(':')}`);
}

function connect(space: Space, { address, length, link }: AddressEntry): void {
  if (address.family === 4 && length === 32) return;
  const route = connectedRoute(link, prefixOf(address, length));
  space.routes.push(route);
  space.tell({ kind: 'route', gone: false, route });
}

function connectedRoute(oif: number, destination: Prefix): Route {
  const { family } = destination.address;
  return {
    family,
    destination,
    oif,
    table: 254,
    protocol: 2,
    type: 'unicast',
    scope: family === 4 ? 'link' : 'global',
    metric: family === 4 ? 0 : 256,
    linkDown: false,
  };
}

/** What goes with an interface: of IPv4 the kernel doesn't tell. */
function loseRoutes(space: Space, index: number): void {
  const leads = (route: Route) => hopsOf(route).some(({ oif }) => oif === index);
  removeRoutes(space, (route) => route.family === 4 && leads(route), false);
  removeRoutes(space, (route) => route.family === 6 && leads(route), true);
}

function removeRoutes(space: Space, which: (route: Route) => boolean, tells: boolean): void {
  const gone = space.routes.filter(which);
  space.routes = space.routes.filter((route) => !gone.includes(route));
  if (tells) for (const route of gone) space.tell({ kind: 'route', gone: true, route });
}

function hopsOf(route: RouteSpec): readonly NextHop[] {
  return route.multipath ?? [route];
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
