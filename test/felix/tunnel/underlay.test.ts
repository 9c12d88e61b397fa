import { parseAddress } from 'net-ipaddr';
import type { AddressEntry, Link } from 'rtnetlink-ts';
import { underlayOf } from '../../../felix/tunnel/underlay.ts';

/** `2 eth0 1500`, `3 eth1 1400 down`, `1 lo 65536`. */
function link(text: string): Link {
  const [index, name, mtu, down] = text.split(' ');
  const state = { up: down === undefined, loopback: name === 'lo' };
  return { index: Number(index), name, mtu: Number(mtu), ...state } as Link;
}

const LINKS = ['1 lo 65536', '2 eth0 9000', '3 eth1 1500', '4 eth2 1300 down'];
const OURS = ['5 cali1 1280', '6 vxlan.calico 1280', '7 udp.tortie 1280'];

test.each<[what: string, links: string[], on: number, then: unknown]>([
  ['the interface that has the address', LINKS, 2, { index: 2, names: ['eth0'], mtu: 9000 }],
  [
    'on lo: whatever is up and not ours, and the smallest of their MTUs',
    [...LINKS, ...OURS],
    1,
    { index: undefined, names: ['eth0', 'eth1'], mtu: 1500 },
  ],
  ['on lo, and no way out', ['1 lo 65536', ...OURS], 1, undefined],
  ['on an interface that is gone', LINKS, 9, undefined],
])('%s', (_, links, on, then) => {
  const address = parseAddress('192.0.2.1');
  const entry = { link: on, address } as AddressEntry;
  expect(underlayOf(address, links.map(link), [entry])).toEqual(then);
});
