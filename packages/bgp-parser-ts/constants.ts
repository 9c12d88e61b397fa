/** Numbers of the wire that more than one file reads: sizes, message types, AFI/SAFI, attribute flags. */

/** Marker (16), length (2), type (1): RFC 4271 §4.1. */
export const HEADER_LENGTH = 19;
/** RFC 4271 §4.1. */
export const MAX_MESSAGE_LENGTH = 4096;
/** RFC 8654 §4; OPEN and KEEPALIVE stay within 4096. */
export const MAX_EXTENDED_MESSAGE_LENGTH = 65535;

export const MESSAGE_OPEN = 1;
export const MESSAGE_UPDATE = 2;
export const MESSAGE_NOTIFICATION = 3;
export const MESSAGE_KEEPALIVE = 4;
/** RFC 2918. */
export const MESSAGE_ROUTE_REFRESH = 5;

export const AFI_IPV4 = 1;
export const AFI_IPV6 = 2;
export const SAFI_UNICAST = 1;

/** Stands for an AS number above 65535 where only two octets fit, RFC 6793 §9. */
export const AS_TRANS = 23456;
export const MAX_TWO_OCTET_AS = 65535;

/** Attribute Flags, RFC 4271 §4.3. The low four bits are unused. */
export const FLAG_OPTIONAL = 0x80;
export const FLAG_TRANSITIVE = 0x40;
export const FLAG_PARTIAL = 0x20;
export const FLAG_EXTENDED_LENGTH = 0x10;

export const ATTRIBUTE = {
  ORIGIN: 1,
  AS_PATH: 2,
  NEXT_HOP: 3,
  MULTI_EXIT_DISC: 4,
  LOCAL_PREF: 5,
  ATOMIC_AGGREGATE: 6,
  AGGREGATOR: 7,
  COMMUNITIES: 8,
  ORIGINATOR_ID: 9,
  CLUSTER_LIST: 10,
  MP_REACH_NLRI: 14,
  MP_UNREACH_NLRI: 15,
  EXTENDED_COMMUNITIES: 16,
  AS4_PATH: 17,
  AS4_AGGREGATOR: 18,
  LARGE_COMMUNITIES: 32,
  ONLY_TO_CUSTOMER: 35,
} as const;

/** AS_PATH segment types: RFC 4271 §4.3, RFC 5065 §3. */
export const AS_SET = 1;
export const AS_SEQUENCE = 2;
export const AS_CONFED_SEQUENCE = 3;
export const AS_CONFED_SET = 4;
