/**
 * IPv6 takes a gateway as on-link, whatever one says, only if no route leads to it by another interface.
 * That of a tunnel lies in the very block that is to be reached by it: where the block's old route goes by
 * another interface, replacing it is refused. So for as long as a batch lasts the gateway has a route of
 * its own on the tunnel; afterwards the block's new one leads there.
 */

import { hostPrefix } from 'net-ipaddr';
import type { Action, Operation, RouteSpec } from 'rtnetlink-ts';
import { PROTOCOL } from '../ours.ts';
import { METRIC } from './kernel-route.ts';

export interface RouteWrite {
  readonly action: Action;
  readonly route: RouteSpec;
}

/** What is to be sent for `writes`. */
export function withFootings(writes: readonly RouteWrite[]): {
  operations: Operation[];
  /** Of each of `writes`. */
  places: number[];
} {
  const operations: Operation[] = [];
  const places: number[] = [];
  for (const write of writes) {
    const { action, route } = write;
    const footing = action === 'delete' ? undefined : footingOf(route);
    if (footing !== undefined) operations.push({ action: 'add', route: footing });
    places.push(operations.length);
    operations.push(write);
    if (footing !== undefined) operations.push({ action: 'delete', route: footing });
  }
  return { operations, places };
}

/** Of a metric that no route of ours has: what is removed afterwards is never another. */
const METRIC_OF_FOOTING = METRIC - 1;

function footingOf({ gateway, oif, onlink, table }: RouteSpec): RouteSpec | undefined {
  if (!onlink || gateway?.family !== 6) return undefined;
  const common = { type: 'unicast', protocol: PROTOCOL, metric: METRIC_OF_FOOTING } as const;
  return { ...common, destination: hostPrefix(gateway), oif, table };
}
