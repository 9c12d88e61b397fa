/** IPv4 routes over sessions and next hops of IPv6 (RFC 8950): for extended-next-hop.test.ts to judge. */

import { formatAddress } from 'net-ipaddr';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { type Host, until } from './daemons/host.ts';
import { ExabgpNeighbor } from './neighbors/exabgp.ts';
import { OUR_AS, play, THEIR_AS } from './stage.ts';

const OURS = '10.1.0.0/26';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS, over6: true };

function prefixOf({ address4 }: Host): string {
  return `198.51.${address4.split('.')[2]}.0/24`;
}

await play({
  async 'IPv4 over IPv6'(stage) {
    const bird = new Bird(stage.host('bird'));
    const frr = new Frr(stage.host('frr'));
    const gobgp = new Gobgp(stage.host('gobgp'));
    const exabgp = new ExabgpNeighbor(stage.host('exabgp'));
    const hosts = [bird.host, frr.host, gobgp.host, exabgp.host];
    await bird.start(
      birdConfig(bird.host, {
        ...SESSION,
        channelOptions4: `extended next hop on;\n    next hop address ${bird.host.address6};`,
        more: statics('s4', 4, [{ prefix: prefixOf(bird.host) }]),
      }),
    );
    const frrOptions = ` neighbor ${frr.host.ours6} capability extended-nexthop`;
    await frr.start(frrConfig(frr.host, { ...SESSION, options: frrOptions }));
    const inFamily = [`router bgp ${THEIR_AS}`, 'address-family ipv4 unicast'];
    await frr.configure(...inFamily, `network ${prefixOf(frr.host)}`);
    await gobgp.start(gobgpConfig(gobgp.host, SESSION));
    await gobgp.announce(prefixOf(gobgp.host), `nexthop ${gobgp.host.address6}`);
    const exabgpOptions = `capability {
    nexthop enable;
  }
  nexthop {
    ipv4 unicast ipv6;
  }`;
    await exabgp.start({ ...SESSION, options: exabgpOptions });
    const route = `route ${prefixOf(exabgp.host)} next-hop ${exabgp.host.address6}`;
    await exabgp.exabgp.command(`announce ${route}`);

    const peers = hosts.map((host) => {
      // Without an IPv4 address of ours there is no other next hop.
      const { localAddress4: _, ...peer } = stage.peer(host, THEIR_AS, { over6: true });
      return peer;
    });
    stage.configure(peers, { originations: [{ prefix: OURS }] });
    await until('their routes', () => stage.learned.size === hosts.length);
    const here = hosts.map((host) => {
      const [route] = stage.speaker.routes(prefixOf(host));
      return formatAddress(route!.paths[0]!.nextHop!);
    });
    const there = async () => {
      const [ofBird] = await bird.routes(OURS, 'protocol', 'tortie');
      const [ofFrr] = (await frr.routes(4))[OURS] ?? [];
      const [ofGobgp] = (await gobgp.routes(4))[OURS] ?? [];
      return [
        ofBird?.attributes['BGP.next_hop']?.split(' ')[0],
        ofFrr?.nexthops[0].ip,
        // MP_REACH_NLRI
        ofGobgp?.attrs.find(({ type }: { type: number }) => type === 14)?.nexthop,
        (await exabgp.routes())[OURS]?.nextHop,
      ];
    };
    await until('ours there', async () => (await there()).every((nextHop) => nextHop));
    return { here, there: await there() };
  },
});
