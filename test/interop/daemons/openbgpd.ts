/** OpenBGPD 7. */

import { type Host, until } from './host.ts';
import { ends, type Session } from './session.ts';

/** Where Debian's build changes its root to, and has its socket. */
const RUN = '/run/openbgpd';

export class Openbgpd {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** Waits until it answers. */
  async start(config: string): Promise<void> {
    await this.host.up();
    await this.host.run('mkdir', '-p', RUN);
    this.host.spawn(['/usr/sbin/bgpd', '-d', '-f', this.#write(config)]);
    await until('bgpd to answer', async () => (await this.ask('show')) !== '');
  }

  /** Reads another configuration. */
  async configure(config: string): Promise<void> {
    this.#write(config);
    await this.ask('reload');
  }

  ask(...command: string[]): Promise<string> {
    return this.host.run('bgpctl', ...command);
  }

  // biome-ignore lint/suspicious/noExplicitAny: what OpenBGPD says
  async json(...command: string[]): Promise<any> {
    return JSON.parse(await this.ask('-j', 'show', ...command));
  }

  // biome-ignore lint/suspicious/noExplicitAny: what OpenBGPD says
  async neighbor(address: string): Promise<any> {
    return (await this.json('neighbor', address)).neighbors[0];
  }

  /** Its paths with all attributes, best or not. */
  // biome-ignore lint/suspicious/noExplicitAny: what OpenBGPD says
  async routes(...which: string[]): Promise<any[]> {
    return (await this.json('rib', 'detail', ...which)).rib ?? [];
  }

  /** @param attributes in its words: `metric 7 community 65000:1` */
  async announce(prefix: string, attributes = ''): Promise<void> {
    await this.ask('network', 'add', prefix, ...attributes.split(' ').filter(Boolean));
  }

  async withdraw(prefix: string): Promise<void> {
    await this.ask('network', 'delete', prefix);
  }

  #write(config: string): string {
    // It refuses a file that others may write to or read.
    return this.host.write('openbgpd.conf', config, 0o600);
  }
}

/** One session with both families. */
export function openbgpdConfig(host: Host, session: Session): string {
  const { as, neighborAs, passive = false, holdTimeSec = 90 } = session;
  const [own, ours] = ends(host, session);
  return `AS ${as}
router-id ${host.address4}
listen on ${own}
fib-update no
holdtime ${holdTimeSec}
connect-retry 1
nexthop qualify via default
neighbor ${ours} {
  remote-as ${neighborAs}
  local-address ${own}
  announce IPv4 unicast
  announce IPv6 unicast
${passive ? '  passive' : ''}
${session.options ?? ''}
}
allow from any
allow to any
${session.more ?? ''}
`;
}
