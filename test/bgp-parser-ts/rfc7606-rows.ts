/** What RFC 7606 speaks of, in bytes: for the tests of the decoder, and for those of whole sessions. */

import type { WireContext } from 'bgp-parser-ts';
import {
  AS_PATH,
  COMMUNITIES,
  EBGP,
  hex,
  IBGP,
  LOCAL_PREF,
  MED,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  OLD,
  ORIGIN,
} from './wire.ts';

/** 65001, as a 2-octet speaker has it. */
const OLD_PATH = '40 02 04 02 01 fde9';

/** The well-formed attributes of a message in which `code` is the broken one. */
export function others(code: number, context: WireContext): string[] {
  const path = context.as4 ? AS_PATH : OLD_PATH;
  return [
    [1, ORIGIN] as const,
    [2, path] as const,
    [3, NEXT_HOP] as const,
    [4, MED] as const,
    [8, COMMUNITIES] as const,
  ]
    .filter(([one]) => one !== code)
    .map(([, attribute]) => attribute);
}

export type Row = readonly [name: string, context: WireContext, attribute: string];

export const WITHDRAWS: readonly Row[] = [
  ['§7.1 ORIGIN of 0 octets', IBGP, '40 01 00'],
  ['§7.1 ORIGIN of 2 octets', IBGP, '40 01 02 0000'],
  ['§7.1 ORIGIN 3', IBGP, '40 01 01 03'],
  ['§3.c ORIGIN marked optional', IBGP, 'c0 01 01 00'],
  ['§3.c ORIGIN marked non-transitive', IBGP, '00 01 01 00'],
  ['§7.2 AS_PATH: unknown segment type', IBGP, '40 02 06 05 01 0000fde9'],
  ['§7.2 AS_PATH: segment type 0', IBGP, '40 02 06 00 01 0000fde9'],
  ['§7.2 AS_PATH: overrun', IBGP, '40 02 06 02 02 0000fde9'],
  ['§7.2 AS_PATH: a single octet is left', IBGP, '40 02 07 02 01 0000fde9 02'],
  ['§7.2 AS_PATH: segment of length 0', IBGP, '40 02 08 02 01 0000fde9 02 00'],
  ['§7.2 AS_PATH: overrun of 2-octet numbers', OLD, '40 02 04 02 02 fde9'],
  ['§7.2 AS_PATH: 4-octet numbers from a 2-octet speaker', OLD, '40 02 06 02 01 0000fde9'],
  ['RFC 7607 §2: AS 0 in AS_PATH', IBGP, '40 02 0a 02 02 0000fde9 00000000'],
  ['RFC 7607 §2: AS 0 in AS_PATH of 2 octets', OLD, '40 02 06 02 02 fde9 0000'],
  ['RFC 5065 §5: AS_CONFED_SEQUENCE from outside', EBGP, '40 02 06 03 01 0000fde9'],
  ['RFC 5065 §5: AS_CONFED_SET from outside', EBGP, '40 02 06 04 01 0000fde9'],
  ['§3.c AS_PATH marked optional', IBGP, 'c0 02 06 02 01 0000fde9'],
  ['§7.3 NEXT_HOP of 0 octets', IBGP, '40 03 00'],
  ['§7.3 NEXT_HOP of 3 octets', IBGP, '40 03 03 c00002'],
  ['§7.3 NEXT_HOP of 16 octets', IBGP, `40 03 10 ${'20'.repeat(16)}`],
  ['RFC 4271 §6.3 NEXT_HOP 0.0.0.0', IBGP, '40 03 04 00000000'],
  ['RFC 4271 §6.3 NEXT_HOP 224.0.0.1', IBGP, '40 03 04 e0000001'],
  ['RFC 4271 §6.3 NEXT_HOP 255.255.255.255', IBGP, '40 03 04 ffffffff'],
  ['§3.c NEXT_HOP marked optional', IBGP, 'c0 03 04 c0000201'],
  ['§7.4 MED of 0 octets', IBGP, '80 04 00'],
  ['§7.4 MED of 3 octets', IBGP, '80 04 03 000000'],
  ['§7.4 MED of 5 octets', IBGP, '80 04 05 0000000000'],
  ['§3.c MED marked transitive', IBGP, 'c0 04 04 00000000'],
  ['§7.5 LOCAL_PREF of 3 octets from inside', IBGP, '40 05 03 000000'],
  ['§7.5 LOCAL_PREF of 0 octets from inside', IBGP, '40 05 00'],
  ['§3.c LOCAL_PREF marked optional', IBGP, 'c0 05 04 00000064'],
  ['§3.c ATOMIC_AGGREGATE marked optional', IBGP, 'c0 06 00'],
  ['§3.c AGGREGATOR marked non-transitive', IBGP, '80 07 08 0000fde9 c0000201'],
  ['§7.8 COMMUNITIES of 0 octets', IBGP, 'c0 08 00'],
  ['§7.8 COMMUNITIES of 5 octets', IBGP, 'c0 08 05 fde9000100'],
  ['§3.c COMMUNITIES marked non-transitive', IBGP, '80 08 04 fde90001'],
  ['§7.9 ORIGINATOR_ID of 3 octets from inside', IBGP, '80 09 03 c00002'],
  ['§7.10 CLUSTER_LIST of 0 octets from inside', IBGP, '80 0a 00'],
  ['§7.10 CLUSTER_LIST of 6 octets from inside', IBGP, '80 0a 06 c00002010000'],
  ['§7.14 EXTENDED COMMUNITIES of 0 octets', IBGP, 'c0 10 00'],
  ['§7.14 EXTENDED COMMUNITIES of 12 octets', IBGP, 'c0 10 0c 0002fde9000000010002fde9'],
  ['RFC 8092 §6 LARGE COMMUNITIES of 0 octets', IBGP, 'c0 20 00'],
  ['RFC 8092 §6 LARGE COMMUNITIES of 8 octets', IBGP, 'c0 20 08 0000fde900000001'],
  ['RFC 9234 §5 OTC of 3 octets', EBGP, 'c0 23 03 00fde9'],
  ['RFC 9234 §5 OTC of 8 octets', EBGP, 'c0 23 08 0000fde90000fde9'],
];

export const DISCARDS: readonly Row[] = [
  ['§7.5 LOCAL_PREF from outside', EBGP, LOCAL_PREF],
  ['§7.5 LOCAL_PREF of 3 octets from outside', EBGP, '40 05 03 000000'],
  ['§7.6 ATOMIC_AGGREGATE of 1 octet', IBGP, '40 06 01 00'],
  ['§7.7 AGGREGATOR of 6 octets between 4-octet speakers', IBGP, 'c0 07 06 fde9 c0000201'],
  ['§7.7 AGGREGATOR of 8 octets from a 2-octet speaker', OLD, 'c0 07 08 0000fde9 c0000201'],
  ['§7.7 AGGREGATOR of 0 octets', IBGP, 'c0 07 00'],
  ['RFC 7607 §2: AS 0 in AGGREGATOR', IBGP, 'c0 07 08 00000000 c0000201'],
  ['RFC 7607 §2: AS 0 in AGGREGATOR of 2 octets', OLD, 'c0 07 06 0000 c0000201'],
  ['§7.9 ORIGINATOR_ID from outside', EBGP, '80 09 04 c0000201'],
  ['§7.9 ORIGINATOR_ID of 3 octets from outside', EBGP, '80 09 03 c00002'],
  ['§7.10 CLUSTER_LIST from outside', EBGP, '80 0a 04 c0000201'],
  ['RFC 6793 §4.1 AS4_PATH from a 4-octet speaker', EBGP, 'c0 11 06 02 01 00011170'],
  ['RFC 6793 §4.1 AS4_AGGREGATOR from a 4-octet speaker', EBGP, 'c0 12 08 00011170 c0000201'],
  ['RFC 6793 §6 AS4_PATH of 0 octets', OLD, 'c0 11 00'],
  ['RFC 6793 §6 AS4_PATH below 6 octets', OLD, 'c0 11 04 02 01 fde9'],
  ['RFC 6793 §6 AS4_PATH of odd length', OLD, 'c0 11 07 02 01 00011170 00'],
  ['RFC 6793 §6 AS4_PATH: segment of length 0', OLD, 'c0 11 08 02 01 00011170 02 00'],
  ['RFC 6793 §6 AS4_PATH: overrun', OLD, 'c0 11 06 02 02 00011170'],
  ['RFC 6793 §6 AS4_PATH: unknown segment type', OLD, 'c0 11 06 07 01 00011170'],
  ['RFC 7607 §2: AS 0 in AS4_PATH', OLD, 'c0 11 06 02 01 00000000'],
  ['RFC 6793 §6 AS4_AGGREGATOR of 6 octets', OLD, 'c0 12 06 fde9 c0000201'],
  ['RFC 7607 §2: AS 0 in AS4_AGGREGATOR', OLD, 'c0 12 08 00000000 c0000201'],
];

export const RESETS: readonly Row[] = [
  ['§3.c and §5.3 MP_REACH_NLRI marked well-known', IBGP, MP_REACH.replace('80', '00')],
  ['§3.c and §5.3 MP_REACH_NLRI marked transitive', IBGP, MP_REACH.replace('80', 'c0')],
  ['§5.3 MP_UNREACH_NLRI marked transitive', IBGP, MP_UNREACH.replace('80', 'c0')],
  ['§5.3 MP_REACH_NLRI of 0 octets', IBGP, '80 0e 00'],
  ['§5.3 MP_REACH_NLRI of 4 octets', IBGP, '80 0e 04 0002 01 00'],
  ['§5.3 MP_UNREACH_NLRI of 0 octets', IBGP, '80 0f 00'],
  ['§5.3 MP_UNREACH_NLRI of 2 octets', IBGP, '80 0f 02 0002'],
  ['§7.11 next hop longer than the attribute', IBGP, '80 0e 09 0002 01 10 2001 0db8 00'],
  [
    '§7.11 next hop up to the end: no reserved octet',
    IBGP,
    `80 0e 14 0002 01 10 ${'20'.repeat(16)}`,
  ],
  ['§7.11 IPv6 next hop of 4 octets', IBGP, '80 0e 0e 0002 01 04 c0000201 00 20 20010db8'],
  ['§7.11 IPv6 next hop of 0 octets', IBGP, '80 0e 0a 0002 01 00 00 20 20010db8'],
  [
    '§7.11 IPv6 next hop of 24 octets',
    IBGP,
    `80 0e 22 0002 01 18 ${'20'.repeat(24)} 00 20 20010db8`,
  ],
  [
    '§7.11 IPv4 next hop of 16 octets, RFC 8950 not negotiated',
    IBGP,
    `80 0e 18 0001 01 10 ${'20'.repeat(16)} 00 10 0a01`,
  ],
  [
    '§5.3 IPv6 prefix of 129 bits',
    IBGP,
    `80 0e 26 0002 01 10 ${'20'.repeat(16)} 00 81 ${'20'.repeat(16)}`,
  ],
  ['§5.3 IPv4 prefix of 33 bits in MP_UNREACH_NLRI', IBGP, '80 0f 09 0001 01 21 0a00000000'],
  [
    '§5.3 prefix exceeds MP_REACH_NLRI',
    IBGP,
    `80 0e 19 0002 01 10 ${'20'.repeat(16)} 00 20 20010d`,
  ],
  ['§5.3 prefix exceeds MP_UNREACH_NLRI', IBGP, '80 0f 09 0002 01 30 20010db800'],
  ['§3.g MP_REACH_NLRI twice', IBGP, `${MP_REACH} ${MP_REACH}`],
  ['§3.g MP_UNREACH_NLRI twice', IBGP, `${MP_UNREACH} ${MP_UNREACH}`],
  [
    '§3.g MP_REACH_NLRI twice, of a family that is ignored',
    IBGP,
    '80 0e 05 0019 41 00 00 80 0e 05 0019 41 00 00',
  ],
  ['RFC 4271 §6.3 unknown well-known attribute', IBGP, '40 63 01 00'],
];

const MANDATORY = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

/** §4: all attributes of the message, of which one is too long, and its fate is treat-as-withdraw. */
export const BROKEN_LENGTHS: readonly (readonly [name: string, attributes: string])[] = [
  ['the last attribute exceeds the attributes', `${MANDATORY} 80 04 05 00000000`],
  ['the last attribute exceeds them by its extended length', `${MANDATORY} 90 04 ffff 00000000`],
  ['one octet is left', `${MANDATORY} 80`],
  ['two octets are left', `${MANDATORY} 80 04`],
  ['three octets are left, and the length is extended', `${MANDATORY} 90 04 00`],
  ['a length swallows the attributes behind it', `${ORIGIN} 40 02 ff 02 01 0000fde9 ${NEXT_HOP}`],
];

/** Whole bodies behind an UPDATE's header that reset the session, and `code/subcode` of the NOTIFICATION. */
export const BROKEN_BODIES: readonly (readonly [
  name: string,
  body: string,
  notification: string,
])[] = [
  ['§3.b withdrawn routes exceed the message', 'ffff 0000', '3/1'],
  ['§3.b withdrawn routes leave no attribute length', '0002 0000', '3/1'],
  ['§3.b withdrawn routes leave one octet', '0001 00 00', '3/1'],
  ['§3.b attributes exceed the message', '0000 0001', '3/1'],
  [
    '§3.b attributes and withdrawn routes exceed it together',
    '0003 10 0a01 0005 40 01 01 00',
    '3/1',
  ],
  ['§5.3 withdrawn prefix of 33 bits', '0006 21 0a00000000 0000', '3/10'],
  ['§5.3 withdrawn prefix exceeds its field', '0002 10 0a 0000', '3/10'],
  ['§5.3 withdrawn prefix would reach into the attributes', '0001 08 0000', '3/10'],
  ['§5.3 NLRI of 33 bits', '0000 0000 21 0a00000000', '3/10'],
  ['§5.3 NLRI exceeds the message', '0000 0000 18 0a00', '3/10'],
  ['§5.3 second NLRI exceeds the message', '0000 0000 08 0a 18', '3/10'],
];

/** All places that the broken attribute can have among the others. */
export function places(row: Row): string[] {
  const [, context, attribute] = row;
  const rest = others(hex(attribute)[1]!, context);
  return rest
    .map((_, at) => [...rest.slice(0, at), attribute, ...rest.slice(at)].join(' '))
    .concat([...rest, attribute].join(' '));
}
