/** BGPFilters, communities and a local AS between us and BIRD, for policy.test.ts to judge. */

import { formatPrefix, parsePrefix } from 'net-ipaddr';
import type { BGPFilter } from '../../api/index.ts';
import type { PeerConfig } from '../../bgp/speaker.ts';
import { readAdvertisements } from '../../src/agent/derive/communities.ts';
import { deriveExportPolicy } from '../../src/agent/derive/export.ts';
import { Filters } from '../../src/agent/derive/filters.ts';
import { Policies } from '../../src/agent/derive/policies.ts';
import { Bird } from './daemons/bird.ts';
import { birdConfig, statics } from './daemons/bird-config.ts';
import { until } from './daemons/host.ts';
import { asPathText, OUR_AS, play, type Stage, THEIR_AS } from './stage.ts';

const OUR_BLOCKS = ['10.1.0.0/26', '10.2.0.0/26', 'fd00:1::/122'];
const LEGACY_AS = 65_100;

const FILTER: BGPFilter['spec'] = {
  importV4: [
    {
      action: 'Accept',
      communities: { values: ['65000:1'] },
      operations: [{ setPriority: { value: 100 } }, { addCommunity: { value: '65000:2' } }],
    },
    { action: 'Reject', asPathPrefix: [65_010] },
    { action: 'Reject', asPathPrefix: [THEIR_AS, 65_010] },
    { action: 'Reject', cidr: '192.0.2.0/24', matchOperator: 'In', prefixLength: { min: 25 } },
  ],
  importV6: [
    { action: 'Accept', communities: { values: ['65000:1:4294967295'] } },
    { action: 'Reject', cidr: '2001:db8:a::/48', matchOperator: 'NotEqual' },
  ],
  exportV4: [
    {
      action: 'Accept',
      cidr: '10.1.0.0/26',
      matchOperator: 'Equal',
      operations: [
        { addCommunity: { value: '65000:100' } },
        { addCommunity: { value: '65000:1:2' } },
        { prependASPath: { prefix: [65_020, 65_021] } },
        { setPriority: { value: 200 } },
      ],
    },
    { action: 'Reject', source: 'RemotePeers' },
    { action: 'Reject', cidr: '10.2.0.0/16', matchOperator: 'In' },
  ],
};

/** What is announced to and taken from a peer with this filter, by a node that has OUR_BLOCKS. */
function policies(spec: BGPFilter['spec'], isExternal: boolean): Partial<PeerConfig> {
  const problems: string[] = [];
  const filter: BGPFilter = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPFilter',
    metadata: { name: 'filter' },
    spec,
  };
  const advertisements = readAdvertisements('default', {
    communities: [{ name: 'pods', value: '65000:7:8' }],
    prefixAdvertisements: [{ cidr: 'fd00::/16', communities: ['pods', '65000:9'] }],
  });
  const standard = deriveExportPolicy(
    { pools: [], ownBlocks: OUR_BLOCKS.map(parsePrefix), advertisements, otherwise: 'reject' },
    problems,
  );
  const found = new Policies({
    filters: new Filters([filter], problems),
    normalPriority: { 4: 1024, 6: 1024 },
    standard,
    ebgpRequiresPolicy: false,
  }).of(['filter'], isExternal);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return found;
}

const THEIR_PREFIXES = [
  '198.51.100.0/24',
  '203.0.113.0/24',
  '192.0.2.0/24',
  '192.0.2.0/25',
  '2001:db8:a::/48',
  '2001:db8:b::/48',
  '2001:db8:c::/48',
];
const THEIR_ROUTES =
  statics('s4', 4, [
    { prefix: '198.51.100.0/24', attributes: 'bgp_community.add((65000, 1));' },
    { prefix: '203.0.113.0/24', attributes: 'bgp_path.prepend(65010);' },
    { prefix: '192.0.2.0/24' },
    { prefix: '192.0.2.0/25' },
  ]) +
  statics('s6', 6, [
    { prefix: '2001:db8:a::/48' },
    { prefix: '2001:db8:b::/48' },
    {
      prefix: '2001:db8:c::/48',
      attributes: 'bgp_large_community.add((65000, 1, 4294967295));',
    },
  ]);

/** What we made of BIRD's routes; of `routes()` alone what is rejected would be missing. */
function judged(stage: Stage, prefixes: readonly string[]) {
  return prefixes
    .flatMap((prefix) => [...stage.speaker.routes(prefix)])
    .flatMap(({ prefix, paths }) =>
      paths.map(({ state, reason, changedBy, imported }) => ({
        prefix: formatPrefix(prefix),
        verdict: state === 'rejected' ? reason : state,
        ...(imported && { localPref: imported.localPref, communities: imported.communities }),
        ...(changedBy.length > 0 && { changedBy }),
      })),
    );
}

async function atBird(bird: Bird) {
  const routes = [
    ...(await bird.routes('protocol', 'tortie', 'table', 'master4')),
    ...(await bird.routes('protocol', 'tortie', 'table', 'master6')),
  ];
  return routes.map(({ prefix, attributes }) => ({
    prefix,
    asPath: attributes['BGP.as_path'],
    localPref: attributes['BGP.local_pref'],
    community: attributes['BGP.community'],
    largeCommunity: attributes['BGP.large_community'],
  }));
}

function birdHolds(bird: Bird, count: number) {
  return async () => (await bird.count('protocol', 'tortie', 'table', 'all')) === count;
}

async function filters(stage: Stage, theirAs: number): Promise<unknown> {
  const bird = new Bird(stage.host('bird'));
  await bird.start(birdConfig(bird.host, { as: theirAs, neighborAs: OUR_AS, more: THEIR_ROUTES }));
  const originations = OUR_BLOCKS.map((prefix) => ({ prefix }));
  const configure = (spec: BGPFilter['spec']) =>
    stage.configure([stage.peer(bird.host, theirAs, policies(spec, theirAs !== OUR_AS))], {
      originations,
    });
  configure(FILTER);
  await until('their routes', () => stage.status(bird.host).routes.received === 7);
  await until('our routes', birdHolds(bird, 2));
  const before = { judged: judged(stage, THEIR_PREFIXES), atBird: await atBird(bird) };
  const changedFor = [...stage.speaker.routes('10.1.0.0/26')].map((route) => route.changedFor);

  configure({});
  await until('their routes without a filter', () => stage.learned.size === 7);
  await until('our routes without a filter', birdHolds(bird, 3));
  const after = (await atBird(bird)).map(({ prefix }) => prefix);
  return { before, changedFor, after, sessions: stage.sessions };
}

await play({
  'filters, eBGP': (stage) => filters(stage, THEIR_AS),
  'filters, iBGP': (stage) => filters(stage, OUR_AS),

  /** BIRD knows us by another AS; then loops with each of the two, and one of them allowed. */
  async 'local AS'(stage) {
    const bird = new Bird(stage.host('bird'));
    const { host } = bird;
    const more = statics('s4', 4, [
      { prefix: '198.51.100.0/24' },
      { prefix: '203.0.113.0/24', attributes: `bgp_path.prepend(${LEGACY_AS});` },
      { prefix: '192.0.2.0/24', attributes: `bgp_path.prepend(${OUR_AS});` },
    ]);
    await bird.start(birdConfig(host, { as: THEIR_AS, neighborAs: LEGACY_AS, more }));
    const originations = [{ prefix: '10.1.0.0/26' }];
    const configure = (settings: Partial<PeerConfig>) =>
      stage.configure([stage.peer(host, THEIR_AS, { localAs: LEGACY_AS, ...settings })], {
        originations,
      });
    configure({});
    await until('the session', () => stage.isUp(host));
    await until('their routes', () => stage.status(host).routes.received === 3);
    await until('our route', birdHolds(bird, 1));
    const judgedBefore = judged(stage, ['198.51.100.0/24', '203.0.113.0/24', '192.0.2.0/24']);
    configure({ allowedLocalAs: 1 });
    await until('the loops that are allowed', () => stage.learned.size === 3);
    const paths = [...stage.speaker.routes('203.0.113.0/24')].flatMap((route) => route.paths);
    return {
      judged: judgedBefore,
      asPath: paths.map(asPathText),
      atBird: (await atBird(bird)).map(({ asPath }) => asPath),
      sessions: stage.sessions,
    };
  },
});
