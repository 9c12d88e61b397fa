/** RFC 9234 roles with other daemons: for roles.test.ts to judge. */

import type { Role } from '../../bgp/role.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { type Host, until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const OURS = '10.1.0.0/26';
const THEIRS = '198.51.100.0/24';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };

/** What all these daemons call the same. */
type PlayedRole = Extract<Role, 'provider' | 'customer' | 'peer'>;

/** A daemon that announces THEIRS, being in `role` to us. */
interface Neighbor {
  readonly host: Host;
  /** What it has of `prefix`; undefined: no route. */
  seen(prefix: string): Promise<{ asPath: string; nextHop: string; otc?: number } | undefined>;
}

/** GoBGP 3 and ExaBGP 4 know no roles. */
const daemons: Record<string, (stage: Stage, role: PlayedRole) => Promise<Neighbor>> = {
  async bird(stage, role) {
    const bird = new Bird(stage.host('bird'));
    const options = `local role ${role};`;
    const more = statics('s4', 4, [{ prefix: THEIRS }]);
    await bird.start(birdConfig(bird.host, { ...SESSION, options, more }));
    return {
      host: bird.host,
      async seen(prefix) {
        const [route] = await bird.routes(prefix, 'protocol', 'tortie');
        if (route === undefined) return undefined;
        const { 'BGP.as_path': asPath = '', 'BGP.next_hop': nextHop = '' } = route.attributes;
        const otc = route.attributes['BGP.otc'];
        return { asPath, nextHop, ...(otc && { otc: Number(otc) }) };
      },
    };
  },
  async frr(stage, role) {
    const frr = new Frr(stage.host('frr'));
    const { host } = frr;
    const options = ` neighbor ${host.ours4} local-role ${role}`;
    await frr.start(frrConfig(host, { ...SESSION, options }));
    const network = ['address-family ipv4 unicast', `network ${THEIRS}`];
    await frr.configure(`router bgp ${THEIR_AS}`, ...network);
    return {
      host,
      async seen(prefix) {
        const { paths = [] } = await frr.json(`show bgp ipv4 unicast ${prefix}`);
        const [path] = paths;
        if (path === undefined) return undefined;
        const asPath = path.aspath.string;
        const nextHop = path.nexthops[0].ip;
        return { asPath, nextHop, ...(path.otc && { otc: path.otc }) };
      },
    };
  },
  async openbgpd(stage, role) {
    const openbgpd = new Openbgpd(stage.host('openbgpd'));
    const { host } = openbgpd;
    const options = `  announce policy ${role}`;
    await openbgpd.start(openbgpdConfig(host, { ...SESSION, options }));
    await openbgpd.announce(THEIRS);
    return {
      host,
      async seen(prefix) {
        const route = (await openbgpd.routes()).find((one) => one.prefix === prefix);
        if (route === undefined) return undefined;
        const otc = route.attributes?.find(({ type }: { type: string }) => type === 'OTC')?.as;
        return {
          asPath: route.aspath,
          nextHop: route.exit_nexthop,
          ...(otc && { otc: Number(otc) }),
        };
      },
    };
  },
};

function learned(stage: Stage, prefix: string) {
  for (const route of stage.speaker.routes(prefix)) {
    const [path] = route.paths;
    return { state: path!.state, reason: path!.reason, otc: path!.attributes.onlyToCustomer };
  }
  return undefined;
}

/** Both announce a route, and each has the other's. */
async function exchange(stage: Stage, daemon: string, theirs: PlayedRole, ours: PlayedRole) {
  const neighbor = await daemons[daemon]!(stage, theirs);
  const { host } = neighbor;
  stage.configure([stage.peer(host, THEIR_AS, { role: ours })], {
    originations: [{ prefix: OURS }],
  });
  await until('its route here', () => stage.learned.has(THEIRS));
  await until('ours there', async () => (await neighbor.seen(OURS)) !== undefined);
  return { here: learned(stage, THEIRS), there: await neighbor.seen(OURS) };
}

async function mismatch(stage: Stage, daemon: string) {
  const neighbor = await daemons[daemon]!(stage, 'provider');
  const { host } = neighbor;
  stage.configure([stage.peer(host, THEIR_AS, { role: 'provider' })]);
  const told = () => stage.status(host).lastNotification;
  await until('a refusal', () => told() !== undefined);
  return { name: told()!.name, isUp: stage.isUp(host) };
}

await play({
  'bird customer': (stage) => exchange(stage, 'bird', 'customer', 'provider'),
  'bird provider': (stage) => exchange(stage, 'bird', 'provider', 'customer'),
  'bird peer': (stage) => exchange(stage, 'bird', 'peer', 'peer'),
  'frr customer': (stage) => exchange(stage, 'frr', 'customer', 'provider'),
  'frr provider': (stage) => exchange(stage, 'frr', 'provider', 'customer'),
  'openbgpd customer': (stage) => exchange(stage, 'openbgpd', 'customer', 'provider'),
  'openbgpd provider': (stage) => exchange(stage, 'openbgpd', 'provider', 'customer'),
  'bird mismatch': (stage) => mismatch(stage, 'bird'),
  'frr mismatch': (stage) => mismatch(stage, 'frr'),
  'openbgpd mismatch': (stage) => mismatch(stage, 'openbgpd'),
});
