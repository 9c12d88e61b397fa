/** From resources to what felix should do: derived as a whole, each time. */
import type { Prefix } from 'net-ipaddr';
import type { FelixConfiguration, IPPool } from '../../api/index.ts';
import type { Felix, Placement } from '../../felix/felix.ts';
import { addressesOf, type BgpSettings, type ClusterNode } from './derive/cluster.ts';
import { deriveClusterRoutes } from './derive/cluster-routes.ts';
import { readFelixConfiguration } from './derive/felix-configuration.ts';
import { deriveNat } from './derive/nat.ts';
import { deriveOverlay } from './derive/overlay.ts';
import { deriveRouteSettings } from './derive/route-settings.ts';
import { deriveTunnelSettings } from './derive/tunnel-settings.ts';

export interface FelixResources {
  readonly nodeName: string;
  readonly nodes: readonly ClusterNode[];
  readonly pools: readonly IPPool[];
  /** Of all nodes. */
  readonly placements: readonly Placement[];
  /** Of this node. */
  readonly blocks: readonly Prefix[];
  readonly felixConfigurations: readonly FelixConfiguration[];
  readonly settings: BgpSettings;
}

/** @param problems gets a sentence for each thing that cannot be used. */
export function configureFelix(
  felix: Felix,
  { blocks, felixConfigurations, settings, ...resources }: FelixResources,
  problems: string[],
): void {
  const { nodeName, nodes, pools } = resources;
  const configuration = readFelixConfiguration(felixConfigurations, nodeName, problems);
  const nodeAddresses = nodes.flatMap(addressesOf);
  const { marks, refreshMs } = deriveRouteSettings(configuration, problems);
  felix.setRouteMarks(marks);
  felix.setRefreshInterval(refreshMs);
  felix.setNodeAddresses(nodeAddresses);
  felix.setLocalBlocks(blocks);
  felix.setNat(deriveNat({ pools, felix: configuration, nodeAddresses }));
  const { programClusterRoutes } = configuration;
  felix.setOverlay(
    deriveOverlay({
      ...resources,
      clusterRoutes: deriveClusterRoutes(
        { felix: programClusterRoutes, bgp: settings.programClusterRoutes },
        problems,
      ),
      settings: deriveTunnelSettings(configuration),
    }),
  );
}
