/** Configurations of BIRD for the scenarios, from few words. */

import type { Host } from './host.ts';
import { ends, type Session } from './session.ts';

export interface BirdSession extends Session {
  readonly channelOptions4?: string;
  readonly channelOptions6?: string;
}

/** One session, named `tortie`, with both families; everything static is announced. */
export function birdConfig(host: Host, session: BirdSession): string {
  const { as, neighborAs, passive = false, holdTimeSec = 90 } = session;
  const [own, peer] = ends(host, session);
  const channel = (family: number, nextHop: string, options: string) => `
  ipv${family} {
    import all;
    export where source = RTS_STATIC;
    next hop address ${nextHop};
    ${options}
  };`;
  return `
log stderr { error, fatal };
router id ${host.address4};
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; }
protocol bgp tortie {
  local ${own} as ${as};
  neighbor ${peer} as ${neighborAs};
  ${passive ? 'passive;' : ''}
  hold time ${holdTimeSec};
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  ${session.options ?? ''}
  ${channel(4, host.address4, session.channelOptions4 ?? '')}
  ${channel(6, host.address6, session.channelOptions6 ?? '')}
}
${session.more ?? ''}
`;
}

/** Blackholes that BIRD announces; `attributes` in BIRD's filter language. */
export function statics(
  name: string,
  family: 4 | 6,
  routes: readonly { readonly prefix: string; readonly attributes?: string }[],
): string {
  const lines = routes.map(({ prefix, attributes }) =>
    attributes ? `  route ${prefix} blackhole { ${attributes} };` : `  route ${prefix} blackhole;`,
  );
  return `protocol static ${name} {\n  ipv${family};\n${lines.join('\n')}\n}\n`;
}
