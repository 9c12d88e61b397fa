/** Our routes in netlink's terms: how they are written, whose a route is, when two are the same. */

import {
  type Address,
  equalAddresses,
  type Family,
  familyBits,
  formatAddress,
  formatPrefix,
  parseAddress,
} from 'net-ipaddr';
import type { NextHop, Route, RouteSpec } from 'rtnetlink-ts';
import type { Gateway } from '../calc/next-hops.ts';
import type { DesiredRoute } from '../calc/route.ts';
import { isPodInterface, PROTOCOL, TABLE, TUNNEL_DEVICES } from '../ours.ts';

/**
 * Metric of what we write, but for learned routes that have their own: Calico's normal route priority, and
 * what the kernel makes of an IPv6 metric of 0. What an administrator sets without a metric is in front of it.
 */
export const METRIC = 1024;

/** What our routes are known by. */
export interface RouteMarks {
  readonly protocol: number;
  /** 1 to 4294967295. */
  readonly metric: Readonly<Record<Family, number>>;
}

export const DEFAULT_MARKS: RouteMarks = { protocol: PROTOCOL, metric: { 4: METRIC, 6: METRIC } };

/**
 * The gateway of IPv6 routes by a device that needs none, and asks for nobody's MAC. The kernel takes the first address
 * of a route without a gateway for its subnet's anycast address (RFC 4291 §2.6.1) and answers it with no ICMPv6 error:
 * the pod that has it would never hear that its packets are too big.
 */
const NO_NODE = parseAddress('fe80::1');

/** rtm_protocol of what the kernel makes itself, for the addresses of an interface. */
const KERNEL_PROTOCOL = 2;

/** The indices and names of interfaces, as far as they are known. */
export interface InterfaceNames {
  indexOf(name: string): number | undefined;
  nameOf(index: number): string | undefined;
}

/**
 * The route to write, or undefined when its interface does not exist (yet).
 *
 * @param nextHopId the object that stands for the next hops of a learned route, where there is one
 */
export function routeSpec(
  desired: DesiredRoute,
  names: InterfaceNames,
  marks: RouteMarks,
  nextHopId?: number | undefined,
): RouteSpec | undefined {
  const { prefix: destination, target } = desired;
  const normalMetric = marks.metric[destination.address.family];
  const { protocol } = marks;
  if (target.kind === 'learned' && nextHopId !== undefined) {
    const metric = target.metric ?? normalMetric;
    // Written out: with a spread, each of a hundred thousand takes twice the memory.
    return { destination, table: TABLE, protocol, metric, type: 'unicast', nextHopId };
  }
  const common = { destination, table: TABLE, protocol, metric: normalMetric };
  if (target.kind === 'blackhole') return { ...common, type: 'blackhole' };
  if (target.kind === 'workload') {
    const oif = names.indexOf(target.hostInterface);
    return oif === undefined ? undefined : { ...common, type: 'unicast', scope: 'link', oif };
  }
  if (target.kind === 'remote') {
    const { gateway, device } = target;
    if (device === undefined) return { ...common, type: 'unicast', gateway };
    const oif = names.indexOf(device);
    if (oif === undefined) return undefined;
    if (gateway !== undefined) return { ...common, type: 'unicast', gateway, oif, onlink: true };
    return destination.address.family === 4
      ? { ...common, type: 'unicast', scope: 'link', oif }
      : { ...common, type: 'unicast', gateway: NO_NODE, oif };
  }
  // A link that is gone takes its next hops with it, and not the others.
  const multipath = target.nextHops.flatMap((nextHop) => hopOf(nextHop, names) ?? []);
  if (multipath.length === 0) return undefined;
  return {
    ...common,
    metric: target.metric ?? normalMetric,
    type: 'unicast',
    ...(multipath.length === 1 ? multipath[0] : { multipath }),
  };
}

/** Where the gateway's interface is not said, the kernel finds it by its routes. */
function hopOf({ zone, onlink, ...gateway }: Gateway, names: InterfaceNames): NextHop | undefined {
  if (zone === undefined) return { gateway };
  const oif = names.indexOf(zone);
  return oif === undefined ? undefined : { gateway, oif, ...(onlink && { onlink }) };
}

/**
 * All that we wrote or would write: our protocol, or a route to a pod's interface or by a tunnel.
 * @param protocols of routes that we write, or have written.
 */
export function isOurs(
  route: RouteSpec,
  names: InterfaceNames,
  protocols: ReadonlySet<number>,
): boolean {
  if (protocols.has(route.protocol!)) return true;
  // The kernel's own, such as fe80::/64, comes and goes with the interface.
  if (route.protocol === KERNEL_PROTOCOL) return false;
  return leadsToPod(route, names) || leadsToTunnel(route, names);
}

/** With one hop of several at least: Calico's BIRD shares a load between tunnels. */
function leadsToTunnel({ multipath, oif }: RouteSpec, names: InterfaceNames): boolean {
  return multipath === undefined
    ? isTunnel(oif, names)
    : multipath.some((hop) => isTunnel(hop.oif, names));
}

function isTunnel(oif: number | undefined, names: InterfaceNames): boolean {
  const name = oif === undefined ? undefined : names.nameOf(oif);
  return name !== undefined && TUNNEL_DEVICES.includes(name);
}

export function leadsToPod(route: RouteSpec, names: InterfaceNames): boolean {
  if (route.oif === undefined) return false;
  const name = names.nameOf(route.oif);
  return name !== undefined && isPodInterface(name);
}

/** Where the route leads; undefined: its device finds the node. */
export function gatewayOf({ gateway }: RouteSpec): Address | undefined {
  return gateway !== undefined && equalAddresses(gateway, NO_NODE) ? undefined : gateway;
}

/** A route by a gateway: to another node, or to a router. */
export function isRemote({ gateway, multipath, nextHopId }: RouteSpec): boolean {
  return gateway !== undefined || multipath !== undefined || nextHopId !== undefined;
}

/** A network that the host is connected to. */
export function isConnected(route: Route): boolean {
  return route.protocol === KERNEL_PROTOCOL && route.type === 'unicast' && !isRemote(route);
}

/** The pod's address, where the route is one pod's. */
export function podAddress(route: RouteSpec, names: InterfaceNames): Address | undefined {
  const { address, length } = route.destination;
  return length === familyBits(address.family) && leadsToPod(route, names) ? address : undefined;
}

/** The addresses that routes lead to interfaces of pods, by interface. */
export function addressesByPod(
  routes: Iterable<RouteSpec>,
  names: InterfaceNames,
): Map<string, Address[]> {
  const routed = new Map<string, Address[]>();
  for (const route of routes) {
    const address = podAddress(route, names);
    if (address === undefined) continue;
    const name = names.nameOf(route.oif!)!;
    routed.set(name, [...(routed.get(name) ?? []), address]);
  }
  return routed;
}

/**
 * Whether `actual` is what `desired` asks for. The kernel chooses the interface of a gateway, so the
 * interface is compared only where `desired` names one.
 */
export function sameRoute(actual: RouteSpec, desired: RouteSpec): boolean {
  if (actual === desired) return true;
  if (
    actual.metric !== desired.metric ||
    actual.protocol !== desired.protocol ||
    actual.type !== desired.type ||
    actual.preferredSource !== undefined
  )
    return false;
  // What an object stands for is the object's business.
  if (actual.nextHopId !== desired.nextHopId) return false;
  if (desired.nextHopId !== undefined) return true;
  // The kernel shows an IPv6 blackhole as one on lo.
  if (desired.type === 'blackhole') return true;
  if (desired.oif !== undefined && actual.oif !== desired.oif) return false;
  // An interface that the kernel chooses is one that an address says the gateway is on: by IPIP it is the same gateway.
  if (desired.oif === undefined && actual.onlink) return false;
  if (desired.multipath !== undefined)
    return actual.multipath !== undefined && sameHops(actual.multipath, desired.multipath);
  return actual.multipath === undefined && sameGateway(actual.gateway, desired.gateway);
}

function sameHops(actual: readonly NextHop[], desired: readonly NextHop[]): boolean {
  if (actual.length !== desired.length) return false;
  return desired.every((wanted) =>
    actual.some(
      (hop) =>
        (hop.weight ?? 1) === 1 &&
        (wanted.oif === undefined || hop.oif === wanted.oif) &&
        sameGateway(hop.gateway, wanted.gateway),
    ),
  );
}

function sameGateway(a: Address | undefined, b: Address | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalAddresses(a, b);
}

/** `10.1.0.0/26 via 10.0.0.2, protocol 4, metric 1024`: enough to find it with `ip route`. */
export function describeRoute(route: RouteSpec, names?: InterfaceNames): string {
  const type = route.type === undefined || route.type === 'unicast' ? '' : `${route.type} `;
  const hops = (route.multipath ?? [route]).map((hop) => describeHop(hop, names)).join('');
  const by = hops === '' && route.nextHopId !== undefined ? ` nhid ${route.nextHopId}` : hops;
  return `${type}${formatPrefix(route.destination)}${by}, protocol ${route.protocol}, metric ${route.metric}`;
}

function describeHop(hop: NextHop, names: InterfaceNames | undefined): string {
  const gateway = hop.gateway === undefined ? '' : ` via ${formatAddress(hop.gateway)}`;
  if (hop.oif === undefined) return gateway;
  return `${gateway} dev ${names?.nameOf(hop.oif) ?? `#${hop.oif}`}`;
}
