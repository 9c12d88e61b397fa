import {
  deriveClusterRoutes,
  type ProgramClusterRoutes,
} from '../../../src/agent/derive/cluster-routes.ts';

const CONTRADICTION = (pools: string, who: string) =>
  expect.stringMatching(
    new RegExp(
      `^programClusterRoutes: FelixConfiguration says .*${who} the routes of ${pools} pools`,
    ),
  );
const [IPIP_TWICE, IPIP_NEVER] = ['both program', 'neither programs'].map((who) =>
  CONTRADICTION('IPIP', who),
);
const [PLAIN_TWICE, PLAIN_NEVER] = ['both program', 'neither programs'].map((who) =>
  CONTRADICTION('unencapsulated', who),
);

type Row = [
  felix: ProgramClusterRoutes | undefined,
  bgp: ProgramClusterRoutes | undefined,
  ipip: 'datastore' | 'BGP',
  unencapsulated: 'datastore' | 'BGP',
  problems?: unknown[],
];

test.each<Row>([
  [undefined, undefined, 'datastore', 'BGP'],
  // One side alone is believed,
  [undefined, 'Enabled', 'BGP', 'BGP'],
  [undefined, 'Disabled', 'datastore', 'datastore'],
  [undefined, 'EnabledIPIPOnly', 'BGP', 'datastore'],
  [undefined, 'EnabledNoEncapOnly', 'datastore', 'BGP'],
  ['Enabled', undefined, 'datastore', 'datastore'],
  ['Disabled', undefined, 'BGP', 'BGP'],
  ['EnabledIPIPOnly', undefined, 'datastore', 'BGP'],
  ['EnabledNoEncapOnly', undefined, 'BGP', 'datastore'],
  // two that agree,
  ['Enabled', 'Disabled', 'datastore', 'datastore'],
  ['Disabled', 'Enabled', 'BGP', 'BGP'],
  ['EnabledIPIPOnly', 'EnabledNoEncapOnly', 'datastore', 'BGP'],
  ['EnabledNoEncapOnly', 'EnabledIPIPOnly', 'BGP', 'datastore'],
  // and of two that don't FelixConfiguration, which is said.
  ['Enabled', 'Enabled', 'datastore', 'datastore', [IPIP_TWICE, PLAIN_TWICE]],
  ['Enabled', 'EnabledIPIPOnly', 'datastore', 'datastore', [IPIP_TWICE]],
  ['Enabled', 'EnabledNoEncapOnly', 'datastore', 'datastore', [PLAIN_TWICE]],
  ['Disabled', 'Disabled', 'BGP', 'BGP', [IPIP_NEVER, PLAIN_NEVER]],
  ['Disabled', 'EnabledIPIPOnly', 'BGP', 'BGP', [PLAIN_NEVER]],
  ['Disabled', 'EnabledNoEncapOnly', 'BGP', 'BGP', [IPIP_NEVER]],
  ['EnabledIPIPOnly', 'Enabled', 'datastore', 'BGP', [IPIP_TWICE]],
  ['EnabledIPIPOnly', 'Disabled', 'datastore', 'BGP', [PLAIN_NEVER]],
  ['EnabledIPIPOnly', 'EnabledIPIPOnly', 'datastore', 'BGP', [IPIP_TWICE, PLAIN_NEVER]],
  ['EnabledNoEncapOnly', 'Enabled', 'BGP', 'datastore', [PLAIN_TWICE]],
  ['EnabledNoEncapOnly', 'Disabled', 'BGP', 'datastore', [IPIP_NEVER]],
  ['EnabledNoEncapOnly', 'EnabledNoEncapOnly', 'BGP', 'datastore', [IPIP_NEVER, PLAIN_TWICE]],
])(
  'programClusterRoutes, FelixConfiguration %s and BGPConfiguration %s: IPIP from %s, unencapsulated from %s',
  (felix, bgp, IPIP, unencapsulated, problems = []) => {
    const found: string[] = [];
    expect(deriveClusterRoutes({ felix, bgp }, found)).toEqual({ IPIP, unencapsulated });
    expect(found).toEqual(problems);
  },
);
