/** Configurations of BIRD for the scenarios, from few words. */

import type { Bird } from './bird.ts';

export interface BirdSession {
  readonly as: number;
  readonly neighborAs: number;
  /** @default over IPv4 */
  readonly over6?: boolean;
  readonly passive?: boolean;
  readonly holdTimeSec?: number;
  /** Lines of protocols beside it: what is announced. */
  readonly more?: string;
  /** Lines within `protocol bgp`. */
  readonly options?: string;
  readonly channelOptions4?: string;
  readonly channelOptions6?: string;
}

/** One session, named `tortie`, with both families; everything static is announced. */
export function birdConfig(bird: Bird, session: BirdSession): string {
  const { as, neighborAs, over6 = false, passive = false, holdTimeSec = 90 } = session;
  const [own, peer] = over6 ? [bird.address6, bird.ours6] : [bird.address4, bird.ours4];
  const channel = (family: number, nextHop: string, options: string) => `
  ipv${family} {
    import all;
    export where source = RTS_STATIC;
    next hop address ${nextHop};
    ${options}
  };`;
  return `
log stderr { error, fatal };
router id ${bird.address4};
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
  ${channel(4, bird.address4, session.channelOptions4 ?? '')}
  ${channel(6, bird.address6, session.channelOptions6 ?? '')}
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
