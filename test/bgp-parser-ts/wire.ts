/** Messages from hex, with the length fields filled in: what the tests of the wire are written in. */

import type { WireContext } from 'bgp-parser-ts';

export function hex(text: string): Uint8Array {
  const digits = text.replace(/[\s|]/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new Error(`not hex: ${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A whole message around a body. */
export function message(type: number, body: Uint8Array): Uint8Array {
  const length = 19 + body.length;
  const head = [...new Array(16).fill(0xff), length >>> 8, length & 0xff, type];
  return Uint8Array.from([...head, ...body]);
}

/** An UPDATE of three fields in hex. */
export function update(withdrawn: string, attributes: string, nlri: string): Uint8Array {
  const w = hex(withdrawn);
  const a = hex(attributes);
  const lengths = (n: number) => [n >>> 8, n & 0xff];
  return message(
    2,
    Uint8Array.from([...lengths(w.length), ...w, ...lengths(a.length), ...a, ...hex(nlri)]),
  );
}

const PLAIN = { addPath: false, extendedNextHop: false };

export const IBGP: WireContext = {
  as4: true,
  ebgp: false,
  extendedMessage: false,
  ipv4: PLAIN,
  ipv6: PLAIN,
};
export const EBGP: WireContext = { ...IBGP, ebgp: true };
/** A peer with 2-octet AS numbers. */
export const OLD: WireContext = { ...EBGP, as4: false };
export const ADD_PATH: WireContext = {
  ...IBGP,
  ipv4: { addPath: true, extendedNextHop: false },
  ipv6: { addPath: true, extendedNextHop: false },
};

/** Well-formed attributes to put before and behind the one that a test is about. */
export const ORIGIN = '40 01 01 00';
/** 65001 70000. */
export const AS_PATH = '40 02 0a 02 02 0000fde9 00011170';
export const NEXT_HOP = '40 03 04 c0000201';
export const MED = '80 04 04 00000007';
export const LOCAL_PREF = '40 05 04 00000064';
export const COMMUNITIES = 'c0 08 04 fde90001';
/** 2001:db8::/32 by 2001:db8::1. */
export const MP_REACH = '80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8';
/** 2001:db8:1::/48. */
export const MP_UNREACH = '80 0f 0a 0002 01 30 20010db80001';
/** 198.51.100.0/24. */
export const PREFIX = '18 c63364';
