/** FRR 8: zebra and bgpd, and others of its daemons where they are asked for. */

import { type Host, until } from './host.ts';
import { ends, type Session } from './session.ts';

const SOCKETS = '/run/frr';
const DAEMONS = '/usr/lib/frr';

/** Of `zebra` next hops hear of the kernel's routes; `bfdd` is BFD; `staticd` are static routes. */
export type FrrDaemon = 'zebra' | 'bgpd' | 'bfdd' | 'staticd';

export class Frr {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /**
   * @param config of bgpd; lines that are others' are for `configure`
   * @param others in this order; bgpd comes last, and is waited for
   */
  async start(config: string, others: readonly FrrDaemon[] = ['zebra']): Promise<void> {
    await this.host.up();
    await this.host.run('install', '--directory', '--owner=frr', '--group=frr', SOCKETS);
    for (const daemon of others) await this.#start(daemon, '/dev/null');
    const file = this.host.write('bgpd.conf', config);
    await this.#start('bgpd', file, '--listenon', '0.0.0.0', '--listenon', '::');
  }

  /** One command after another, as at its prompt. */
  ask(...commands: string[]): Promise<string> {
    return this.#vtysh(undefined, ...commands);
  }

  /** @param command without its `json` */
  // biome-ignore lint/suspicious/noExplicitAny: what FRR says
  async json(command: string): Promise<any> {
    return JSON.parse(await this.ask(`${command} json`));
  }

  /** Lines of configuration, from the top. */
  async configure(...lines: string[]): Promise<void> {
    await this.ask('configure terminal', ...lines);
  }

  /** Of one neighbor, as `show bgp neighbors` tells. */
  // biome-ignore lint/suspicious/noExplicitAny: what FRR says
  async neighbor(address: string): Promise<any> {
    return (await this.json(`show bgp neighbors ${address}`))[address];
  }

  /** Its paths by prefix, best or not. */
  // biome-ignore lint/suspicious/noExplicitAny: what FRR says
  async routes(family: 4 | 6): Promise<Record<string, any[]>> {
    return (await this.json(`show bgp ipv${family} unicast`)).routes ?? {};
  }

  async #start(daemon: FrrDaemon, config: string, ...options: string[]): Promise<void> {
    this.host.spawn([
      ...[`${DAEMONS}/${daemon}`, '--config_file', config, ...options],
      ...['--vty_port', '0', '--log', 'stdout', '--log-level', 'errors'],
    ]);
    await until(
      `${daemon} to answer`,
      async () => (await this.#vtysh(daemon, 'show version')) !== '',
    );
  }

  #vtysh(daemon: FrrDaemon | undefined, ...commands: string[]): Promise<string> {
    const only = daemon ? ['-d', daemon] : [];
    const options = commands.flatMap((one) => ['-c', one]);
    return this.host.run('vtysh', '--vty_socket', SOCKETS, ...only, ...options);
  }
}

/** One session with both families, in which it announces what is configured: `network`s in `more`. */
export function frrConfig(host: Host, session: Session): string {
  const { as, neighborAs, passive = false, holdTimeSec = 90 } = session;
  const [, ours] = ends(host, session);
  const family = (number: 4 | 6) => `
 address-family ipv${number} unicast
  neighbor ${ours} activate
  neighbor ${ours} soft-reconfiguration inbound
  neighbor ${ours} route-map OWN out
 exit-address-family`;
  return `frr defaults datacenter
router bgp ${as}
 bgp router-id ${host.address4}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${ours} remote-as ${neighborAs}
 neighbor ${ours} timers ${Math.floor(holdTimeSec / 3)} ${holdTimeSec}
 neighbor ${ours} timers connect 1
 neighbor ${ours} advertisement-interval 0
${passive ? ` neighbor ${ours} passive` : ''}
${session.options ?? ''}
${family(4)}
${family(6)}
exit
route-map OWN permit 10
 set ipv6 next-hop global ${host.address6}
exit
${session.more ?? ''}
`;
}
