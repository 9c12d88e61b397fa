/**
 * Who says at which node a block is, and so programs the routes to other nodes' blocks: the datastore, or BGP.
 *
 * VXLAN's and UDP's are always the datastore's. For the others Calico has a field on either side, each with a
 * default of its own, and leaves it to the admin that the two agree. Here every pool has exactly one programmer,
 * whatever they say: FelixConfiguration's word counts before BGPConfiguration's, and both before the default.
 * Pure.
 */
import type { BGPConfiguration, FelixConfiguration } from '../../../api/index.ts';

export type ProgramClusterRoutes = NonNullable<
  NonNullable<BGPConfiguration['spec']>['programClusterRoutes']
>;

export type RoutesFrom = 'datastore' | 'BGP';

/** Pools by what they need on the way. */
type Encapsulation = 'IPIP' | 'unencapsulated';

export type ClusterRoutes = Readonly<Record<Encapsulation, RoutesFrom>>;

const PROGRAMMED: Readonly<Record<ProgramClusterRoutes, readonly Encapsulation[]>> = {
  Enabled: ['IPIP', 'unencapsulated'],
  Disabled: [],
  EnabledIPIPOnly: ['IPIP'],
  EnabledNoEncapOnly: ['unencapsulated'],
};

/** As Calico has it from v3.33 on. */
const DEFAULT: ClusterRoutes = { IPIP: 'datastore', unencapsulated: 'BGP' };

interface Said {
  readonly felix: NonNullable<FelixConfiguration['spec']>['programClusterRoutes'];
  readonly bgp: ProgramClusterRoutes | undefined;
}

export function deriveClusterRoutes({ felix, bgp }: Said, problems: string[]): ClusterRoutes {
  const routesOf = (pools: Encapsulation): RoutesFrom => {
    const isFelixs = felix && PROGRAMMED[felix].includes(pools);
    const isBgps = bgp && PROGRAMMED[bgp].includes(pools);
    if (isFelixs === undefined && isBgps === undefined) return DEFAULT[pools];
    const from = (isFelixs ?? !isBgps) ? 'datastore' : 'BGP';
    if (isFelixs === isBgps)
      problems.push(
        `programClusterRoutes: FelixConfiguration says ${felix} and BGPConfiguration ${bgp}, so ` +
          `${isFelixs ? 'both program' : 'neither programs'} the routes of ${pools} pools: they come from ` +
          `${from === 'BGP' ? from : 'the datastore'}, as FelixConfiguration has it`,
      );
    return from;
  };
  return { IPIP: routesOf('IPIP'), unencapsulated: routesOf('unencapsulated') };
}
