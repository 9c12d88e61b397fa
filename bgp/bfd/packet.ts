/**
 * The BFD control packet, RFC 5880 §4.1. Authentication is not spoken: such packets are refused. The C
 * bit is never set: our BFD ends with our BGP (RFC 5882 §4.3.2).
 */

/** RFC 5880 §4.1, `Sta`. */
export type State = 'AdminDown' | 'Down' | 'Init' | 'Up';

const STATES: readonly State[] = ['AdminDown', 'Down', 'Init', 'Up'];

/** RFC 5880 §4.1, `Diag`: why the sender last left Up. */
export const Diag = {
  none: 0,
  detectionTimeExpired: 1,
  neighborSignaledDown: 3,
  administrativelyDown: 7,
} as const;

/** In the words of RFC 5880 §4.1. */
const DIAGNOSTICS = [
  'No Diagnostic',
  'Control Detection Time Expired',
  'Echo Function Failed',
  'Neighbor Signaled Session Down',
  'Forwarding Plane Reset',
  'Path Down',
  'Concatenated Path Down',
  'Administratively Down',
  'Reverse Concatenated Path Down',
];

export function diagnosticName(diag: number): string {
  return DIAGNOSTICS[diag] ?? `Diagnostic ${diag}`;
}

export interface ControlPacket {
  readonly diag: number;
  readonly state: State;
  readonly poll: boolean;
  readonly final: boolean;
  /** Demand bit. We never set it. */
  readonly demand: boolean;
  readonly detectMult: number;
  readonly myDiscriminator: number;
  /** 0: the sender does not know it yet. */
  readonly yourDiscriminator: number;
  /** Microseconds, as all intervals on the wire. */
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

/** Which rule of RFC 5880 §6.8.6 a packet breaks; each means that it is dropped. */
export type PacketFault =
  | 'version'
  | 'length'
  | 'detect multiplier'
  | 'multipoint'
  | 'my discriminator'
  | 'your discriminator'
  | 'authentication';

const PACKET_BYTES = 24;
/** What the length field can say; the largest authentication section ends well before. */
export const MAX_PACKET_BYTES = 255;
/** With the smallest authentication section. */
const MIN_AUTHENTICATED_BYTES = 26;
const VERSION = 1;

const POLL = 0x20;
const FINAL = 0x10;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** The checks of RFC 5880 §6.8.6 that need no session, in its order. Never throws. */
export function decodePacket(bytes: Uint8Array): ControlPacket | PacketFault {
  if (bytes.length < PACKET_BYTES) return 'length';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint8(1);
  const length = view.getUint8(3);
  const authenticated = (flags & AUTHENTICATION) !== 0;
  if (view.getUint8(0) >> 5 !== VERSION) return 'version';
  if (length < (authenticated ? MIN_AUTHENTICATED_BYTES : PACKET_BYTES)) return 'length';
  if (length > bytes.length) return 'length';
  const detectMult = view.getUint8(2);
  if (detectMult === 0) return 'detect multiplier';
  if ((flags & MULTIPOINT) !== 0) return 'multipoint';
  const myDiscriminator = view.getUint32(4);
  if (myDiscriminator === 0) return 'my discriminator';
  const yourDiscriminator = view.getUint32(8);
  const state = STATES[flags >> 6]!;
  if (yourDiscriminator === 0 && state !== 'Down' && state !== 'AdminDown')
    return 'your discriminator';
  if (authenticated) return 'authentication';
  return {
    diag: view.getUint8(0) & 0x1f,
    state,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMult,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  };
}

export function encodePacket(packet: ControlPacket): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 5) | packet.diag);
  const flags =
    (packet.poll ? POLL : 0) | (packet.final ? FINAL : 0) | (packet.demand ? DEMAND : 0);
  view.setUint8(1, (STATES.indexOf(packet.state) << 6) | flags);
  view.setUint8(2, packet.detectMult);
  view.setUint8(3, PACKET_BYTES);
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxUs);
  view.setUint32(16, packet.requiredMinRxUs);
  view.setUint32(20, packet.requiredMinEchoRxUs);
  return bytes;
}
