/**
 * The names and labels of the IPAM objects. They are Calico's to the letter: two programs that
 * claim one block for one node must meet at the same object.
 */

import { createHash } from 'node:crypto';
import type { Family } from 'net-ipaddr';
import { IpamError } from './errors.ts';

/** `10.0.0.0/26` → `10-0-0-0-26`. */
export function blockName(cidr: string): string {
  return cidr.replace(/[.:/]/g, '-');
}

/** `<node>-<block name>`; a long node name is cut, and a hash keeps the result apart from others. */
export function affinityName(node: string, cidr: string): string {
  const block = blockName(cidr);
  const whole = `${node}-${block}`;
  if (whole.length < MAX_NAME_LENGTH) return whole;
  const hash = createHash('sha256').update(`${node}+${block}`).digest('hex').slice(0, HASH_LENGTH);
  const room = MAX_NAME_LENGTH - 1 - block.length - hash.length - 2;
  return `${node.slice(0, room)}-${block}-${hash}`;
}

/**
 * The object's name for a handle id: lower case, since names have no capitals.
 * @throws IpamError 'Invalid' when no object can have that name.
 */
export function handleName(handleId: string): string {
  const name = handleId.toLowerCase();
  if (name.length > MAX_NAME_LENGTH || !SUBDOMAIN.test(name)) {
    throw new IpamError(
      'Invalid',
      `handle ${JSON.stringify(handleId.slice(0, MAX_NAME_LENGTH))} cannot name an object: use at most ${MAX_NAME_LENGTH} letters, digits, "-" and ".", with a letter or digit at both ends (check the network's name in the CNI configuration)`,
    );
  }
  return name;
}

/** What a block says of the node that it belongs to. */
export function affinityOf(node: string): string {
  return `host:${node}`;
}

export const HOSTNAME_HASH_LABEL = 'projectcalico.org/hostname-hash';

export function affinityLabels(node: string, family: Family): Record<string, string> {
  return {
    [HOSTNAME_HASH_LABEL]: hostnameHash(node),
    'projectcalico.org/affinity-type': 'host',
    'projectcalico.org/ip-version': String(family),
  };
}

/** SHA3-256 in base32 without padding: 52 characters, since a label holds 63 and a node name 253. */
export function hostnameHash(node: string): string {
  let text = '';
  let bits = 0;
  let count = 0;
  for (const byte of createHash('sha3-256').update(node).digest()) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 5; count -= 5) text += BASE32[(bits >> (count - 5)) & 31];
    bits &= (1 << count) - 1;
  }
  return count === 0 ? text : text + BASE32[(bits << (5 - count)) & 31];
}

const MAX_NAME_LENGTH = 253;
const HASH_LENGTH = 11;
/** RFC 1123 subdomain. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** RFC 4648 §6. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
