/** Restarts, theirs and ours, for graceful-restart.test.ts to judge. */

import type { PeerConfig } from '../../bgp/speaker.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig } from './daemons/bird-config.ts';
import { command, type Host, until } from './daemons/host.ts';
import { bird, exabgp, frr, gobgp, OURS, openbgpd, type Restarting, theirs } from './restarting.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const WATCHER_AS = 65_002;

/** A BIRD that notes every UPDATE that we send it about the daemon's routes. */
class Watcher {
  readonly #bird: Bird;

  constructor(stage: Stage) {
    this.#bird = new Bird(stage.host('watcher'));
  }

  get host(): Host {
    return this.#bird.host;
  }

  async start(): Promise<void> {
    const { host } = this.#bird;
    await this.#bird.start(birdConfig(host, { as: WATCHER_AS, neighborAs: OUR_AS }));
  }

  peer(stage: Stage): PeerConfig {
    return stage.peer(this.host, WATCHER_AS);
  }

  async holds(prefixes: readonly string[]): Promise<boolean> {
    const held = (await this.#bird.routes('protocol', 'tortie')).map(({ prefix }) => prefix);
    return prefixes.every((prefix) => held.includes(prefix));
  }

  /** Of both channels: how many announcements and withdraws came. */
  async heard(): Promise<{ updates: number; withdraws: number }> {
    const text = await this.#bird.ask('show protocols all tortie');
    const sum = (what: string) =>
      [...text.matchAll(new RegExp(`Import ${what}: +(\\d+)`, 'g'))].reduce(
        (total, [, count]) => total + Number(count),
        0,
      );
    return { updates: sum('updates'), withdraws: sum('withdraws') };
  }
}

function hasTheirs(stage: Stage, host: Host): boolean {
  return theirs(host).every((prefix) => stage.learned.has(prefix));
}

/** What came back to us of our own is not accepted, and not counted. */
function seen(stage: Stage, host: Host) {
  const { accepted, received, stale } = stage.status(host).routes;
  return {
    accepted,
    learned: stage.learned.size,
    allStale: stale === received,
    someStale: stale > 0,
  };
}

/** The daemon is killed, and started again; `kept` of its two routes stay meanwhile. */
async function theyRestart(stage: Stage, daemon: Restarting, kept = 2): Promise<unknown> {
  const { host } = daemon;
  const holdsOurs = async () => (await daemon.ours()) !== undefined;
  const watcher = new Watcher(stage);
  await Promise.all([daemon.start(), watcher.start()]);
  const peers = [stage.peer(host, THEIR_AS), watcher.peer(stage)];
  stage.configure(peers, { originations: [{ prefix: OURS }] });
  await until('its routes here', () => hasTheirs(stage, host));
  await until('its routes at the watcher', () => watcher.holds(theirs(host)));
  const before = await watcher.heard();
  await host.killPrograms();
  await until('the end of the session', () => !stage.isUp(host));
  await until('all that is not kept to go', () => stage.learned.size === kept);
  const away = seen(stage, host);
  // It has its routes again before it has a session: GoBGP is told them, and they are to be its first.
  command('ip', 'link', 'set', host.interface, 'down');
  await daemon.start();
  command('ip', 'link', 'set', host.interface, 'up');
  await until('the session', () => stage.isUp(host));
  await until('its End-of-RIB', () => stage.status(host).stale === undefined);
  await until('our route there', holdsOurs);
  await until('its routes again', () => stage.status(host).routes.accepted === 2);
  await until('them to be told', () => hasTheirs(stage, host));
  return {
    away,
    back: seen(stage, host),
    heard: [before, await watcher.heard()],
    sessions: stage.sessions.filter((line) => line.startsWith(host.name)),
  };
}

/** We end without a word, as by kill -9 or SIGTERM; another of us begins. */
async function weRestart(stage: Stage, daemon: Restarting): Promise<unknown> {
  const { host } = daemon;
  const holdsOurs = async () => (await daemon.ours()) !== undefined;
  await daemon.start();
  const configure = () =>
    stage.configure([stage.peer(host, THEIR_AS)], { originations: [{ prefix: OURS }] });
  configure();
  await until('our route there', holdsOurs);
  let isHeld = true;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      isHeld = (await holdsOurs()) && isHeld;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await stage.restart();
  configure();
  await until('the session', () => stage.isUp(host));
  await until('its routes here', () => hasTheirs(stage, host));
  const hasConverged = await stage.speaker.whenConverged(30_000);
  isOver = true;
  await watching;
  return { isHeld, hasConverged };
}

await play({
  'bird restarts': (stage) => theyRestart(stage, bird(stage)),
  'frr restarts': (stage) => theyRestart(stage, frr(stage)),
  'gobgp restarts': (stage) => theyRestart(stage, gobgp(stage)),
  'openbgpd restarts': (stage) => theyRestart(stage, openbgpd(stage), 0),
  'exabgp restarts': (stage) => theyRestart(stage, exabgp(stage)),
  'we restart next to bird': (stage) => weRestart(stage, bird(stage)),
  'we restart next to frr': (stage) => weRestart(stage, frr(stage)),
  'we restart next to gobgp': (stage) => weRestart(stage, gobgp(stage)),
  'we restart next to openbgpd': (stage) => weRestart(stage, openbgpd(stage)),
});
