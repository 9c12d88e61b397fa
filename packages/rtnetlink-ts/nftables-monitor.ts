/** Being told that somebody changed a table of nftables: linux/netfilter/nf_tables.h. */
import { addon } from './addon.ts';
import type { Namespace } from './codec/link-kind.ts';
import type { Monitor } from './monitor.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { startPoll } from './start-poll.ts';
import { errnoName } from './system-call-error.ts';
import { AttributeCursor } from './wire/attributes.ts';
import { HEADER_LENGTH, messageLength, messageType } from './wire/message.ts';
import { align4 } from './wire/words.ts';

const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
/** A transaction's number, and packets that are traced: of no table. */
const OF_NO_TABLE = [15, 16, 17];
/** NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, …: all are 1. */
const NFTA_TABLE = 1;
/** struct nfgenmsg. */
const NFGENMSG_LENGTH = 4;

/** About a thousand changes: with more the kernel says that some are lost, which is told as well. */
const NOTIFICATIONS_BYTES = 1 << 20;
/** One turn of the event loop reads so many; libuv calls again while there are more. */
const READS_A_TURN = 200;

/**
 * Calls `onChange` after something of the table was made, changed or deleted, by whomever: its chains, rules,
 * sets and elements too. Many changes may be one call; one that was lost is a call as well.
 *
 * @param table without its family: of one name in another family is told too.
 * @throws SystemCallError, also where the kernel has no netfilter.
 */
export function monitorNftables(
  table: string,
  onChange: () => void,
  options: { /** @default the calling thread's */ netns?: Namespace } = {},
): Monitor {
  const socket = new NetlinkSocket(options.netns, NOTIFICATIONS_BYTES, NETLINK_NETFILTER);
  try {
    socket.join(NFNLGRP_NFTABLES);
    const poll = startPoll(socket.fd, () => {
      if (readChanges(socket, table)) onChange();
    });
    let isClosed = false;
    return {
      close: () => {
        if (isClosed) return;
        isClosed = true;
        addon.pollStop(poll);
        socket.close();
      },
    };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** @returns whether one of them may be the table's. */
function readChanges(socket: NetlinkSocket, table: string): boolean {
  let isChanged = false;
  for (let i = 0; i < READS_A_TURN; i++) {
    const length = socket.receive();
    if (length >= 0) isChanged ||= concerns(socket, length, table);
    else if (errnoName(-length) === 'EAGAIN') break;
    else isChanged = true;
  }
  return isChanged;
}

function concerns({ received }: NetlinkSocket, length: number, table: string): boolean {
  const attributes = new AttributeCursor(received);
  for (let at = 0; at + HEADER_LENGTH <= length; at += align4(messageLength(received, at))) {
    const type = messageType(received, at);
    if (type >> 8 !== NFNL_SUBSYS_NFTABLES || OF_NO_TABLE.includes(type & 0xff)) continue;
    attributes.reset(at + HEADER_LENGTH + NFGENMSG_LENGTH, at + messageLength(received, at));
    while (attributes.next())
      if (attributes.type === NFTA_TABLE && attributes.text() === table) return true;
  }
  return false;
}
