/**
 * Unnumbered: links that have link-local addresses and no others, IPv4 and IPv6 routes over them into
 * both kernels, and pings along these routes, between addresses that only BGP knows the way to.
 */

import type { PeerConfig } from '../../bgp/speaker.ts';
import { kernelLinks } from '../../bgp/unnumbered/kernel-links.ts';
import type { Log } from '../../ports.ts';
import { KernelRoutes } from '../../src/speaker/kernel-routes.ts';
import { ipRoutes } from '../ip-routes.ts';
import { Bird } from './daemons/bird.ts';
import { statics } from './daemons/bird-config.ts';
import { Frr } from './daemons/frr.ts';
import { command, type Host, until } from './daemons/host.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const OURS = ['10.1.0.1/32', 'fd00:1::1/128'] as const;
const THEIRS = ['198.51.100.1/32', '2001:db8:b::1/128'] as const;
const OTHERS = ['203.0.113.1/32', '2001:db8:c::1/128'] as const;
const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => QUIET };

const ip = (...args: string[]) => command('ip', ...args);
const addressOf = (prefix: string) => prefix.split('/')[0]!;

/** Takes from the cable what the host brought, and gives the host addresses of its own. */
async function unnumber(host: Host, addresses: readonly string[]): Promise<void> {
  await host.up();
  ip('address', 'flush', 'dev', host.interface, 'scope', 'global');
  await host.run('ip', 'address', 'flush', 'dev', 'uplink', 'scope', 'global');
  for (const address of addresses) await host.run('ip', 'address', 'add', address, 'dev', 'lo');
}

function linkLocalIn(addresses: string): string | undefined {
  return /inet6 (fe80:\S+)\/64 scope link (?!tentative)/.exec(addresses)?.[1];
}

/** Our end's address: whole when duplicate address detection is through. */
async function ourLinkLocal(host: Host): Promise<string> {
  const found = () => linkLocalIn(ip('-o', '-6', 'address', 'show', 'dev', host.interface));
  await until('our link-local address', () => found() !== undefined);
  return found()!;
}

async function theirLinkLocal(host: Host): Promise<string | undefined> {
  return linkLocalIn(await host.run('ip', '-o', '-6', 'address', 'show', 'dev', 'uplink'));
}

async function changeLinkLocal(host: Host, address: string): Promise<void> {
  await until('their link-local address', async () => (await theirLinkLocal(host)) !== undefined);
  const before = await theirLinkLocal(host);
  await host.run('ip', 'address', 'add', `${address}/64`, 'dev', 'uplink', 'nodad');
  await host.run('ip', 'address', 'del', `${before}/64`, 'dev', 'uplink');
}

function peer(host: Host, more: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: host.name,
    interface: host.interface,
    remoteAs: 'external',
    importPolicy: 'all',
    exportPolicy: 'all',
    ...more,
  };
}

/** Configures, with what is chosen going to the kernel. */
async function route(stage: Stage, peers: PeerConfig[]): Promise<KernelRoutes> {
  for (const address of OURS) ip('address', 'add', address, 'dev', 'lo');
  const kernel = await KernelRoutes.start(QUIET);
  kernel.program(stage.speaker);
  const originations = OURS.map((prefix) => ({ prefix }));
  stage.configure(peers, { originations });
  kernel.configured(stage.speaker, {
    ...{ localAs: OUR_AS, routerId: '', listen: [], peers, originations: [] },
  });
  return kernel;
}

/** As the kernel has each, without what differs from run to run; empty where it has none. */
function kernelRoutes(prefixes: readonly string[]): string[] {
  return prefixes.map((prefix) =>
    ipRoutes(ip(prefix.includes(':') ? '-6' : '-4', 'route', 'show', prefix))
      .join('\n')
      .replaceAll(/fe80::[0-9a-f:]+/g, 'fe80::…'),
  );
}

/** Whether the far side answers, from our address to its own. */
async function pings(prefixes: readonly string[]): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const [index, prefix] of prefixes.entries()) {
    const ping = ['-c', '1', '-W', '1', '-I', addressOf(OURS[index]!), addressOf(prefix)];
    const isAnswered = async () => {
      try {
        command('ping', ...ping);
        return true;
      } catch {
        return false;
      }
    };
    // The first may be lost while the neighbour's hardware address is asked for.
    await until(`an answer from ${prefix}`, isAnswered);
    answers.push(true);
  }
  return answers;
}

function frrConfig(
  host: Host,
  options: readonly string[] = [],
  own: readonly string[] = THEIRS,
): string {
  const [network4, network6] = own;
  return `frr defaults datacenter
router bgp ${THEIR_AS}
 bgp router-id ${host.address4}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor uplink interface remote-as external
 neighbor uplink timers 3 9
 neighbor uplink timers connect 1
${options.map((line) => ` neighbor uplink ${line}`).join('\n')}
 address-family ipv4 unicast
  network ${network4}
 exit-address-family
 address-family ipv6 unicast
  neighbor uplink activate
  network ${network6}
 exit-address-family
exit
`;
}

async function startFrr(
  host: Host,
  options?: readonly string[],
  own: readonly string[] = THEIRS,
): Promise<Frr> {
  const frr = new Frr(host);
  await unnumber(host, own);
  await frr.start(frrConfig(host, options, own));
  return frr;
}

async function withFrr(stage: Stage, options: string[], more: Partial<PeerConfig>) {
  const frr = await startFrr(stage.host('frr'), options);
  const { host } = frr;
  const kernel = await route(stage, [peer(host, more)]);
  const seen = await exchanged(stage, host);
  const atFrr = { ...(await frr.routes(4)), ...(await frr.routes(6)) };
  const { nexthops } = atFrr[OURS[0]]![0];
  await kernel.close();
  return {
    ...seen,
    ourHop: nexthops.map(({ afi, scope }: Record<string, string>) => [afi, scope]),
  };
}

async function exchanged(stage: Stage, host: Host) {
  await until('the session', () => stage.isUp(host), 60_000);
  await until('both routes', () => THEIRS.every((prefix) => stage.learned.has(prefix)));
  await until('kernel routes', () => kernelRoutes(THEIRS).every((text) => text !== ''));
  const { state, families, remoteAddress } = stage.summary(host);
  const { remoteAs, negotiated } = stage.status(host);
  return {
    session: { state, families, remoteAs, extendedNextHop: negotiated?.extendedNextHop },
    isNeighbor: remoteAddress === `${await theirLinkLocal(host)}%${host.interface}`,
    routes: kernelRoutes(THEIRS),
    pings: await pings(THEIRS),
  };
}

await play({
  'frr, both dial': (stage) => withFrr(stage, [], {}),
  'frr waits': (stage) => withFrr(stage, ['passive'], {}),
  'we wait for frr': (stage) => withFrr(stage, [], { passive: true }),

  /** Two links, two routers: the same prefixes from both. */
  async 'two links'(stage) {
    const names = ['one', 'two'];
    const frrs = await Promise.all(names.map((name) => startFrr(stage.host(name))));
    const hosts = frrs.map(({ host }) => host);
    // One address on both links: which router a next hop means is known by its link alone.
    for (const host of hosts) await changeLinkLocal(host, 'fe80::1');
    const kernel = await route(
      stage,
      hosts.map((host) => peer(host)),
    );
    const isUp = (host: Host) =>
      stage.isUp(host) && stage.status(host).address === `fe80::1%${host.interface}`;
    await until('both sessions', () => hosts.every(isUp), 60_000);
    const hasBoth = (text: string) => hosts.every((host) => text.includes(host.interface));
    await until('two ways', () => kernelRoutes(THEIRS).every(hasBoth));
    const both = kernelRoutes(THEIRS);
    ip('link', 'set', hosts[1]!.interface, 'down');
    await until('one way', () => kernelRoutes(THEIRS).every((text) => !text.includes('to-two')));
    const answers = await pings(THEIRS);
    const one = kernelRoutes(THEIRS);
    await kernel.close();
    return { both, one, answers };
  },

  async 'the link flaps'(stage) {
    const { host } = await startFrr(stage.host('frr'));
    const kernel = await route(stage, [peer(host)]);
    await exchanged(stage, host);
    ip('link', 'set', host.interface, 'down');
    await until('the session to end', () => !stage.isUp(host));
    const { lastError, address } = stage.status(host);
    ip('link', 'set', host.interface, 'up');
    const seen = await exchanged(stage, host);
    const { upCount } = stage.status(host);
    await kernel.close();
    return { lastError: lastError?.name, address, upCount, pings: seen.pings };
  },

  async 'the neighbour changes its address'(stage) {
    const { host } = await startFrr(stage.host('frr'));
    const kernel = await route(stage, [peer(host)]);
    await exchanged(stage, host);
    await changeLinkLocal(host, 'fe80::99');
    const isThere = () => stage.status(host).address === `fe80::99%${host.interface}`;
    await until('the other address', () => isThere() && stage.isUp(host), 60_000);
    const seen = await exchanged(stage, host);
    await kernel.close();
    return { pings: seen.pings };
  },

  async bird(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    await unnumber(host, THEIRS);
    const channel = (family: 4 | 6, more: string) =>
      `ipv${family} { import all; export where source = RTS_STATIC; ${more} };`;
    const kernel = (family: 4 | 6) =>
      `protocol kernel { ipv${family} { export where source = RTS_BGP; }; }`;
    await bird.start(`
log stderr { error, fatal };
router id ${host.address4};
protocol device { scan time 1; }
protocol radv { interface "uplink" { min ra interval 3; max ra interval 4; default lifetime 0; }; }
${kernel(4)}
${kernel(6)}
protocol bgp tortie {
  local as ${THEIR_AS};
  neighbor ${await ourLinkLocal(host)} % 'uplink' as ${OUR_AS};
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
  ${channel(4, 'extended next hop on;')}
  ${channel(6, '')}
}
${statics('own4', 4, [{ prefix: THEIRS[0] }])}
${statics('own6', 6, [{ prefix: THEIRS[1] }])}
`);
    const installed = await route(stage, [peer(host, { remoteAs: THEIR_AS })]);
    const seen = await exchanged(stage, host);
    const atBird = await bird.routes('protocol tortie');
    await installed.close();
    const hop = atBird.find(({ prefix }) => prefix === OURS[0])!.attributes['BGP.next_hop'];
    return { ...seen, ourHop: hop!.replaceAll(/fe80:[0-9a-f:]+/g, 'fe80:…') };
  },

  /** The interface before it is there, made anew, renamed, without carrier: what is told of it. */
  async 'a link comes and goes'() {
    const told: string[] = [];
    const soFar = () => told.join(', ');
    const watch = kernelLinks({ after: () => ({ cancel() {} }) }).watch('late', {
      up: () => told.push('up'),
      down: () => told.push('down'),
      failed: (why) => told.push(why),
      received() {},
    });
    const expected: string[] = [];
    const step = async (what: string, ...commands: string[]) => {
      for (const line of commands) ip(...line.split(' '));
      expected.push(what);
      await until(`${expected} where ${soFar()} was told`, () => soFar() === expected.join(', '));
    };
    const add = 'link add late type veth peer name other';
    await step('up', add, 'link set late up', 'link set other up');
    await step('down', 'link set other down');
    await step('up', 'link set other up');
    await step('down', 'link delete late');
    await step('up', add, 'link set late up', 'link set other up');
    await step('down', 'link set late down', 'link set late name renamed', 'link set renamed up');
    await step('up', 'link set renamed down', 'link set renamed name late', 'link set late up');
    watch.close();
    ip('link', 'delete', 'late');
    return { told };
  },

  /** A router beyond a router: what one link brings goes out on the other. */
  async 'from link to link'(stage) {
    const [one, two] = await Promise.all([
      startFrr(stage.host('one')),
      startFrr(stage.host('two'), [], OTHERS),
    ]);
    command('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    const kernel = await route(stage, [peer(one.host), peer(two.host)]);
    // Both are of one AS, whose number in the path each takes for a loop.
    for (const { ask } of [one, two].map((frr) => ({ ask: frr.configure.bind(frr) }))) {
      for (const family of [4, 6]) {
        await ask(
          `router bgp ${THEIR_AS}`,
          `address-family ipv${family} unicast`,
          'neighbor uplink allowas-in 1',
        );
      }
    }
    const all = [...THEIRS, ...OTHERS];
    await until('kernel routes', () => kernelRoutes(all).every((text) => text !== ''), 60_000);
    const answers: string[] = [];
    for (const [index, prefix] of OTHERS.entries()) {
      const ping = ['-c', '1', '-W', '1', '-I', addressOf(THEIRS[index]!), addressOf(prefix)];
      const isAnswered = () =>
        one.host.run('ping', ...ping).then(
          () => true,
          () => false,
        );
      await until(`an answer from ${prefix}`, isAnswered, 60_000);
      answers.push(prefix);
    }
    await kernel.close();
    return { answers };
  },
});
