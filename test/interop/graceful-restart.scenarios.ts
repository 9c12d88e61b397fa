/** Restarts, theirs and ours, for graceful-restart.test.ts to judge. */

import type { PeerConfig } from '../../bgp/speaker.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { Frr, frrConfig } from './daemons/frr.ts';
import { Gobgp, gobgpConfig } from './daemons/gobgp.ts';
import { command, type Host, until } from './daemons/host.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const OURS = '10.1.0.0/26';
const THEIRS = '198.51.100.0/24';
const THEIRS6 = '2001:db8:1::/48';
const SESSION = { as: THEIR_AS, neighborAs: OUR_AS, holdTimeSec: 30 };
const WATCHER_AS = 65_002;

interface Daemon {
  readonly host: Host;
  /** Starts it, with its routes. */
  start(): Promise<void>;
  holdsOurs(): Promise<boolean>;
}

async function holds(daemon: Bird, prefix: string): Promise<boolean> {
  return (await daemon.routes('protocol', 'tortie')).some((route) => route.prefix === prefix);
}

function bird(stage: Stage): Daemon {
  const daemon = new Bird(stage.host('bird'));
  const { host } = daemon;
  const options = 'graceful restart yes;';
  const more = statics('s4', 4, [{ prefix: THEIRS }]) + statics('s6', 6, [{ prefix: THEIRS6 }]);
  return {
    host,
    // -R: it has restarted. The first time it has not, which makes no difference.
    start: () => daemon.start(birdConfig(host, { ...SESSION, options, more }), '-R'),
    holdsOurs: () => holds(daemon, OURS),
  };
}

function frr(stage: Stage): Daemon {
  const daemon = new Frr(stage.host('frr'));
  const { host } = daemon;
  const network = (family: 4 | 6, prefix: string) =>
    ` address-family ipv${family} unicast\n  network ${prefix}\n exit-address-family`;
  const options = [
    ' bgp graceful-restart',
    ' bgp graceful-restart preserve-fw-state',
    network(4, THEIRS),
    network(6, THEIRS6),
  ].join('\n');
  return {
    host,
    start: () => daemon.start(frrConfig(host, { ...SESSION, options })),
    holdsOurs: async () => OURS in (await daemon.routes(4)),
  };
}

function gobgp(stage: Stage): Daemon {
  const daemon = new Gobgp(stage.host('gobgp'));
  const { host } = daemon;
  const more = `
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 90
    notification-enabled = true`;
  const config = gobgpConfig(host, { ...SESSION, options: more }).replaceAll(
    '  [[neighbors.afi-safis]]\n',
    '  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true\n',
  );
  return {
    host,
    async start() {
      // As BIRD's -R: else it says that it has not kept what it forwards by.
      await daemon.start(config, '--graceful-restart');
      await daemon.announce(THEIRS);
      await daemon.announce(THEIRS6);
    },
    holdsOurs: async () => OURS in (await daemon.routes(4)),
  };
}

const makers = { bird, frr, gobgp };

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

  holds(prefix: string): Promise<boolean> {
    return holds(this.#bird, prefix);
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

/** The daemon is killed, and started again. */
async function theyRestart(stage: Stage, daemon: Daemon): Promise<unknown> {
  const { host } = daemon;
  const watcher = new Watcher(stage);
  await Promise.all([daemon.start(), watcher.start()]);
  const peers = [stage.peer(host, THEIR_AS), watcher.peer(stage)];
  stage.configure(peers, { originations: [{ prefix: OURS }] });
  await until('its routes here', () => stage.learned.has(THEIRS) && stage.learned.has(THEIRS6));
  await until('its routes at the watcher', async () => {
    return (await watcher.holds(THEIRS)) && (await watcher.holds(THEIRS6));
  });
  const before = await watcher.heard();
  await host.killPrograms();
  await until('the end of the session', () => !stage.isUp(host));
  const away = seen(stage, host);
  // It has its routes again before it has a session: GoBGP is told them, and they are to be its first.
  command('ip', 'link', 'set', host.interface, 'down');
  await daemon.start();
  command('ip', 'link', 'set', host.interface, 'up');
  await until('the session', () => stage.isUp(host));
  await until('its End-of-RIB', () => stage.status(host).stale === undefined);
  await until('our route there', () => daemon.holdsOurs());
  await until('its routes again', () => stage.status(host).routes.accepted === 2);
  return {
    away,
    back: seen(stage, host),
    heard: [before, await watcher.heard()],
    sessions: stage.sessions.filter((line) => line.startsWith(host.name)),
  };
}

/** We end without a word, as by kill -9 or SIGTERM; another of us begins. */
async function weRestart(stage: Stage, daemon: Daemon): Promise<unknown> {
  const { host } = daemon;
  await daemon.start();
  const configure = () =>
    stage.configure([stage.peer(host, THEIR_AS)], { originations: [{ prefix: OURS }] });
  configure();
  await until('our route there', () => daemon.holdsOurs());
  let isHeld = true;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) isHeld = (await daemon.holdsOurs()) && isHeld;
  })();
  await stage.restart();
  configure();
  await until('the session', () => stage.isUp(host));
  await until('its routes here', () => stage.learned.has(THEIRS) && stage.learned.has(THEIRS6));
  const hasConverged = await stage.speaker.whenConverged(30_000);
  isOver = true;
  await watching;
  return { isHeld, hasConverged };
}

await play(
  Object.fromEntries(
    Object.entries(makers).flatMap(([name, make]) => [
      [`${name} restarts`, (stage: Stage) => theyRestart(stage, make(stage))],
      [`we restart next to ${name}`, (stage: Stage) => weRestart(stage, make(stage))],
    ]),
  ),
);
