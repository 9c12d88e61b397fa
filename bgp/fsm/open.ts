/** OPEN: what we say in ours, and what follows from the peer's (RFC 4271 §4.2, §6.2; RFC 5492). */

import {
  AFI_IPV4,
  AFI_IPV6,
  type Capability,
  ERROR,
  encodeCapability,
  NO_DATA,
  OPEN_ERROR,
  type Open,
  SAFI_UNICAST,
  type WireError,
} from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';
import { AFI } from '../afi.ts';
import { type Role, roleNumber, roleObjection } from '../role.ts';
import { type AddPathTerms, addPathCapability, negotiateAddPath } from './add-path.ts';
import type { Event } from './event.ts';
import {
  negotiateRestart,
  type RestartState,
  type RestartTerms,
  restartCapabilities,
} from './graceful-restart.ts';
import type { Negotiated } from './negotiated.ts';
import type { Fsm } from './transition.ts';

/** What we offer to a peer and ask of it. */
export interface Terms {
  readonly localAs: number;
  /** Our BGP Identifier, unsigned 32 bits. */
  readonly routerId: number;
  /** `external`: any but `localAs`. */
  readonly remoteAs: number | 'external';
  /** Seconds, 0 or at least 3. */
  readonly holdTimeSec: number;
  /** At least one. */
  readonly families: readonly Family[];
  readonly addPath: AddPathTerms;
  /** RFC 8950: IPv4 routes may have IPv6 next hops. Of use where the session runs over IPv6. */
  readonly extendedNextHop: boolean;
  /** RFC 9234: what we are to the peer. */
  readonly role?: Role;
  /** RFC 4724; undefined: when the session ends, both sides forget each other's routes. */
  readonly gracefulRestart: RestartTerms | undefined;
}

const EXTENDED_NEXT_HOP: Capability = {
  kind: 'extended-next-hop',
  families: [{ afi: AFI_IPV4, safi: SAFI_UNICAST, nextHopAfi: AFI_IPV6 }],
};

export function openFor(terms: Terms, restart: RestartState): Omit<Open, 'type'> {
  const { families, gracefulRestart } = terms;
  return {
    as: terms.localAs,
    holdTime: terms.holdTimeSec,
    routerId: terms.routerId,
    capabilities: [
      ...families.map(multiprotocol),
      { kind: 'route-refresh' },
      { kind: 'extended-message' },
      ...(gracefulRestart ? restartCapabilities(gracefulRestart, families, restart) : []),
      { kind: 'four-octet-as', as: terms.localAs },
      ...(terms.extendedNextHop ? [EXTENDED_NEXT_HOP] : []),
      ...addPathCapability(terms.addPath, terms.families),
      { kind: 'enhanced-route-refresh' },
      ...(terms.role ? [{ kind: 'role', role: roleNumber(terms.role) } as const] : []),
    ],
  };
}

function multiprotocol(family: Family): Capability {
  return { kind: 'multiprotocol', afi: AFI[family], safi: SAFI_UNICAST };
}

/** Event 19, 20 or 22, for an OPEN as the parser left it. */
export function openEvent(
  fsm: Fsm,
  terms: Terms,
  decoded: { readonly message: Open } | { readonly error: WireError },
): Event {
  if ('error' in decoded) return { name: 'BGPOpenMsgErr', error: decoded.error };
  const error = objection(terms, decoded.message);
  if (error !== undefined) return { name: 'BGPOpenMsgErr', error };
  const negotiated = negotiate(terms, decoded.message);
  const name = fsm.delaysOpen ? 'BGPOpen with DelayOpenTimer running' : 'BGPOpen';
  return { name, negotiated };
}

/** What in a well-formed OPEN we do not accept, in the order of RFC 4271 §6.2. */
function objection(terms: Terms, open: Open): WireError | undefined {
  const isExternal = open.as !== terms.localAs;
  if (terms.remoteAs === 'external' ? !isExternal : open.as !== terms.remoteAs) {
    const configured = terms.remoteAs === 'external' ? 'external' : `AS ${terms.remoteAs}`;
    const text = `the peer says that it is AS ${open.as}, but it is configured as ${configured}`;
    return openError(OPEN_ERROR.BAD_PEER_AS, text);
  }
  // RFC 6286 §2.2: unique within an AS, so that another AS may well use the same.
  if (open.as === terms.localAs && open.routerId === terms.routerId) {
    const text = 'the peer has our own BGP Identifier: give one of the two another router id';
    return openError(OPEN_ERROR.BAD_BGP_IDENTIFIER, text);
  }
  const roles = open.capabilities.filter((capability) => capability.kind === 'role');
  const mismatch =
    terms.role &&
    roleObjection(
      terms.role,
      roles.map(({ role }) => role),
    );
  if (mismatch !== undefined) return openError(OPEN_ERROR.ROLE_MISMATCH, mismatch);
  if (commonFamilies(terms, open).length === 0) {
    // RFC 5492 §5: the data are the capabilities that we miss, as in an OPEN.
    const data = Buffer.concat(terms.families.map(multiprotocol).map(encodeCapability));
    const wanted = terms.families.map((family) => `IPv${family} unicast`).join(' or ');
    return openError(OPEN_ERROR.UNSUPPORTED_CAPABILITY, `the peer does not take ${wanted}`, data);
  }
  return undefined;
}

function openError(subcode: number, text: string, data: Uint8Array = NO_DATA): WireError {
  return { code: ERROR.OPEN, subcode, data, text };
}

function negotiate(terms: Terms, open: Open): Negotiated {
  const announces = (kind: Capability['kind']) =>
    open.capabilities.some((capability) => capability.kind === kind);
  // RFC 4271 §4.2: the smaller one, which is 0 when either side wants none.
  const holdTimeMs = 1000 * Math.min(terms.holdTimeSec, open.holdTime);
  const families = commonFamilies(terms, open);
  return {
    holdTimeMs,
    families,
    addPath: negotiateAddPath(terms.addPath, families, open.capabilities),
    fourOctetAs: announces('four-octet-as'),
    extendedNextHop: terms.extendedNextHop && open.capabilities.some(allowsIPv6NextHop),
    extendedMessage: announces('extended-message'),
    enhancedRouteRefresh: announces('enhanced-route-refresh'),
    gracefulRestart:
      terms.gracefulRestart && negotiateRestart(terms.gracefulRestart, families, open.capabilities),
    remoteAs: open.as,
    remoteRouterId: open.routerId,
    capabilities: open.capabilities,
  };
}

/** RFC 8950 §4: for IPv4 unicast; both sides announce it to use it. */
function allowsIPv6NextHop(capability: Capability): boolean {
  return (
    capability.kind === 'extended-next-hop' &&
    capability.families.some(
      ({ afi, safi, nextHopAfi }) =>
        afi === AFI_IPV4 && safi === SAFI_UNICAST && nextHopAfi === AFI_IPV6,
    )
  );
}

/** RFC 4760 §8: both sides announce a family to use it. Without any, IPv4 unicast goes as ever. */
function commonFamilies(terms: Terms, open: Open): Family[] {
  const theirs = open.capabilities.filter((capability) => capability.kind === 'multiprotocol');
  if (theirs.length === 0) return terms.families.filter((family) => family === 4);
  return terms.families.filter((family) =>
    theirs.some(({ afi, safi }) => afi === AFI[family] && safi === SAFI_UNICAST),
  );
}
