/** Having the kernel forget connections, so that an address' next owner does not inherit them. */
import { setImmediate } from 'node:timers/promises';
import type { Address } from 'net-ipaddr';
import { ask } from './ask.ts';
import {
  decodeFlow,
  encodeFlowDeletion,
  encodeFlowDump,
  type Flow,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_GET,
} from './codec/flow.ts';
import type { Namespace } from './codec/link-kind.ts';
import { Dumps } from './dump.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { NLM_F_ACK } from './wire/message.ts';

const RECEIVE_BUFFER_BYTES = 1 << 20;
/** What is deleted before the event loop gets a turn: about a millisecond. */
const DELETIONS_A_SLICE = 100;

/**
 * Deletes the tracked connections that one of the addresses opened or answers, under whatever address the
 * other side knows it. The kernel goes through its whole table, off the loop: 13 ms where it has 262,144
 * buckets, as many as are empty.
 *
 * @returns how many there were.
 * @throws SystemCallError or NetlinkError, also where the kernel lacks nf_conntrack_netlink.
 */
export async function deleteFlows(
  addresses: Iterable<Address>,
  options: { /** @default the calling thread's */ netns?: Namespace } = {},
): Promise<number> {
  const open = () => new NetlinkSocket(options.netns, RECEIVE_BUFFER_BYTES, NETLINK_NETFILTER);
  const socket = open();
  const dumps = new Dumps(open);
  try {
    return await deleteAll(socket, await flowsOf(dumps, addresses));
  } finally {
    dumps.close();
    socket.close();
  }
}

async function flowsOf(dumps: Dumps, addresses: Iterable<Address>): Promise<Flow[]> {
  const wanted = new Set(Array.from(addresses, ({ bytes }) => textOf(bytes)));
  const isWanted = (address: Uint8Array) => wanted.has(textOf(address));
  let flows: Flow[] = [];
  await dumps.run({
    attempt: 'reading tracked connections',
    type: IPCTNL_MSG_CT_GET,
    isLong: true,
    encode: encodeFlowDump,
    begin: () => {
      flows = [];
      return (words, start, end) => {
        const flow = decodeFlow(words, start, end, isWanted);
        if (flow !== undefined) flows.push(flow);
      };
    },
  });
  return flows;
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

async function deleteAll(socket: NetlinkSocket, flows: readonly Flow[]): Promise<number> {
  let deleted = 0;
  for (const [index, flow] of flows.entries()) {
    if (index % DELETIONS_A_SLICE === DELETIONS_A_SLICE - 1) await setImmediate();
    if (deleteOne(socket, flow)) deleted++;
  }
  return deleted;
}

/** @returns false for one that has ended meanwhile. */
function deleteOne(socket: NetlinkSocket, flow: Flow): boolean {
  return ask(socket, {
    attempt: 'deleting a tracked connection',
    type: IPCTNL_MSG_CT_DELETE,
    flags: NLM_F_ACK,
    encode: (out) => encodeFlowDeletion(out, flow),
    missing: 'ENOENT',
  });
}
