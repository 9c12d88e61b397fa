/**
 * The messages of the BGP Monitoring Protocol, RFC 7854 §4: what a router tells a collector. Nothing
 * comes back.
 *
 *   ┌─────────┬────────┬──────┐ ┌──────┬───────┬───────────────┬─────────┬────┬────────┬───────────┐
 *   │ version │ length │ type │ │ type │ flags │ distinguisher │ address │ AS │ BGP ID │ timestamp │
 *   └─────────┴────────┴──────┘ └──────┴───────┴───────────────┴─────────┴────┴────────┴───────────┘
 *    common header, 6 octets     per-peer header, 42 octets, of all but Initiation and Termination
 */

import { encodeNotification } from 'bgp-parser-ts';
import type { Address } from 'net-ipaddr';
import type { MonitoredSession, SessionEnd } from '../session/monitored-session.ts';

const VERSION = 3;
const COMMON_LENGTH = 6;
const PEER_LENGTH = 42;
/** Of a message about a peer: what comes before its body. */
const HEAD_LENGTH = COMMON_LENGTH + PEER_LENGTH;

const TYPE = {
  ROUTE_MONITORING: 0,
  STATISTICS_REPORT: 1,
  PEER_DOWN: 2,
  PEER_UP: 3,
  INITIATION: 4,
  TERMINATION: 5,
} as const;

/** §4.2. */
const FLAG_IPV6 = 0x80;
/** The message has AS paths of two octets an AS. */
const FLAG_LEGACY_AS = 0x20;

/** §4.4, information TLVs. */
const SYS_DESCR = 1;
const SYS_NAME = 2;
/** §4.5: reason, and that the session is closed by the administrator. */
const REASON = 1;
const ADMINISTRATIVELY_CLOSED = 0;

/** §4.8, and RFC 8671 §6.2 for the last one. */
const STATISTIC = {
  ADJ_RIB_IN: 7,
  TREATED_AS_WITHDRAW: 11,
  ADJ_RIB_OUT_POST_POLICY: 15,
} as const;

const textEncoder = new TextEncoder();

export interface Statistics {
  readonly received: number;
  readonly advertised: number;
  readonly treatedAsWithdraw: number;
}

/** §4.3. */
export function initiation(sysName: string, sysDescr: string): Uint8Array {
  return message(TYPE.INITIATION, [tlv(SYS_DESCR, sysDescr), tlv(SYS_NAME, sysName)]);
}

/** §4.5: the speaker ends, on purpose. */
export function termination(): Uint8Array {
  return message(TYPE.TERMINATION, [tlv(REASON, u16(ADMINISTRATIVELY_CLOSED))]);
}

/** What stands before every message about one peer, made once and filled in for each. */
export class PeerHead {
  /** Good until the next call. */
  readonly bytes = new Uint8Array(HEAD_LENGTH);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #family: number;

  constructor({ remoteAddress, remoteAs, remoteRouterId }: MonitoredSession) {
    this.bytes[0] = VERSION;
    this.#family = remoteAddress.family === 6 ? FLAG_IPV6 : 0;
    this.bytes.set(sixteen(remoteAddress), COMMON_LENGTH + 10);
    this.#view.setUint32(COMMON_LENGTH + 26, remoteAs);
    this.#view.setUint32(COMMON_LENGTH + 30, remoteRouterId);
  }

  /** §4.6, before an UPDATE of `length` octets. @param as4 whether its AS paths have four octets an AS */
  routeMonitoring(nowMs: number, length: number, as4: boolean): Uint8Array {
    return this.#fill(TYPE.ROUTE_MONITORING, nowMs, length, as4 ? 0 : FLAG_LEGACY_AS);
  }

  /** §4.10. */
  peerUp(nowMs: number, session: MonitoredSession): Uint8Array {
    const { localAddress, localPort, remotePort, openSent, openReceived } = session;
    const ports = [u16(localPort), u16(remotePort)];
    return this.#whole(TYPE.PEER_UP, nowMs, [
      sixteen(localAddress),
      ...ports,
      openSent,
      openReceived,
    ]);
  }

  /** §4.9. */
  peerDown(nowMs: number, end: SessionEnd): Uint8Array {
    if (end.by === 'transport') return this.#whole(TYPE.PEER_DOWN, nowMs, [Uint8Array.of(4)]);
    const { code, subcode, data } = end.notification;
    const reason = end.by === 'us' ? 1 : 3;
    const notification = encodeNotification(code, subcode, data);
    return this.#whole(TYPE.PEER_DOWN, nowMs, [Uint8Array.of(reason), notification]);
  }

  /** §4.8. */
  statistics(nowMs: number, statistics: Statistics): Uint8Array {
    const tlvs = [
      tlv(STATISTIC.ADJ_RIB_IN, u64(statistics.received)),
      tlv(STATISTIC.TREATED_AS_WITHDRAW, u32(statistics.treatedAsWithdraw)),
      tlv(STATISTIC.ADJ_RIB_OUT_POST_POLICY, u64(statistics.advertised)),
    ];
    return this.#whole(TYPE.STATISTICS_REPORT, nowMs, [u32(tlvs.length), ...tlvs]);
  }

  #whole(type: number, nowMs: number, body: readonly Uint8Array[]): Uint8Array {
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    return joined([this.#fill(type, nowMs, length, 0), ...body]);
  }

  #fill(type: number, nowMs: number, bodyLength: number, flags: number): Uint8Array {
    const view = this.#view;
    view.setUint32(1, HEAD_LENGTH + bodyLength);
    view.setUint8(5, type);
    view.setUint8(COMMON_LENGTH + 1, this.#family | flags);
    view.setUint32(COMMON_LENGTH + 34, Math.floor(nowMs / 1000));
    view.setUint32(COMMON_LENGTH + 38, Math.floor((nowMs % 1000) * 1000));
    return this.bytes;
  }
}

function message(type: number, body: readonly Uint8Array[]): Uint8Array {
  const bytes = joined([new Uint8Array(COMMON_LENGTH), ...body]);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(1, bytes.length);
  bytes[5] = type;
  return bytes;
}

function tlv(type: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? textEncoder.encode(value) : value;
  return joined([u16(type), u16(bytes.length), bytes]);
}

/** IPv4 in the last four octets, §4.2. */
function sixteen({ bytes }: Address): Uint8Array {
  const out = new Uint8Array(16);
  out.set(bytes, 16 - bytes.length);
  return out;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function u64(value: number): Uint8Array {
  return joined([u32(Math.floor(value / 2 ** 32)), u32(value)]);
}
