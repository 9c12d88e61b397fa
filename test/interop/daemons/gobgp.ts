/** GoBGP 3. */

import { readFileSync } from 'node:fs';
import { type Host, until } from './host.ts';
import { ends, type Session } from './session.ts';

const LOG = 'gobgpd.log';

export class Gobgp {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** @param config TOML; waits until it answers */
  async start(config: string, ...more: string[]): Promise<void> {
    await this.host.up();
    const file = this.host.write('gobgp.toml', config);
    const options = ['--log-level', 'error', '--api-hosts', '127.0.0.1:50051', '--pprof-disable'];
    this.host.spawn(['gobgpd', '--config-file', file, ...options, ...more], {}, LOG);
    await until('gobgpd to answer', async () => (await this.ask('neighbor')) !== '');
  }

  /** Reads another configuration, as on SIGHUP. */
  configure(config: string): void {
    this.host.write('gobgp.toml', config);
    this.host.signal('SIGHUP');
  }

  ask(...command: string[]): Promise<string> {
    return this.host.run('gobgp', ...command);
  }

  // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
  async json(...command: string[]): Promise<any> {
    return JSON.parse(await this.ask('--json', ...command));
  }

  // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
  neighbor(address: string): Promise<any> {
    return this.json('neighbor', address);
  }

  /** What it logged so far, first to last: what it is told in NOTIFICATIONs it shows nowhere else. */
  // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
  log(): any[] {
    const lines = readFileSync(`${this.host.folder}/${LOG}`, 'utf8').split('\n');
    // The last may be half written.
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  }

  /** Its paths by prefix, best or not. */
  // biome-ignore lint/suspicious/noExplicitAny: what GoBGP says
  routes(family: 4 | 6): Promise<Record<string, any[]>> {
    return this.json('global', 'rib', '--address-family', `ipv${family}`);
  }

  /** @param attributes in its words: `med 7 community 65000:1` */
  async announce(prefix: string, attributes = ''): Promise<void> {
    const words = attributes.split(' ').filter(Boolean);
    await this.ask('global', 'rib', 'add', '--address-family', familyOf(prefix), prefix, ...words);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.ask('global', 'rib', 'del', '--address-family', familyOf(prefix), prefix);
  }
}

function familyOf(prefix: string): string {
  return prefix.includes(':') ? 'ipv6' : 'ipv4';
}

/** One session with both families. `options` is TOML that begins within `[neighbors.config]`. */
export function gobgpConfig(host: Host, session: Session): string {
  const { as, neighborAs, passive = false, holdTimeSec = 90 } = session;
  const [own, ours] = ends(host, session);
  return `[global.config]
  as = ${as}
  router-id = "${host.address4}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${ours}"
    peer-as = ${neighborAs}
${session.options ?? ''}
  [neighbors.timers.config]
    hold-time = ${holdTimeSec}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.transport.config]
    passive-mode = ${passive}
    local-address = "${own}"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
${session.more ?? ''}
`;
}
