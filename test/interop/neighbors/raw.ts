/** Raw peers of daemons, and what they are told. */

import { decodeMessage, type WireContext } from 'bgp-parser-ts';
import { formatPrefix } from 'net-ipaddr';
import { BOTH_FAMILIES, fourOctetAs, RawPeer } from '../../bgp/speaker/raw-peer.ts';
import { command, type Host, until } from '../daemons/host.ts';
import { type Seen, seenHere } from './neighbor.ts';

/** A second neighbor of the daemon on `host`, which waits for it; `address` is on the cable, too. */
export async function secondNeighbor(host: Host, address: string, as: number): Promise<RawPeer> {
  command('ip', 'address', 'add', `${address}/24`, 'dev', host.interface);
  const capabilities = `${BOTH_FAMILIES} ${fourOctetAs(as)}`;
  let raw: RawPeer | undefined;
  await until(`${host.name} to take ${address}`, async () => {
    raw = new RawPeer(address, { address: host.address4, port: 179 });
    await raw.establish({ as, capabilities });
    return true;
  });
  return raw!;
}

/**
 * The table of a raw peer: what the messages that it had come to.
 * @param context what it and the speaker agreed on
 */
export function tableOf({ messages }: RawPeer, context: WireContext): Record<string, Seen> {
  const table: Record<string, Seen> = {};
  for (const bytes of messages) {
    const decoded = decodeMessage(bytes, context);
    if ('error' in decoded) throw new Error(decoded.error.text);
    if (decoded.message.type !== 'update') continue;
    for (const { prefix } of decoded.message.withdrawn) delete table[formatPrefix(prefix)];
    for (const { attributes, nlri } of decoded.message.announced) {
      for (const { prefix } of nlri) table[formatPrefix(prefix)] = seenHere(attributes);
    }
  }
  return table;
}
