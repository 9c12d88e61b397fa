/** Whether anything of nftables was changed since one last looked: linux/netfilter/nf_tables.h. */
import { ask } from './ask.ts';
import type { Namespace } from './codec/link-kind.ts';
import { NetlinkError } from './netlink-error.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { AttributeCursor } from './wire/attributes.ts';
import { HEADER_LENGTH, messageLength } from './wire/message.ts';

/** NFNL_SUBSYS_NFTABLES in the high byte. */
const NFT_MSG_GETGEN = 0xa10;
const NFTA_GEN_ID = 1;
/** struct nfgenmsg: family 1, version 1, resource 2. */
const NFGENMSG_LENGTH = 4;

const RECEIVE_BUFFER_BYTES = 1 << 16;

/**
 * The number of the namespace's last transaction: as long as it is the same, nobody has changed a table, chain,
 * rule, set or element. Without one go a table whose owner ends (`flags owner`) and elements whose time is over.
 * Takes a third of a millisecond.
 *
 * @throws SystemCallError or NetlinkError, also where the kernel has no nftables.
 */
export function nftablesGeneration(
  options: { /** @default the calling thread's */ netns?: Namespace } = {},
): number {
  const attempt = 'reading the generation of nftables';
  const socket = new NetlinkSocket(options.netns, RECEIVE_BUFFER_BYTES, NETLINK_NETFILTER);
  try {
    ask(socket, { attempt, type: NFT_MSG_GETGEN, flags: 0, encode: (out) => out.word(0) });
    const { received } = socket;
    const start = HEADER_LENGTH + NFGENMSG_LENGTH;
    const attributes = new AttributeCursor(received).reset(start, messageLength(received, 0));
    while (attributes.next()) if (attributes.type === NFTA_GEN_ID) return attributes.u32be();
    throw new NetlinkError(attempt, 'EBADMSG');
  } finally {
    socket.close();
  }
}
