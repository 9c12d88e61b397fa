/** The BGP-4 wire format: messages, capabilities, path attributes, NLRI. No I/O; never throws on input. */

export { AS_NONE } from './as-path.ts';
export { AttributeBlock, type AttributeChanges } from './attribute-block.ts';
export { AttributeView } from './attribute-view.ts';
export type { Aggregator } from './attributes/aggregator.ts';
export type { AsPathSegment, AsPathSegmentType } from './attributes/as-path.ts';
export type { Fate } from './attributes/attribute.ts';
export type { LargeCommunity } from './attributes/large-communities.ts';
export { attributeName, type PathAttributes, type RawAttribute } from './attributes/list.ts';
export type { NextHop } from './attributes/next-hop.ts';
export type { Origin } from './attributes/origin.ts';
export { decodeAttributes, encodeAttributes, MAX_CANONICAL_LENGTH } from './canonical.ts';
export {
  type AddressFamily,
  type Capability,
  capabilityName,
  encodeCapability,
} from './capabilities.ts';
export {
  AFI_IPV4,
  AFI_IPV6,
  AS_TRANS,
  ATTRIBUTE,
  FLAG_EXTENDED_LENGTH,
  FLAG_OPTIONAL,
  FLAG_PARTIAL,
  FLAG_TRANSITIVE,
  HEADER_LENGTH,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MESSAGE_KEEPALIVE,
  MESSAGE_NOTIFICATION,
  MESSAGE_OPEN,
  MESSAGE_ROUTE_REFRESH,
  MESSAGE_UPDATE,
  SAFI_UNICAST,
} from './constants.ts';
export type { FamilyContext, WireContext } from './context.ts';
export { frameLength, messageTypeName } from './header.ts';
export {
  type Decoded,
  decodeMessage,
  encodeKeepalive,
  type Keepalive,
  type Message,
} from './message.ts';
export type { Nlri } from './nlri.ts';
export {
  decodeNotification,
  encodeMaximumPrefixes,
  encodeNotification,
  encodeShutdownCommunication,
  hardResetReason,
  type Notification,
  notificationName,
  shutdownCommunication,
} from './notification.ts';
export { decodeOpen, encodeOpen, type Open } from './open.ts';
export { type AttributeEdits, rewriteAttributes } from './rewrite.ts';
export {
  decodeRouteRefresh,
  encodeRouteRefresh,
  REFRESH_BEGIN,
  REFRESH_END,
  REFRESH_REQUEST,
  type RouteRefresh,
} from './route-refresh.ts';
export { type Announcement, decodeUpdate, encodeUpdate, type Update } from './update.ts';
export { UpdateCursor } from './update-cursor.ts';
export { encodeEndOfRib, UpdateWriter } from './update-writer.ts';
export type { AttributeError, Outcome } from './verdict.ts';
export {
  CEASE,
  ERROR,
  FSM_ERROR,
  HEADER_ERROR,
  NO_DATA,
  OPEN_ERROR,
  UPDATE_ERROR,
  type WireError,
} from './wire-error.ts';
export { isLinkLocal, NO_ZONE, setZone, zoneOf } from './zone.ts';
