/** rtnetlink-ts alone: one batch of all routes, in one turn of the event loop. */
import { parseAddress } from 'net-ipaddr';
import { openNetlink } from 'rtnetlink-ts';
import { blockAt } from './blocks.ts';
import { GATEWAY, LINK } from './host.ts';
import { obey } from './orders.ts';

const count = Number(process.argv[2]);
const netlink = openNetlink();
const gateway = parseAddress(GATEWAY);
const oif = netlink.link(LINK)!.index;

obey({ add: () => send('add'), remove: () => send('delete') });

function send(action: 'add' | 'delete'): void {
  netlink.change(...operations(action));
}

function operations(action: 'add' | 'delete') {
  return Array.from({ length: count }, (_, index) => ({
    action,
    route: { destination: blockAt(index), gateway, oif, protocol: 80, metric: 1024 },
  }));
}
