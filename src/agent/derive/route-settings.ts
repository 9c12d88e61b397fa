/** What FelixConfiguration says of the routes that felix writes. Pure. */
import { parseDuration } from '../../../api/index.ts';
import { DEFAULT_MARKS, type RouteMarks } from '../../../felix/felix.ts';
import type { FelixSettings } from './felix-configuration.ts';

/**
 * rtm_protocols of routes that the kernel, administrators and address configuration write (0 to 4, RA, DHCP).
 * Whatever has ours counts as ours, and goes when nobody here wants it.
 */
const OTHERS = [0, 1, 2, 3, 4, 9, 16];

const LEAST_REFRESH_MS = 1_000;
const MOST_REFRESH_MS = 86_400_000;

export interface RouteSettings {
  readonly marks: RouteMarks;
  /** 0: never. */
  readonly refreshMs: number;
}

export function deriveRouteSettings(felix: FelixSettings, problems: string[]): RouteSettings {
  const { ipv4NormalRoutePriority, ipv6NormalRoutePriority, routeRefreshInterval } = felix;
  const metric = {
    4: ipv4NormalRoutePriority ?? DEFAULT_MARKS.metric[4],
    6: ipv6NormalRoutePriority ?? DEFAULT_MARKS.metric[6],
  };
  const refreshMs =
    routeRefreshInterval === undefined ? 90_000 : parseDuration(routeRefreshInterval);
  return {
    marks: { protocol: protocolOf(felix, problems), metric },
    refreshMs:
      refreshMs === 0 ? 0 : Math.min(MOST_REFRESH_MS, Math.max(LEAST_REFRESH_MS, refreshMs)),
  };
}

function protocolOf({ deviceRouteProtocol: protocol }: FelixSettings, problems: string[]): number {
  if (protocol === undefined || !OTHERS.includes(protocol))
    return protocol ?? DEFAULT_MARKS.protocol;
  problems.push(
    `FelixConfiguration: deviceRouteProtocol ${protocol} is on routes that are not ours, too, and these would ` +
      `be removed: ${DEFAULT_MARKS.protocol} is used; write a number from 5 to 255 that nothing else here uses`,
  );
  return DEFAULT_MARKS.protocol;
}
