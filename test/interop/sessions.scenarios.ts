/** How sessions with each daemon begin, go on and end: for sessions.test.ts to judge. */

import type { PeerConfig } from '../../bgp/speaker.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { until } from './daemons/host.ts';
import { allNeighbors } from './neighbors/all.ts';
import { BirdNeighbor } from './neighbors/bird.ts';
import { ExabgpNeighbor } from './neighbors/exabgp.ts';
import { FrrNeighbor } from './neighbors/frr.ts';
import { GobgpNeighbor } from './neighbors/gobgp.ts';
import { eachUntil, type Neighbor } from './neighbors/neighbor.ts';
import { OpenbgpdNeighbor } from './neighbors/openbgpd.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const TEXT = 'moved to rack 7';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };
const WRONG_AS = 65_001;
const OLD_AS = 65_002;
const LOCAL_AS = 65_003;
const OURS = '10.1.0.0/26';
const THEIRS = '198.51.100.0/24';
const MANY = [THEIRS, '203.0.113.0/25', '203.0.113.128/25'];

function configure(
  stage: Stage,
  neighbors: readonly Neighbor[],
  peer: Partial<PeerConfig> = {},
): void {
  const peers = neighbors.map(({ host }) => stage.peer(host, THEIR_AS, peer));
  stage.configure(peers, { originations: [{ prefix: OURS }] });
}

function allUp(stage: Stage, neighbors: readonly Neighbor[]): Promise<void> {
  return eachUntil(neighbors, 'its session', async ({ host }) => stage.isUp(host));
}

/** What each makes of our NOTIFICATION. */
async function whatEachHears(neighbors: readonly Neighbor[]): Promise<Record<string, string>> {
  await eachUntil(neighbors, 'a NOTIFICATION', async (one) => (await one.heard()) !== undefined);
  return Object.fromEntries(
    await Promise.all(neighbors.map(async (one) => [one.host.name, await one.heard()])),
  );
}

await play({
  /** All daemons stand still at once, and go on later. */
  async 'hold time'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start({ ...SESSION, holdTimeSec: 3 })));
    configure(stage, neighbors);
    await allUp(stage, neighbors);
    for (const { host } of neighbors) host.signal('SIGSTOP');
    await until('the ends', () => !neighbors.some(({ host }) => stage.isUp(host)));
    const ends = neighbors.map(({ host }) => [host.name, stage.summary(host).notification]);
    for (const { host } of neighbors) host.signal('SIGCONT');
    await allUp(stage, neighbors);
    return Object.fromEntries(ends);
  },

  /** They dial. */
  async 'another AS than we expect'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start(SESSION)));
    configure(stage, neighbors, { remoteAs: WRONG_AS, passive: true });
    // GoBGP only counts it.
    return whatEachHears(neighbors.filter(({ host }) => host.name !== 'gobgp'));
  },

  /** We dial. */
  async 'another AS than they expect'(stage) {
    const neighbors = allNeighbors(stage);
    const session = { ...SESSION, neighborAs: WRONG_AS, passive: true };
    await Promise.all(neighbors.map((one) => one.start(session)));
    configure(stage, neighbors);
    const refusals = neighbors.map(async ({ host }) => {
      const told = () => stage.summary(host).notification;
      await until(`${host.name}: its refusal`, () => told() !== undefined);
      return [host.name, told()];
    });
    return Object.fromEntries(await Promise.all(refusals));
  },

  /** ExaBGP 4 has no words for a text: it sends one of its own. */
  async 'shutdown with text'(stage) {
    const bird = new BirdNeighbor(stage.host('bird'));
    const frr = new FrrNeighbor(stage.host('frr'));
    const gobgp = new GobgpNeighbor(stage.host('gobgp'));
    const openbgpd = new OpenbgpdNeighbor(stage.host('openbgpd'));
    const exabgp = new ExabgpNeighbor(stage.host('exabgp'));
    const neighbors = [bird, frr, gobgp, openbgpd, exabgp];
    await Promise.all(neighbors.map((one) => one.start(SESSION)));
    configure(stage, neighbors);
    await allUp(stage, neighbors);
    await bird.bird.ask(`disable tortie "${TEXT}"`);
    const ofFrr = `neighbor ${frr.host.ours4} shutdown message ${TEXT}`;
    await frr.frr.configure(`router bgp ${THEIR_AS}`, ofFrr);
    await gobgp.gobgp.ask('neighbor', gobgp.host.ours4, 'shutdown', '--reason', TEXT);
    await openbgpd.openbgpd.ask('neighbor', openbgpd.host.ours4, 'down', TEXT);
    await exabgp.exabgp.command(`neighbor ${exabgp.host.ours4} teardown 2`);
    const last = ({ host }: Neighbor) => stage.status(host).lastNotification;
    await eachUntil(neighbors, 'its farewell', async (one) => last(one) !== undefined);
    return neighbors.map((one) => {
      const { source, name, text } = last(one)!;
      return { daemon: one.host.name, source, name, text };
    });
  },

  /** For good, and with the same text. */
  async 'we leave'(stage) {
    // ExaBGP 4 answers a text with an error of its own.
    const neighbors = allNeighbors(stage).filter(({ host }) => host.name !== 'exabgp');
    await Promise.all(neighbors.map((one) => one.start({ ...SESSION, passive: true })));
    configure(stage, neighbors);
    await eachUntil(neighbors, 'our route', async (one) => OURS in (await one.routes()));
    await stage.speaker.leave({ drainMs: 100, text: TEXT });
    await eachUntil(neighbors, 'no route', async (one) => !(OURS in (await one.routes())));
    return whatEachHears(neighbors);
  },

  async 'we drain'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start({ ...SESSION, passive: true })));
    configure(stage, neighbors);
    const communities = async (one: Neighbor) => (await one.routes())[OURS]?.communities;
    await eachUntil(neighbors, 'our route', async (one) => OURS in (await one.routes()));
    void stage.speaker.leave({ drainMs: 60_000, text: TEXT });
    await eachUntil(neighbors, 'our wish', async (one) => (await communities(one)) !== undefined);
    const texts = neighbors.map(async (one) => [one.host.name, await communities(one)]);
    return Object.fromEntries(await Promise.all(texts));
  },

  async 'whoever dials'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start(SESSION)));
    const range = { prefix: '10.9.0.0/16', remoteAs: THEIR_AS, maxPeers: neighbors.length };
    const policy = { importPolicy: 'all', exportPolicy: 'all' } as const;
    stage.configure([], {
      peerRanges: [{ ...range, ...policy }],
      originations: [{ prefix: OURS }],
    });
    await eachUntil(neighbors, 'our route', async (one) => OURS in (await one.routes()));
    const { peers, ranges } = stage.speaker.inspect();
    const addresses = neighbors.map(({ host }) => host.address4);
    return { ranges, areAll: addresses.every((one) => peers.some(({ name }) => name === one)) };
  },

  async 'by a local AS'(stage) {
    const neighbors = allNeighbors(stage);
    const session = { ...SESSION, neighborAs: LOCAL_AS };
    await Promise.all(neighbors.map((one) => one.start(session)));
    configure(stage, neighbors, { localAs: LOCAL_AS });
    await eachUntil(neighbors, 'our route', async (one) => OURS in (await one.routes()));
    const paths = neighbors.map(async (one) => [one.host.name, (await one.routes())[OURS]!.asPath]);
    return Object.fromEntries(await Promise.all(paths));
  },

  async 'too many prefixes'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start(SESSION)));
    configure(stage, neighbors, { maxPrefixes: 2 });
    await allUp(stage, neighbors);
    await Promise.all(neighbors.map((one) => one.announce(MANY)));
    const told = ({ host }: Neighbor) => stage.summary(host).notification;
    await eachUntil(neighbors, 'the end', async (one) => told(one) !== undefined);
    return Object.fromEntries(neighbors.map((one) => [one.host.name, told(one)]));
  },

  /** Only plain routes: of an old speaker, too, FRR takes none but a new one's AGGREGATOR. */
  async 'FRR without capabilities'(stage) {
    const frr = new Frr(stage.host('frr'));
    const options = ` neighbor ${frr.host.ours4} dont-capability-negotiate`;
    await frr.start(frrConfig(frr.host, { ...SESSION, as: OLD_AS, options }));
    const network = ['address-family ipv4 unicast', `network ${THEIRS}`];
    await frr.configure(`router bgp ${OLD_AS}`, ...network);
    stage.configure([stage.peer(frr.host, OLD_AS)], { originations: [{ prefix: OURS }] });
    await until('its route', () => stage.learned.has(THEIRS));
    await until('ours', async () => OURS in (await frr.routes(4)));
    return stage.summary(frr.host);
  },

  async 'end of RIB'(stage) {
    const frr = new FrrNeighbor(stage.host('frr'));
    const openbgpd = new OpenbgpdNeighbor(stage.host('openbgpd'));
    const exabgp = new ExabgpNeighbor(stage.host('exabgp'));
    await frr.start({ ...SESSION, options: ' bgp graceful-restart' });
    await openbgpd.start(SESSION);
    await exabgp.start({ ...SESSION, options: 'capability {\n    graceful-restart 120;\n  }' });
    const neighbors = [frr, openbgpd, exabgp];
    configure(stage, neighbors);
    const isIn = ({ host }: Neighbor) => stage.status(host).initialRoutesIn.length === 2;
    await eachUntil(neighbors, 'its initial routes', async (one) => isIn(one));
    const keepalives = neighbors.map(({ host }) => stage.status(host).received.keepalive);
    const there = async () => {
      const { gracefulRestartInfo } = await frr.frr.neighbor(frr.host.ours4);
      const { stats } = await openbgpd.openbgpd.neighbor(openbgpd.host.ours4);
      return {
        frr: Object.keys(gracefulRestartInfo.endOfRibRecv).length,
        openbgpd: stats.update.received.eor,
        exabgp: exabgp.exabgp.updates().filter(({ eor }) => eor).length,
      };
    };
    await until('ours at all', async () => Object.values(await there()).every((eor) => eor === 2));
    return { keepalives, there: await there() };
  },
});
