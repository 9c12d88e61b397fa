/** Daemons, and us, that are away for longer than a restart takes (RFC 9494): for long-lived.test.ts to judge. */

import type { PeerConfig } from '../../bgp/speaker.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig } from './daemons/bird-config.ts';
import { until } from './daemons/host.ts';
import { bird, frr, gobgp, OURS, type Restarting, theirs } from './restarting.ts';
import { OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

/** Then what is kept becomes the last choice. */
const RESTART_TIME_SEC = 1;
const AWARE_AS = 65_002;
const IGNORANT_AS = 65_003;

function configure(
  stage: Stage,
  daemons: readonly Restarting[],
  others: readonly PeerConfig[] = [],
): void {
  const peers = daemons.map(({ host }) =>
    stage.peer(host, THEIR_AS, {
      restartTimeSec: RESTART_TIME_SEC,
      longLivedStaleTimeSec: 3_600,
    }),
  );
  stage.configure([...peers, ...others], { originations: [{ prefix: OURS }] });
}

/** Of the daemons, those whose routes `watcher` has, with or without LLGR_STALE. */
async function held(watcher: Bird, daemons: readonly Restarting[]) {
  const routes = await watcher.routes('protocol', 'tortie', 'table', 'all');
  const marks = new Map(
    routes.map(({ prefix, attributes }) => [
      prefix,
      attributes['BGP.community']?.includes('(65535,6)') ?? false,
    ]),
  );
  const names = (isStale: boolean) =>
    daemons
      .filter(({ host }) => theirs(host).every((prefix) => marks.get(prefix) === isStale))
      .map(({ host }) => host.name);
  return { fresh: names(false), stale: names(true) };
}

await play({
  /** Two hear of their routes by us: who knows RFC 9494, and who does not. */
  async 'they are away'(stage) {
    const daemons = [bird(stage), frr(stage), gobgp(stage)];
    const aware = new Bird(stage.host('aware'));
    const ignorant = new Bird(stage.host('ignorant'));
    const knowing = { as: AWARE_AS, neighborAs: OUR_AS };
    const options = 'long lived graceful restart off;';
    await Promise.all([
      aware.start(birdConfig(aware.host, knowing)),
      ignorant.start(birdConfig(ignorant.host, { as: IGNORANT_AS, neighborAs: OUR_AS, options })),
      ...daemons.map((one) => one.start()),
    ]);
    configure(stage, daemons, [
      stage.peer(aware.host, AWARE_AS),
      stage.peer(ignorant.host, IGNORANT_AS),
    ]);
    const seen = async () => ({
      aware: await held(aware, daemons),
      ignorant: await held(ignorant, daemons),
    });
    const areHeld = (fresh: number, stale: number) => async () => {
      const { aware, ignorant } = await seen();
      const counts = [aware.fresh.length, aware.stale.length, ignorant.fresh.length];
      return counts.join() === [fresh, stale, fresh].join();
    };
    await until('their routes at both', areHeld(3, 0));
    await Promise.all(daemons.map(({ host }) => host.killPrograms()));
    await until('their routes as the last choice', areHeld(0, 3));
    const longLived = daemons.map(({ host }) => stage.status(host).stale?.longLived);
    const away = { ...(await seen()), longLived };
    await Promise.all(daemons.map((one) => one.start()));
    await until('their routes at both again', areHeld(3, 0));
    return { away, back: await seen() };
  },

  async 'we are away'(stage) {
    const daemons = [bird(stage), frr(stage), gobgp(stage)];
    await Promise.all(daemons.map((one) => one.start()));
    configure(stage, daemons);
    const oursIs = (isLongLivedStale: boolean) => async () => {
      const all = await Promise.all(daemons.map((one) => one.ours()));
      return all.every((one) => one?.isLongLivedStale === isLongLivedStale);
    };
    await until('our route at all', oursIs(false));
    await stage.restart(() => until('our route as the last choice', oursIs(true)));
    configure(stage, daemons);
    await until('our route again', oursIs(false));
    return { upCounts: daemons.map(({ host }) => stage.status(host).upCount) };
  },
});
