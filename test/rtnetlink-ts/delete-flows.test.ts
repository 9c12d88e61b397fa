/** Tracked connections, against the kernel. Needs root and nft. */
import { parseAddress } from 'net-ipaddr';
import { deleteFlows } from 'rtnetlink-ts';
import { openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;
beforeAll(async () => {
  network = await openPrivateNetwork();
  const { netlink, run } = network;
  netlink.change({ action: 'change', link: { name: 'lo', up: true } });
  const { index: link } = netlink.link('lo')!;
  for (const text of ['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::2', 'fd00::3']) {
    const address = parseAddress(text);
    const length = address.bytes.length * 8;
    netlink.change({ action: 'add', address: { link, address, length, noDad: true } });
  }
  // Calls for 10.0.0.9 are answered by 10.0.0.3, as those of a service are.
  run(
    'nft',
    `table inet t {
      chain out {
        type nat hook output priority -100;
        ip daddr 10.0.0.9 dnat ip to 10.0.0.3
      }
      chain tracked { type filter hook input priority 0; ct state new accept; }
    }`,
  );
  run('ip', 'route', 'add', '10.0.0.9', 'dev', 'lo');
});
afterAll(() => network?.close());

/** A datagram from one address to ports of another: each opens a connection for 30 s. */
const send = (from: string, to: string, ports = 1) =>
  network.run(
    process.execPath,
    '--eval',
    `const socket = require('node:dgram').createSocket('udp${from.includes(':') ? 6 : 4}');
    let sent = 0;
    const closeAfterLast = () => ++sent === ${ports} && socket.close();
    socket.bind(0, '${from}', () => {
      for (let port = 1; port <= ${ports}; port++) socket.send('', port, '${to}', closeAfterLast);
    });`,
  );

const tracked = () =>
  network
    .run('cat', '/proc/net/nf_conntrack')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, from, to] = /src=(\S+) dst=(\S+)/.exec(line)!;
      return `${from} ${to}`.replaceAll(/(:0000)+:000/g, '::');
    })
    .sort();

const forget = (...addresses: string[]) =>
  deleteFlows(addresses.map(parseAddress), { netns: network.path });

test('those that an address opened or answers go, of both families; others stay', async () => {
  send('10.0.0.1', '10.0.0.2');
  send('10.0.0.2', '10.0.0.1');
  send('10.0.0.2', '10.0.0.3');
  send('fd00::1', 'fd00::2');
  send('fd00::2', 'fd00::3');
  expect(tracked()).toHaveLength(5);
  expect(await forget('10.0.0.1', 'fd00::1')).toBe(3);
  expect(tracked()).toEqual(['10.0.0.2 10.0.0.3', 'fd00::2 fd00::3']);
  expect(await forget('10.0.0.1', 'fd00::1')).toBe(0);
  expect(await forget('10.0.0.3', 'fd00::3')).toBe(2);
});

test('one that it answers under another address, too', async () => {
  send('10.0.0.1', '10.0.0.9');
  expect(tracked()).toEqual(['10.0.0.1 10.0.0.9']);
  expect(await forget('10.0.0.3')).toBe(1);
  expect(tracked()).toEqual([]);
});

test('a thousand of them', async () => {
  send('10.0.0.1', '10.0.0.2', 1000);
  expect(await forget('10.0.0.2')).toBe(1000);
  expect(tracked()).toEqual([]);
});
