/** A big table from one BIRD through a speaker to another, for table.test.ts to judge. */

import { formatPrefix } from 'net-ipaddr';
import { Bird, type BirdRoute } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { until } from './daemons/host.ts';
import { asPathText, OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const TABLE = 100_000;

/** A hundred thousand routes with 5,000 attribute sets, some /24, some IPv6. */
function bigTable(): string {
  const attributes = (index: number) => {
    const set = index % 5_000;
    const hops = Array.from({ length: 1 + (set % 5) }, (_, at) => 65_000 + ((set * 7 + at) % 500));
    return [
      ...hops.map((as) => `bgp_path.prepend(${as});`),
      `bgp_med = ${set % 10};`,
      `bgp_community.add((65000, ${set % 1000}));`,
    ].join(' ');
  };
  const routes = Array.from({ length: TABLE }, (_, index) => index);
  const four = routes.filter((index) => index % 10 !== 0);
  const six = routes.filter((index) => index % 10 === 0);
  return (
    statics(
      's4',
      4,
      four.map((index) => ({
        prefix: `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24`,
        attributes: attributes(index),
      })),
    ) +
    statics(
      's6',
      6,
      six.map((index) => ({
        prefix: `2001:db8:${(1 + index / 10).toString(16)}::/48`,
        attributes: attributes(index),
      })),
    )
  );
}

function differences(a: Record<string, string>, b: Record<string, string>): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].filter((key) => a[key] !== b[key]).map((key) => `${key}: ${a[key]} ≠ ${b[key]}`);
}

/** prefix → AS path as BIRD writes it, of the best paths that are not ours. */
function asPaths(stage: Stage): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { prefix, paths } of stage.speaker.routes()) {
    const best = paths.find(({ state }) => state === 'best');
    if (best?.peer !== undefined) found[formatPrefix(prefix)] = asPathText(best);
  }
  return found;
}

function birdPaths(routes: readonly BirdRoute[]): Record<string, string> {
  return Object.fromEntries(
    routes.map(({ prefix, attributes }) => [prefix, attributes['BGP.as_path'] ?? '']),
  );
}

await play({
  /** The table of one BIRD, through us, at another BIRD: whole, and whole again after each change. */
  async 'a hundred thousand routes'(stage) {
    const source = new Bird(stage.host('source'));
    const sink = new Bird(stage.host('sink'));
    const session = { as: THEIR_AS, neighborAs: OUR_AS };
    await source.start(birdConfig(source.host, { ...session, more: bigTable() }));
    await sink.start(birdConfig(sink.host, { as: 65_500, neighborAs: OUR_AS }));
    stage.configure([stage.peer(source.host, THEIR_AS), stage.peer(sink.host, 65_500)], {
      originations: [{ prefix: '10.1.0.0/26' }],
    });
    const started = performance.now();
    await until('the table', () => stage.learned.size === TABLE, 60_000);
    const seconds = (performance.now() - started) / 1000;
    const atSink = () => sink.count('protocol', 'tortie', 'table', 'all');
    await until('the table at the other BIRD', async () => (await atSink()) === TABLE + 1, 60_000);

    const sent = birdPaths([
      ...(await source.routes('table', 'master4', 'export', 'tortie')),
      ...(await source.routes('table', 'master6', 'export', 'tortie')),
    ]);
    const ours = asPaths(stage);
    const expected = Object.fromEntries(
      Object.entries(sent).map(([prefix, path]) => [prefix, `${THEIR_AS} ${path}`.trim()]),
    );
    const relayed = birdPaths([
      ...(await sink.routes('protocol', 'tortie', 'table', 'master4')),
      ...(await sink.routes('protocol', 'tortie', 'table', 'master6')),
    ]);
    const { '10.1.0.0/26': own, ...fromSource } = relayed;
    const expectedAtSink = Object.fromEntries(
      Object.entries(expected).map(([prefix, path]) => [prefix, `${OUR_AS} ${path}`]),
    );
    const arrived = {
      received: stage.status(source.host).routes.received,
      birdSent: Object.keys(sent).length,
      differences: differences(ours, expected).slice(0, 5),
      atSink: Object.keys(fromSource).length,
      differencesAtSink: differences(fromSource, expectedAtSink).slice(0, 5),
      own,
      backAtSource: await source.count('protocol', 'tortie', 'table', 'all'),
    };

    // Withdraws: all of IPv6, then back again.
    await source.ask('disable', 's6');
    await until('the withdraws', () => stage.learned.size === 90_000);
    await until('the withdraws at the sink', async () => (await atSink()) === 90_001);
    await source.ask('enable', 's6');
    await until('the return', () => stage.learned.size === TABLE);
    await until('the return at the sink', async () => (await atSink()) === TABLE + 1);

    // BIRD sends all again (as for a changed filter), then asks for all of ours again.
    const before = stage.status(source.host).received.update;
    await source.ask('reload out', 'tortie');
    await until(
      'the repetition',
      () => stage.status(source.host).received.update - before >= 5_000,
    );
    // RFC 7313: both families have begun and ended, so that nothing is left on its way.
    const marks = () => stage.status(source.host).received.routeRefresh;
    await until('the ends of the repetition', () => marks() === 4);
    await until('it all', () => stage.learned.size === TABLE);
    await sink.ask('reload in', 'tortie');
    await until('the refresh', () => stage.status(sink.host).received.routeRefresh >= 2);
    await until('a full table after it', async () => (await atSink()) === TABLE + 1);
    const afterReload = {
      learned: stage.learned.size,
      atSink: await atSink(),
      sessions: [...stage.sessions],
    };

    // The source dies without a word.
    await source.host.kill();
    await until('the loss', () => stage.learned.size === 0);
    await until('the loss at the sink', async () => (await atSink()) === 1);
    return {
      seconds,
      arrived,
      afterReload,
      afterLoss: [...stage.speaker.routes()].length,
      sessions: stage.sessions,
    };
  },
});
