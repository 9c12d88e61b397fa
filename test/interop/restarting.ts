/** Daemons that keep routes of peers that restart, and have theirs kept: RFC 4724, RFC 9494. */

import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Exabgp, exabgpConfig } from './daemons/exabgp.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import type { Host } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import { OUR_AS, type Stage, THEIR_AS } from './stage.ts';

export const OURS = '10.1.0.0/26';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS, holdTimeSec: 30 };
/** For how long BIRD, FRR and GoBGP keep routes as the last choice, and ask for it. */
const LONG_LIVED_SEC = 3_600;
/** LLGR_STALE as FRR, GoBGP and BIRD show it. */
const LLGR_STALE = ['llgrStale', 0xffff0006, '(65535,6)'];

export interface Restarting {
  readonly host: Host;
  /** Starts it, with its routes. */
  start(): Promise<void>;
  /** Our route there; undefined: it has none. */
  ours(): Promise<{ isLongLivedStale: boolean } | undefined>;
}

/** What each announces. */
export function theirs({ address4 }: Host): readonly [prefix4: string, prefix6: string] {
  const [, , cable] = address4.split('.');
  return [`198.51.${cable}.0/24`, `2001:db8:${cable}::/48`];
}

function marked(communities: readonly unknown[]): { isLongLivedStale: boolean } {
  return { isLongLivedStale: communities.some((one) => LLGR_STALE.includes(one as string)) };
}

export function bird(stage: Stage): Restarting {
  const daemon = new Bird(stage.host('bird'));
  const { host } = daemon;
  const [prefix4, prefix6] = theirs(host);
  const options = `graceful restart yes;
  long lived graceful restart yes;
  long lived stale time ${LONG_LIVED_SEC};`;
  const more = statics('s4', 4, [{ prefix: prefix4 }]) + statics('s6', 6, [{ prefix: prefix6 }]);
  return {
    host,
    // -R: it has restarted. The first time it has not, which makes no difference.
    start: () => daemon.start(birdConfig(host, { ...SESSION, options, more }), '-R'),
    async ours() {
      const routes = await daemon.routes('protocol', 'tortie');
      const route = routes.find(({ prefix }) => prefix === OURS);
      return route && marked((route.attributes['BGP.community'] ?? '').split(' '));
    },
  };
}

export function frr(stage: Stage): Restarting {
  const daemon = new Frr(stage.host('frr'));
  const { host } = daemon;
  const [prefix4, prefix6] = theirs(host);
  const network = (family: 4 | 6, prefix: string) =>
    ` address-family ipv${family} unicast\n  network ${prefix}\n exit-address-family`;
  const options = [
    ' bgp graceful-restart',
    ' bgp graceful-restart preserve-fw-state',
    ` bgp long-lived-graceful-restart stale-time ${LONG_LIVED_SEC}`,
    network(4, prefix4),
    network(6, prefix6),
  ].join('\n');
  return {
    host,
    start: () => daemon.start(frrConfig(host, { ...SESSION, options })),
    async ours() {
      const { paths: [path] = [] } = await daemon.json(`show bgp ipv4 unicast ${OURS}`);
      return path && marked(path.community?.list ?? []);
    },
  };
}

export function gobgp(stage: Stage): Restarting {
  const daemon = new Gobgp(stage.host('gobgp'));
  const { host } = daemon;
  const more = `
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 90
    notification-enabled = true
    long-lived-enabled = true`;
  const config = gobgpConfig(host, { ...SESSION, options: more }).replaceAll(
    '  [[neighbors.afi-safis]]\n',
    `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
    [neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = true
      restart-time = ${LONG_LIVED_SEC}
`,
  );
  return {
    host,
    async start() {
      // As BIRD's -R: else it says that it has not kept what it forwards by.
      await daemon.start(config, '--graceful-restart');
      for (const prefix of theirs(host)) await daemon.announce(prefix);
    },
    async ours() {
      const [path] = (await daemon.routes(4))[OURS] ?? [];
      // COMMUNITIES
      const isIt = ({ type }: { type: number }) => type === 8;
      return path && marked(path.attrs.find(isIt)?.communities ?? []);
    },
  };
}

/** It keeps ours, but asks nobody to keep its own; it does not have RFC 9494. */
export function openbgpd(stage: Stage): Restarting {
  const daemon = new Openbgpd(stage.host('openbgpd'));
  const { host } = daemon;
  const networks = theirs(host).map((prefix) => `network ${prefix}`);
  return {
    host,
    start: () => daemon.start(openbgpdConfig(host, { ...SESSION, more: networks.join('\n') })),
    async ours() {
      const isHeld = (await daemon.routes('in')).some(({ prefix }) => prefix === OURS);
      return isHeld ? marked([]) : undefined;
    },
  };
}

/** It has no RIB to keep ours in; it does not have RFC 9494. */
export function exabgp(stage: Stage): Restarting {
  const daemon = new Exabgp(stage.host('exabgp'));
  const { host } = daemon;
  const [prefix4, prefix6] = theirs(host);
  const options = `capability {
    graceful-restart 120;
  }
  static {
    route ${prefix4} next-hop ${host.address4};
    route ${prefix6} next-hop ${host.address6};
  }`;
  return {
    host,
    start: () => daemon.start(exabgpConfig(host, { ...SESSION, options })),
    async ours() {
      const isAnnounced = daemon.updates().some(({ announce }) => {
        const routes = Object.values<{ nlri: string }[]>(announce?.['ipv4 unicast'] ?? {}).flat();
        return routes.some(({ nlri }) => nlri === OURS);
      });
      return isAnnounced ? marked([]) : undefined;
    },
  };
}
