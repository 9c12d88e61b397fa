/** Families as IANA numbers them in messages. */

import { AFI_IPV4, AFI_IPV6 } from 'bgp-parser-ts';
import type { Family } from 'net-ipaddr';

export const AFI: Readonly<Record<Family, number>> = { 4: AFI_IPV4, 6: AFI_IPV6 };
