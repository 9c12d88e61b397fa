/** All resources of ours, in the order in which `tortie crds` prints them. */
import { BGPConfiguration } from './bgpconfiguration.ts';
import { BGPFilter } from './bgpfilter.ts';
import { BGPPeer } from './bgppeer.ts';
import { BlockAffinity } from './blockaffinity.ts';
import { CalicoNodeStatus } from './caliconodestatus.ts';
import { ClusterInformation } from './clusterinformation.ts';
import { FelixConfiguration } from './felixconfiguration.ts';
import { IPAMBlock } from './ipamblock.ts';
import { IPAMConfiguration } from './ipamconfiguration.ts';
import { IPAMHandle } from './ipamhandle.ts';
import { IPPool } from './ippool.ts';
import { IPReservation } from './ipreservation.ts';
import type { CustomResource } from './resource.ts';

export const CUSTOM_RESOURCES: readonly CustomResource[] = [
  BGPConfiguration,
  BGPPeer,
  BGPFilter,
  IPPool,
  IPReservation,
  IPAMBlock,
  BlockAffinity,
  IPAMHandle,
  IPAMConfiguration,
  CalicoNodeStatus,
  FelixConfiguration,
  ClusterInformation,
];
