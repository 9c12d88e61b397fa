/** Capabilities, RFC 5492: what a speaker can do, told in its OPEN. A row of `CODECS` each. */

import { copyOf, readU16, readU32, writeU16, writeU32 } from './bytes.ts';

/** An address family: AFI and SAFI as IANA numbers them. */
export interface AddressFamily {
  readonly afi: number;
  readonly safi: number;
}

export type Capability =
  /** 1, RFC 4760 §8. */
  | ({ readonly kind: 'multiprotocol' } & AddressFamily)
  /** 2, RFC 2918. */
  | { readonly kind: 'route-refresh' }
  /** 5, RFC 8950: families whose next hop may be of another family. */
  | {
      readonly kind: 'extended-next-hop';
      readonly families: readonly (AddressFamily & { readonly nextHopAfi: number })[];
    }
  /** 6, RFC 8654. */
  | { readonly kind: 'extended-message' }
  /** 9, RFC 9234: 0 provider, 1 route server, 2 its client, 3 customer, 4 peer. */
  | { readonly kind: 'role'; readonly role: number }
  /** 64, RFC 4724 and RFC 8538. */
  | {
      readonly kind: 'graceful-restart';
      /** R: the speaker has restarted. */
      readonly restarted: boolean;
      /** N: graceful also after NOTIFICATION and hold timer, RFC 8538. */
      readonly notification: boolean;
      /** Seconds, 0–4095. */
      readonly restartTime: number;
      readonly families: readonly (AddressFamily & {
        /** F: forwarding state was preserved. */
        readonly forwarding: boolean;
      })[];
    }
  /** 65, RFC 6793. */
  | { readonly kind: 'four-octet-as'; readonly as: number }
  /** 69, RFC 7911: what the sender of the OPEN is able to do. */
  | {
      readonly kind: 'add-path';
      readonly families: readonly (AddressFamily & {
        readonly send: boolean;
        readonly receive: boolean;
      })[];
    }
  /** 70, RFC 7313. */
  | { readonly kind: 'enhanced-route-refresh' }
  /** 71, RFC 9494. */
  | {
      readonly kind: 'long-lived-graceful-restart';
      readonly families: readonly (AddressFamily & {
        readonly forwarding: boolean;
        /** Seconds, 24 bits. */
        readonly staleTime: number;
      })[];
    }
  /** 73, draft-walton-bgp-hostname-capability. */
  | { readonly kind: 'fqdn'; readonly hostName: string; readonly domainName: string }
  /** Any other, as it came. */
  | { readonly kind: 'unknown'; readonly code: number; readonly value: Uint8Array };

type Known = Exclude<Capability, { kind: 'unknown' }>;
type Kind = Known['kind'];
type Of<K extends Kind> = Extract<Known, { kind: K }>;

interface Codec<K extends Kind> {
  readonly code: number;
  readonly name: string;
  /** Whether a value of this length can be decoded. */
  readonly fits: (length: number) => boolean;
  /** `value` has a length that fits. 'malformed': the OPEN is refused. 'ignore': kept as unknown. */
  readonly decode: (value: Uint8Array) => Of<K> | 'malformed' | 'ignore';
  readonly encode: (capability: Of<K>) => Uint8Array;
}

const EMPTY = new Uint8Array(0);
// Bound here: a global costs a look-up on every call inside a vm context.
const utf8Decoder = new TextDecoder();
const utf8Encoder = new TextEncoder();

const CODECS: { readonly [K in Kind]: Codec<K> } = {
  multiprotocol: {
    code: 1,
    name: 'Multiprotocol Extensions',
    fits: (length) => length === 4,
    decode: (value) => ({ kind: 'multiprotocol', afi: readU16(value, 0), safi: value[3]! }),
    encode: ({ afi, safi }) => Uint8Array.of(afi >>> 8, afi, 0, safi),
  },
  'route-refresh': {
    code: 2,
    name: 'Route Refresh',
    fits: (length) => length === 0,
    decode: () => ({ kind: 'route-refresh' }),
    encode: () => EMPTY,
  },
  'extended-next-hop': {
    code: 5,
    name: 'Extended Next Hop Encoding',
    fits: (length) => length % 6 === 0,
    decode: (value) => ({
      kind: 'extended-next-hop',
      families: entries(value, 6, (at) => ({
        afi: readU16(value, at),
        safi: readU16(value, at + 2),
        nextHopAfi: readU16(value, at + 4),
      })),
    }),
    encode: ({ families }) =>
      packed(families, 6, (out, at, { afi, safi, nextHopAfi }) => {
        writeU16(out, at, afi);
        writeU16(out, at + 2, safi);
        writeU16(out, at + 4, nextHopAfi);
      }),
  },
  'extended-message': {
    code: 6,
    name: 'BGP Extended Message',
    fits: (length) => length === 0,
    decode: () => ({ kind: 'extended-message' }),
    encode: () => EMPTY,
  },
  role: {
    code: 9,
    name: 'BGP Role',
    fits: (length) => length === 1,
    decode: (value) => ({ kind: 'role', role: value[0]! }),
    encode: ({ role }) => Uint8Array.of(role),
  },
  'graceful-restart': {
    code: 64,
    name: 'Graceful Restart',
    fits: (length) => length % 4 === 2,
    decode: (value) => ({
      kind: 'graceful-restart',
      restarted: (value[0]! & 0x80) !== 0,
      notification: (value[0]! & 0x40) !== 0,
      restartTime: readU16(value, 0) & 0x0fff,
      families: entries(value.subarray(2), 4, (at) => ({
        afi: readU16(value, at + 2),
        safi: value[at + 4]!,
        forwarding: (value[at + 5]! & 0x80) !== 0,
      })),
    }),
    encode: ({ restarted, notification, restartTime, families }) => {
      const out = new Uint8Array(2 + families.length * 4);
      writeU16(out, 0, restartTime & 0x0fff);
      out[0] = out[0]! | (restarted ? 0x80 : 0) | (notification ? 0x40 : 0);
      const tail = packed(families, 4, (to, at, { afi, safi, forwarding }) => {
        writeU16(to, at, afi);
        to[at + 2] = safi;
        to[at + 3] = forwarding ? 0x80 : 0;
      });
      out.set(tail, 2);
      return out;
    },
  },
  'four-octet-as': {
    code: 65,
    name: 'Four-octet AS Number',
    fits: (length) => length === 4,
    decode: (value) => ({ kind: 'four-octet-as', as: readU32(value, 0) }),
    encode: ({ as }) => {
      const out = new Uint8Array(4);
      writeU32(out, 0, as);
      return out;
    },
  },
  'add-path': {
    code: 69,
    name: 'ADD-PATH',
    fits: (length) => length % 4 === 0,
    decode: (value) => {
      for (let at = 3; at < value.length; at += 4) {
        // RFC 7911 §4: with another Send/Receive value the capability is ignored.
        if (value[at]! < 1 || value[at]! > 3) return 'ignore';
      }
      return {
        kind: 'add-path',
        families: entries(value, 4, (at) => ({
          afi: readU16(value, at),
          safi: value[at + 2]!,
          receive: (value[at + 3]! & 1) !== 0,
          send: (value[at + 3]! & 2) !== 0,
        })),
      };
    },
    encode: ({ families }) =>
      packed(
        // Send/Receive 0 is not a value of RFC 7911 §4: a family without either is left out.
        families.filter(({ send, receive }) => send || receive),
        4,
        (out, at, { afi, safi, send, receive }) => {
          writeU16(out, at, afi);
          out[at + 2] = safi;
          out[at + 3] = (receive ? 1 : 0) | (send ? 2 : 0);
        },
      ),
  },
  'enhanced-route-refresh': {
    code: 70,
    name: 'Enhanced Route Refresh',
    fits: (length) => length === 0,
    decode: () => ({ kind: 'enhanced-route-refresh' }),
    encode: () => EMPTY,
  },
  'long-lived-graceful-restart': {
    code: 71,
    name: 'Long-Lived Graceful Restart',
    fits: (length) => length % 7 === 0,
    decode: (value) => ({
      kind: 'long-lived-graceful-restart',
      families: entries(value, 7, (at) => ({
        afi: readU16(value, at),
        safi: value[at + 2]!,
        forwarding: (value[at + 3]! & 0x80) !== 0,
        staleTime: (value[at + 4]! << 16) | readU16(value, at + 5),
      })),
    }),
    encode: ({ families }) =>
      packed(families, 7, (out, at, { afi, safi, forwarding, staleTime }) => {
        writeU16(out, at, afi);
        out[at + 2] = safi;
        out[at + 3] = forwarding ? 0x80 : 0;
        out[at + 4] = staleTime >>> 16;
        writeU16(out, at + 5, staleTime);
      }),
  },
  fqdn: {
    code: 73,
    name: 'FQDN',
    fits: (length) => length >= 2,
    decode: (value) => {
      const hostEnd = 1 + value[0]!;
      if (hostEnd >= value.length) return 'malformed';
      const domainEnd = hostEnd + 1 + value[hostEnd]!;
      if (domainEnd !== value.length) return 'malformed';
      return {
        kind: 'fqdn',
        hostName: utf8Decoder.decode(value.subarray(1, hostEnd)),
        domainName: utf8Decoder.decode(value.subarray(hostEnd + 1, domainEnd)),
      };
    },
    encode: ({ hostName, domainName }) => {
      const host = shortText(hostName);
      const domain = shortText(domainName);
      return Uint8Array.of(host.length, ...host, domain.length, ...domain);
    },
  },
};

const BY_CODE = new Map<number, Codec<Kind>>(
  Object.values(CODECS).map((codec) => [codec.code, codec as unknown as Codec<Kind>]),
);

/** Room for both names of an FQDN capability, whose own length is one octet. */
const MAX_NAME_OCTETS = 126;

/** Whole characters of `text`, as many as fit. */
function shortText(text: string): Uint8Array {
  const out = new Uint8Array(MAX_NAME_OCTETS);
  return out.subarray(0, utf8Encoder.encodeInto(text, out).written);
}

function entries<T>(value: Uint8Array, size: number, read: (at: number) => T): T[] {
  const found: T[] = [];
  for (let at = 0; at < value.length; at += size) found.push(read(at));
  return found;
}

function packed<T>(
  items: readonly T[],
  size: number,
  write: (out: Uint8Array, at: number, item: T) => void,
): Uint8Array {
  const out = new Uint8Array(items.length * size);
  items.forEach((item, index) => {
    write(out, index * size, item);
  });
  return out;
}

/**
 * Reads the Capabilities optional parameter `bytes[start, end)` onto the end of `into`. Returns
 * undefined, or what is wrong: then the OPEN is refused, since a peer that believes in a capability
 * which we could not read would send UPDATEs that we misread.
 */
export function decodeCapabilities(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Capability[],
): string | undefined {
  let at = start;
  while (at < end) {
    if (end - at < 2) return 'a capability is cut short: one octet is left, not code and length';
    const code = bytes[at]!;
    const length = bytes[at + 1]!;
    const valueEnd = at + 2 + length;
    if (valueEnd > end) {
      return `capability ${code} says ${length} octets, but ${end - at - 2} are left`;
    }
    const value = copyOf(bytes, at + 2, valueEnd);
    at = valueEnd;
    const codec = BY_CODE.get(code);
    const decoded = codec === undefined ? 'ignore' : decodeKnown(codec, value);
    if (decoded === 'malformed') {
      return `capability ${code} (${codec!.name}) has a malformed value of ${length} octets`;
    }
    into.push(decoded === 'ignore' ? { kind: 'unknown', code, value } : decoded);
  }
  return undefined;
}

function decodeKnown(codec: Codec<Kind>, value: Uint8Array): Known | 'malformed' | 'ignore' {
  return codec.fits(value.length) ? codec.decode(value) : 'malformed';
}

/** Code, length and value. @throws RangeError when the value is longer than 255 octets. */
export function encodeCapability(capability: Capability): Uint8Array {
  const { code, value } =
    capability.kind === 'unknown'
      ? capability
      : {
          code: CODECS[capability.kind].code,
          value: (CODECS[capability.kind] as Codec<Kind>).encode(capability as never),
        };
  if (value.length > 255) {
    throw new RangeError(
      `capability ${code}: ${value.length} octets do not fit, the most is 255 (RFC 5492 §4)`,
    );
  }
  const out = new Uint8Array(2 + value.length);
  out[0] = code;
  out[1] = value.length;
  out.set(value, 2);
  return out;
}

/** The registered name of a capability that is decoded here, else `capability N`. */
export function capabilityName(capability: Capability): string {
  return capability.kind === 'unknown'
    ? `capability ${capability.code}`
    : CODECS[capability.kind].name;
}
