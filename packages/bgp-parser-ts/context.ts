/** What the two OPENs settled about how UPDATEs look, in one direction. */

export interface FamilyContext {
  /** RFC 7911: each NLRI of this direction is preceded by a path identifier. */
  readonly addPath: boolean;
  /** RFC 8950: IPv4 routes may have an IPv6 next hop. Means nothing for IPv6. */
  readonly extendedNextHop: boolean;
}

export interface WireContext {
  /** RFC 6793: both sides sent capability 65, so AS_PATH and AGGREGATOR hold 4-octet AS numbers. */
  readonly as4: boolean;
  /** The peer is in another AS: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST from it are discarded. */
  readonly ebgp: boolean;
  /** RFC 8654: messages up to 65535 octets, else 4096. */
  readonly extendedMessage: boolean;
  /** IPv4 unicast as negotiated; undefined: not negotiated, and its routes are ignored. */
  readonly ipv4: FamilyContext | undefined;
  /** IPv6 unicast as negotiated; undefined: not negotiated, and its routes are ignored. */
  readonly ipv6: FamilyContext | undefined;
}
