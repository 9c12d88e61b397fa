/** Marked route refresh (RFC 7313): for refresh.test.ts to judge. */

import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { until } from './daemons/host.ts';
import { BirdNeighbor } from './neighbors/bird.ts';
import { ExabgpNeighbor } from './neighbors/exabgp.ts';
import { FrrNeighbor } from './neighbors/frr.ts';
import { eachUntil } from './neighbors/neighbor.ts';
import { OpenbgpdNeighbor } from './neighbors/openbgpd.ts';
import { OUR_AS, play, THEIR_AS } from './stage.ts';

const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };
const OURS = '203.0.113.0/24';
const THEIRS = '198.51.100.0/24';

await play({
  /** BIRD asks for all of ours; then it tells all of its own again, of its own accord. */
  async 'bird refresh'(stage) {
    const bird = new Bird(stage.host('bird'));
    const config = (prefixes: readonly string[]) =>
      birdConfig(bird.host, {
        as: THEIR_AS,
        neighborAs: OUR_AS,
        more: statics(
          's4',
          4,
          prefixes.map((prefix) => ({ prefix })),
        ),
      });
    await bird.start(config([THEIRS, '192.0.2.0/24']));
    stage.configure([stage.peer(bird.host, THEIR_AS)], { originations: [{ prefix: OURS }] });
    const { host } = bird;
    const counts = () => {
      const { received, sent } = stage.status(host);
      return { received: received.routeRefresh, sent: sent.routeRefresh };
    };
    await until('the routes', () => stage.learned.size === 2);
    await until('ours', async () => (await bird.count('protocol', 'tortie')) === 1);
    await bird.ask('reload in tortie');
    await until('the answers, two marks in each family', () => counts().sent === 4);
    const asked = { ...counts(), atBird: await bird.count('protocol', 'tortie') };
    await bird.ask('reload out tortie');
    await until('its marks', () => counts().received === asked.received + 4);
    return { asked, told: { ...counts(), learned: stage.learned.size }, sessions: stage.sessions };
  },

  /** Each asks for our routes again; GoBGP never does, it keeps what it was sent. */
  async 'each asks'(stage) {
    const bird = new BirdNeighbor(stage.host('bird'));
    const frr = new FrrNeighbor(stage.host('frr'));
    const openbgpd = new OpenbgpdNeighbor(stage.host('openbgpd'));
    const exabgp = new ExabgpNeighbor(stage.host('exabgp'));
    await bird.start(SESSION);
    await frr.start(SESSION);
    await openbgpd.start({ ...SESSION, options: '  announce enhanced refresh yes' });
    await exabgp.start({ ...SESSION, options: 'capability {\n    route-refresh enable;\n  }' });
    const neighbors = [bird, frr, openbgpd, exabgp];
    stage.configure(
      neighbors.map(({ host }) => stage.peer(host, THEIR_AS)),
      { originations: [{ prefix: OURS }] },
    );
    await eachUntil(neighbors, 'our route', async (one) => OURS in (await one.routes()));
    const before = neighbors.map(({ host }) => stage.status(host).sent.update);

    await bird.bird.ask('reload in tortie');
    // Else it asks itself.
    const ofFrr = `no neighbor ${frr.host.ours4} soft-reconfiguration inbound`;
    await frr.frr.configure(`router bgp ${THEIR_AS}`, 'address-family ipv4 unicast', ofFrr);
    await frr.frr.ask(`clear bgp ipv4 unicast ${frr.host.ours4} soft in`);
    await openbgpd.openbgpd.ask('neighbor', openbgpd.host.ours4, 'refresh');
    await exabgp.exabgp.command('announce route-refresh ipv4 unicast');

    // BIRD and OpenBGPD ask for both families.
    const marks = [4, 2, 4, 2];
    await eachUntil(neighbors, 'the repetition', async ({ host }, index) => {
      const { sent } = stage.status(host);
      return sent.routeRefresh >= marks[index]! && sent.update > before[index]!;
    });
    const seen = neighbors.map(async (one) => {
      const { received, sent, upCount } = stage.status(one.host);
      const counts = { asked: received.routeRefresh, marks: sent.routeRefresh, upCount };
      return [one.host.name, { ...counts, held: Object.keys(await one.routes()) }];
    });
    return Object.fromEntries(await Promise.all(seen));
  },
});
