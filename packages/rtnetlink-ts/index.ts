/** Linux routing netlink, network namespaces, and sockets with options that Node does not know. */

export type { AddressEntry, AddressSpec } from './codec/address.ts';
export type { LentRoute } from './codec/lent-route.ts';
export type { Link, LinkRef, LinkSpec } from './codec/link.ts';
export type { Bridge, Ipip, LinkKind, Namespace, Tun, Veth, Vxlan } from './codec/link-kind.ts';
export type { FdbEntry, Neighbour, NeighbourFilter, NeighbourState } from './codec/neighbour.ts';
export type { NextHopObject, NextHopShare } from './codec/next-hop-object.ts';
export type { NextHop, Route, RouteFilter, RouteSpec, RouteType } from './codec/route.ts';
export type { Rule, RuleAction } from './codec/rule.ts';
export type { Scope } from './codec/scope.ts';
export type { Datagram } from './datagram-socket.ts';
export { deleteFlows } from './delete-flows.ts';
export { type Icmpv6Options, type Icmpv6Socket, openIcmpv6 } from './icmpv6.ts';
export { setMinTtl, setTtl } from './internet-socket.ts';
export type { Group, Monitor, NetlinkEvent } from './monitor.ts';
export { inNamespace, writeSysctls } from './namespace.ts';
export { NetlinkError } from './netlink-error.ts';
export { nftablesGeneration } from './nftables-generation.ts';
export { monitorNftables } from './nftables-monitor.ts';
export type { Action, Operation } from './operation.ts';
export { type NetlinkOptions, openNetlink, type Result, Rtnetlink } from './rtnetlink.ts';
export {
  connectSeqpacket,
  listenSeqpacket,
  type Message,
  type SeqpacketConnection,
  type SeqpacketOptions,
  type SeqpacketServer,
} from './seqpacket.ts';
export { SystemCallError } from './system-call-error.ts';
export { closeDescriptor, openTcp, setTcpMd5, type TcpOptions } from './tcp.ts';
export {
  addTcpAoKey,
  removeTcpAoKey,
  type TcpAoAlgorithm,
  type TcpAoKey,
  useTcpAoKey,
} from './tcp-ao.ts';
export { listenTcp, type TcpListener, type TcpListenerEvents } from './tcp-listener.ts';
export { openUdp, type UdpOptions, type UdpSocket } from './udp.ts';
