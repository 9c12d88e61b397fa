/**
 * A network namespace of the fake kernel: what is in it, and what the kernel does by itself when an
 * interface comes, goes, or changes its state.
 */

import { type Address, type Prefix, parseAddress, prefixOf } from 'net-ipaddr';
import type {
  AddressEntry,
  FdbEntry,
  Link,
  LinkSpec,
  Neighbour,
  NetlinkEvent,
  NextHop,
  Route,
  RouteSpec,
} from 'rtnetlink-ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface FakeLink {
  readonly told: Mutable<Link>;
  /** The other end of a veth. */
  peer?: { namespace: FakeNamespace; index: number };
}

interface Listener {
  /** The socket whose own changes of routes are no news to it. */
  readonly owner: object;
  readonly onEvent: (event: NetlinkEvent) => void;
  readonly onResync: () => void;
}

export class FakeNamespace {
  readonly links = new Map<number, FakeLink>();
  readonly listeners = new Set<Listener>();
  readonly sysctls = new Map<string, string>();
  addresses: AddressEntry[] = [];
  neighbours: Neighbour[] = [];
  fdb: FdbEntry[] = [];
  routes: Route[] = [];
  readonly #deliver: (event: () => void) => void;
  #nextIndex = 1;

  /** @param deliver how notifications come. */
  constructor(deliver: (event: () => void) => void) {
    this.#deliver = deliver;
  }

  byName(name: string): FakeLink | undefined {
    return [...this.links.values()].find(({ told }) => told.name === name);
  }

  tell(event: NetlinkEvent, except?: object): void {
    for (const listener of [...this.listeners]) {
      if (listener.owner !== except) this.#deliver(() => listener.onEvent(event));
    }
  }

  /** Down, with the sysctls of an interface. */
  addLink(name: string, { kind, mac, mtu }: Pick<LinkSpec, 'kind' | 'mac' | 'mtu'>): FakeLink {
    const index = this.#nextIndex++;
    const link: FakeLink = {
      told: {
        index,
        name,
        up: false,
        hasCarrier: false,
        loopback: false,
        operState: 'down',
        mtu: mtu ?? 1500,
        mac: mac ?? `02:00:00:00:00:${(index % 256).toString(16).padStart(2, '0')}`,
        txQueueLength: 1000,
        group: 0,
        kind: kind?.kind ?? 'veth',
        ...(kind && { details: kind }),
      },
    };
    this.links.set(index, link);
    for (const [key, value] of Object.entries(SYSCTLS_OF_A_LINK))
      this.sysctls.set(key.replace('*', name), value);
    this.tell({ kind: 'link', gone: false, link: { ...link.told } });
    return link;
  }

  removeLink(index: number): void {
    const link = this.links.get(index);
    if (link === undefined) return;
    this.links.delete(index);
    this.addresses = this.addresses.filter((address) => address.link !== index);
    this.neighbours = this.neighbours.filter((neighbour) => neighbour.link !== index);
    this.#loseRoutes(index);
    this.tell({ kind: 'link', gone: true, link: { ...link.told } });
    link.peer?.namespace.removeLink(link.peer.index);
  }

  setUp({ told }: FakeLink, up: boolean): void {
    if (told.up === up) return;
    told.up = up;
    const { index, mac } = told;
    if (!up) {
      // IPv6 addresses go with it, IPv4's stay.
      this.addresses = this.addresses.filter(
        (one) => one.link !== index || one.address.family === 4,
      );
      this.#loseRoutes(index);
      return;
    }
    this.addresses.push({
      link: index,
      address: linkLocalOf(mac!),
      length: 64,
      scope: 'link',
      permanent: true,
      tentative: false,
      dadFailed: false,
    });
    for (const address of this.addresses) if (address.link === index) this.connect(address);
  }

  connect({ address, length, link }: AddressEntry): void {
    if (address.family === 4 && length === 32) return;
    const route = connectedRoute(link, prefixOf(address, length));
    this.routes.push(route);
    this.tell({ kind: 'route', gone: false, route });
  }

  removeRoutes(which: (route: Route) => boolean, tells: boolean): void {
    const gone = this.routes.filter(which);
    this.routes = this.routes.filter((route) => !gone.includes(route));
    if (tells) for (const route of gone) this.tell({ kind: 'route', gone: true, route });
  }

  /** What goes with an interface: of IPv4 the kernel doesn't tell. */
  #loseRoutes(index: number): void {
    const leads = (route: Route) => hopsOf(route).some(({ oif }) => oif === index);
    this.removeRoutes((route) => route.family === 4 && leads(route), false);
    this.removeRoutes((route) => route.family === 6 && leads(route), true);
  }
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

/** RFC 4291, appendix A. */
function linkLocalOf(mac: string): Address {
  const [a, b, c, d, e, f] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const bytes = [a! ^ 2, b!, c!, 0xff, 0xfe, d!, e!, f!];
  const groups = [0, 2, 4, 6].map((i) => ((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return parseAddress(`fe80::${groups.join(':')}`);
}

export function connectedRoute(oif: number, destination: Prefix): Route {
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

export function hopsOf(route: RouteSpec): readonly NextHop[] {
  return route.multipath ?? [route];
}
