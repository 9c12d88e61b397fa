/**
 * The resources. Each kind is one name for two things, the type of its objects and the descriptor
 * that a Store takes:
 *
 *     import { IPPool } from '../api/index.ts';
 *     const { items } = await store.list(IPPool);           // items: IPPool[]
 *     const { spec } = withDefaults(IPPool, items[0]);      // spec.natOutgoing: boolean
 */

export { parseAsNumber } from './asnumber.ts';
export { BGPConfiguration } from './bgpconfiguration.ts';
export { BGPFilter } from './bgpfilter.ts';
export { BGPPeer } from './bgppeer.ts';
export { BlockAffinity } from './blockaffinity.ts';
export { CalicoNodeStatus } from './caliconodestatus.ts';
export { ClusterInformation } from './clusterinformation.ts';
export { parseCommunity } from './community.ts';
export { type Conformed, conform } from './conform.ts';
export {
  CORE_RESOURCES,
  type Condition,
  ConfigMap,
  CustomResourceDefinition,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
} from './core.ts';
export { crdManifests, type OpenApiSchema, openApiSchema } from './crd.ts';
export { parseDuration } from './duration.ts';
export { FelixConfiguration } from './felixconfiguration.ts';
export { type AddressAndPort, parseAddressAndPort } from './fields.ts';
export { IPAMBlock } from './ipamblock.ts';
export { DEFAULT_MAX_BLOCKS_PER_HOST, IPAMConfiguration } from './ipamconfiguration.ts';
export { IPAMHandle } from './ipamhandle.ts';
export { allowedUsesOf, blockSizeOf, IPPool } from './ippool.ts';
export { IPReservation } from './ipreservation.ts';
export { parseJson, stringifyJson } from './json.ts';
export { type NodeNetwork, nodeAnnotations, readNodeNetwork } from './node.ts';
export { type PortRange, parsePortRange } from './port-range.ts';
export {
  CALICO_GROUP,
  CALICO_VERSION,
  type CustomResource,
  type PrinterColumn,
} from './resource.ts';
export { CUSTOM_RESOURCES } from './resources.ts';
export { type Labels, parseSelector, type Selector } from './selector.ts';
export { describeProblem, type Problem, validate, withDefaults } from './validate.ts';
