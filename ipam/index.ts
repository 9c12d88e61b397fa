/**
 * Pod addresses: Calico's blocks, affinities and handles, or a node's pod CIDRs. The only I/O is the Store.
 *
 *     const ipam = new Allocator({ store, clock, random, log, node: 'node-1' });
 *     ipam.onBlocks((cidrs) => advertise(cidrs));
 *     await ipam.load();
 *     const [v4] = await ipam.assign({ handleId: 'net.container', families: [4], attributes: {} });
 *     await ipam.release({ handleId: 'net.container' });
 */

export {
  Allocator,
  type AllocatorOptions,
  type Assigned,
  type AssignRequest,
} from './allocator.ts';
export { SUBNET_GATEWAY } from './block.ts';
export type { IpamError, IpamErrorCode } from './errors.ts';
export { PodCidrs } from './pod-cidrs.ts';
export { type PoolUsage, SUMMARY_COLUMNS, summary, summaryRows, type Usage } from './summary.ts';
