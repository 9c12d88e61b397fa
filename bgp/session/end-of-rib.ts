/** End-of-RIB, RFC 4724 §2: the UPDATE that says that the initial routes of a family are through. */

import {
  AFI_IPV4,
  AFI_IPV6,
  encodeEndOfRib,
  SAFI_UNICAST,
  UpdateCursor,
  type WireContext,
} from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';

/** With an extended length in its one attribute the mark is an octet longer than we write it. */
const MAX_LENGTH = encodeEndOfRib(AFI_IPV6, SAFI_UNICAST).length + 1;
/** The mark has nothing in it that depends on what was negotiated. */
const ANY: WireContext = {
  as4: true,
  ebgp: false,
  extendedMessage: false,
  ipv4: { addPath: false, extendedNextHop: false },
  ipv6: { addPath: false, extendedNextHop: false },
};
const cursor = new UpdateCursor();

/** The family whose End-of-RIB the UPDATE `bytes[start, end)` is. */
export function endOfRib(bytes: Uint8Array, start: number, end: number): Family | undefined {
  if (end - start > MAX_LENGTH) return undefined;
  cursor.reset(bytes, start, end, ANY);
  if (cursor.endOfRibSafi !== SAFI_UNICAST) return undefined;
  if (cursor.endOfRibAfi === AFI_IPV4) return 4;
  return cursor.endOfRibAfi === AFI_IPV6 ? 6 : undefined;
}
