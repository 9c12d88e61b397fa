/** How sessions with each daemon end and go on: for sessions.test.ts to judge. */

import { Frr, frrConfig } from './daemons/frr.ts';
import { until } from './daemons/host.ts';
import { Openbgpd, openbgpdConfig } from './daemons/openbgpd.ts';
import { allNeighbors } from './neighbors/all.ts';
import { OUR_AS, play, THEIR_AS } from './stage.ts';

const TEXT = 'moved to rack 7';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS };

await play({
  /** All daemons stand still at once, and go on later. */
  async 'hold time'(stage) {
    const neighbors = allNeighbors(stage);
    await Promise.all(neighbors.map((one) => one.start({ ...SESSION, holdTimeSec: 3 })));
    stage.configure(neighbors.map(({ host }) => stage.peer(host, THEIR_AS)));
    const areUp = () => neighbors.every(({ host }) => stage.isUp(host));
    await until('all sessions', areUp);
    for (const { host } of neighbors) host.signal('SIGSTOP');
    await until('the ends', () => !neighbors.some(({ host }) => stage.isUp(host)));
    const ends = neighbors.map(({ host }) => [host.name, stage.summary(host).notification]);
    for (const { host } of neighbors) host.signal('SIGCONT');
    await until('all sessions again', areUp);
    return Object.fromEntries(ends);
  },

  async 'shutdown with text'(stage) {
    const frr = new Frr(stage.host('frr'));
    const openbgpd = new Openbgpd(stage.host('openbgpd'));
    const hosts = [frr.host, openbgpd.host];
    await frr.start(frrConfig(frr.host, SESSION));
    await openbgpd.start(openbgpdConfig(openbgpd.host, SESSION));
    stage.configure(hosts.map((host) => stage.peer(host, THEIR_AS)));
    await until('both sessions', () => hosts.every((host) => stage.isUp(host)));
    const neighbor = `neighbor ${frr.host.ours4}`;
    await frr.configure(`router bgp ${THEIR_AS}`, `${neighbor} shutdown message ${TEXT}`);
    await openbgpd.ask('neighbor', openbgpd.host.ours4, 'down', TEXT);
    await until('both ends', () => !hosts.some((host) => stage.isUp(host)));
    return hosts.map((host) => {
      const { source, name, text } = stage.status(host).lastNotification!;
      return { source, name, text };
    });
  },

  /** The peer asks for our routes again. */
  async 'route refresh'(stage) {
    const openbgpd = new Openbgpd(stage.host('openbgpd'));
    const { host } = openbgpd;
    await openbgpd.start(openbgpdConfig(host, SESSION));
    stage.configure([stage.peer(host, THEIR_AS)], { originations: [{ prefix: '10.1.0.0/26' }] });
    const routes = async () => (await openbgpd.routes('in')).length;
    await until('our route', async () => (await routes()) === 1);
    const before = stage.status(host).sent.update;
    await openbgpd.ask('neighbor', host.ours4, 'refresh');
    await until('the request', () => stage.status(host).received.routeRefresh >= 1);
    await until('the repetition', () => stage.status(host).sent.update > before);
    return { routes: await routes(), sessions: stage.sessions };
  },
});
