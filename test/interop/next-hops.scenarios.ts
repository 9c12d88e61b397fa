/**
 * Next hops that are no neighbours of ours. Two iBGP peers name third parties, as a peer does that
 * leaves its own border's next hops as they are, and this machine's static routes, in an IGP's place,
 * come and go. All that is chosen goes to the kernel.
 *
 *     198.51.100.0/24, 2001:db8:b::/48   by 192.0.2.9, 2001:db8:ffff::9    from one
 *     198.51.100.0/24                    by 192.0.2.10                     from two
 *     192.0.2.0/24                       by one itself: BGP leads to the third parties, which is not to count
 */

import type { Log } from '../../ports.ts';
import { KernelRoutes } from '../../src/speaker/kernel-routes.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { command, type Host, until } from './daemons/host.ts';
import { OUR_AS, play, type Stage } from './stage.ts';

const P4 = '198.51.100.0/24';
const P6 = '2001:db8:b::/48';
const THIRD_PARTIES = '192.0.2.0/24';
const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => QUIET };

const ip = (...args: string[]) => command('ip', ...args);

async function startBird(host: Host, routes4: string[][], routes6: string[][]): Promise<void> {
  const by = (routes: string[][]) =>
    routes.map(([prefix, nextHop]) => ({
      prefix: prefix!,
      ...(nextHop && { attributes: `bgp_next_hop = ${nextHop};` }),
    }));
  const session = { as: OUR_AS, neighborAs: OUR_AS };
  const keep = { channelOptions4: 'next hop keep;', channelOptions6: 'next hop keep;' };
  const more = statics('s4', 4, by(routes4)) + statics('s6', 6, by(routes6));
  await new Bird(host).start(birdConfig(host, { ...session, ...keep, more }));
}

/** As the kernel has it: by which gateways. */
function gateways(prefix: string): string {
  const shown = ip(prefix.includes(':') ? '-6' : '-4', 'route', 'show', prefix);
  return [...shown.matchAll(/via (\S+) dev (\S+)/g)]
    .map((hop) => hop.slice(1).join(' '))
    .join(', ');
}

/** Each peer's path to the prefix: how it stands, and why. */
function paths(stage: Stage, prefix: string): Record<string, string> {
  const [route] = [...stage.speaker.routes(prefix)];
  return Object.fromEntries(
    (route?.paths ?? []).map(({ peer, state, reason }) => [peer, `${state}: ${reason}`]),
  );
}

await play({
  async 'third parties'(stage) {
    const [one, two] = [stage.host('one'), stage.host('two')];
    await startBird(one, [[P4, '192.0.2.9'], [THIRD_PARTIES]], [[P6, '2001:db8:ffff::9']]);
    await startBird(two, [[P4, '192.0.2.10']], []);
    const kernel = await KernelRoutes.start(QUIET);
    stage.resolve = kernel.resolve;
    kernel.program(stage.speaker);
    const peers = [one, two].map((host) => stage.peer(host, OUR_AS));
    stage.configure(peers);
    kernel.configured(stage.speaker, {
      ...{ localAs: OUR_AS, routerId: '', listen: [], peers, originations: [] },
    });
    const seen: Record<string, unknown> = {};
    const step = async (what: string, isDone: () => boolean) => {
      await until(what, isDone);
      seen[what] = { kernel: [gateways(P4), gateways(P6)], paths: paths(stage, P4) };
    };

    const received = () => [one, two].map((host) => stage.summary(host).received);
    await until('all routes', () => `${received()}` === '3,1');
    await step('only BGP leads there', () => gateways(THIRD_PARTIES) !== '');
    const toOne = ['192.0.2.9/32', 'via', one.address4];
    const toTwo = ['192.0.2.10/32', 'via', two.address4];
    ip('route', 'add', ...toTwo, 'metric', '20');
    await step('two’s comes', () => gateways(P4) !== '');
    ip('route', 'add', ...toOne, 'metric', '10');
    ip('route', 'add', '2001:db8:ffff::9/128', 'via', one.address6);
    await step('one’s is nearer', () => gateways(P4).includes('to-one') && gateways(P6) !== '');
    ip('route', 'add', ...toOne, 'metric', '30');
    ip('route', 'del', ...toOne, 'metric', '10');
    await step('one’s is farther', () => gateways(P4).includes('to-two'));
    ip('route', 'del', ...toTwo);
    await step('two’s goes', () => gateways(P4).includes('to-one'));
    ip('route', 'replace', '192.0.2.9/32', 'via', two.address4, 'metric', '30');
    await step('one’s has another gateway', () => gateways(P4).includes('to-two'));
    ip('route', 'add', '192.0.2.10/32', 'via', one.address4, 'metric', '30');
    await step('both are as near', () => gateways(P4).includes(','));
    ip('route', 'del', '192.0.2.10/32');
    ip('route', 'del', '192.0.2.9/32');
    await step('both go', () => gateways(P4) === '');
    ip('route', 'add', ...toOne);
    await step('one’s comes back', () => gateways(P4) !== '');
    const onlink = ['via', '10.77.0.1', 'dev', one.interface, 'onlink'];
    ip('route', 'replace', '192.0.2.9/32', ...onlink);
    await step('its gateway is on the link by the route’s word', () =>
      gateways(P4).includes('10.77.0.1'),
    );
    ip('route', 'add', ...toTwo);
    await until('both ways again', () => gateways(P4).includes(','));
    // The kernel says nothing of the IPv4 routes that go with it, and the session does not notice yet.
    ip('link', 'set', two.interface, 'down');
    await step('two’s link goes down', () => gateways(P4) === `10.77.0.1 ${one.interface}`);
    await kernel.close();
    return seen;
  },
});
