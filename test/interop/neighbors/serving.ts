/** The daemons that have a RIB to reflect or serve from. ExaBGP has none. */

import { Bird } from '../daemons/bird.ts';
import { birdConfig } from '../daemons/bird-config.ts';
import { Frr, frrConfig } from '../daemons/frr.ts';
import { Gobgp, gobgpConfig } from '../daemons/gobgp.ts';
import type { Host } from '../daemons/host.ts';
import { Openbgpd, openbgpdConfig } from '../daemons/openbgpd.ts';
import type { Session } from '../daemons/session.ts';

export interface Serving {
  /** Ours with the daemon. */
  readonly session: Pick<Session, 'as' | 'neighborAs'>;
  /** Of the other client. */
  readonly otherAs: number;
  /** That a neighbor is a client, in each daemon's words. */
  readonly bird: string;
  readonly frr: string;
  readonly gobgp: (host: Host) => string;
  readonly openbgpd: string;
  /** What else each needs. */
  readonly birdExport?: string;
  readonly openbgpdRules?: string;
}

/** Each starts on `host`, and has us and `other`, who dials it, as clients. */
export function servers(
  serving: Serving,
): Record<string, (host: Host, other: string) => Promise<void>> {
  const { session, otherAs } = serving;
  return {
    bird: (host, other) =>
      new Bird(host).start(
        birdConfig(host, {
          ...session,
          options: serving.bird,
          channelOptions4: `export where source = RTS_BGP; ${serving.birdExport ?? ''}`,
          more: `protocol bgp second {
  local ${host.address4} as ${session.as};
  neighbor ${other} as ${otherAs};
  ${serving.bird}
  passive;
  ipv4 { import all; export all; };
}`,
        }),
      ),

    frr(host, other) {
      const options = ` neighbor ${other} remote-as ${otherAs}
 neighbor ${other} passive
 address-family ipv4 unicast
  neighbor ${other} activate
  neighbor ${other} ${serving.frr}
  neighbor ${host.ours4} ${serving.frr}
 exit-address-family`;
      return new Frr(host).start(frrConfig(host, { ...session, options }));
    },

    gobgp(host, other) {
      const options = serving.gobgp(host);
      const more = `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${other}"
    peer-as = ${otherAs}
${options}
  [neighbors.transport.config]
    passive-mode = true`;
      return new Gobgp(host).start(gobgpConfig(host, { ...session, options, more }));
    },

    openbgpd(host, other) {
      const more = `neighbor ${other} {
  remote-as ${otherAs}
  passive
${serving.openbgpd}
}
${serving.openbgpdRules ?? ''}`;
      const options = serving.openbgpd;
      return new Openbgpd(host).start(openbgpdConfig(host, { ...session, options, more }));
    },
  };
}
