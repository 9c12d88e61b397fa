/** UDP with what the kernel knows of a datagram. Needs root: makes a namespace of its own. */
import { formatAddress, parseAddress } from 'net-ipaddr';
import { type Datagram, openUdp, type UdpSocket } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

let network: PrivateNetwork;
const sockets: UdpSocket[] = [];
beforeAll(async () => {
  network = await openPrivateNetwork();
  addPair(network);
  // Without duplicate address detection, which would hold it back for a second.
  network.run('ip', 'address', 'add', 'fe80::1/64', 'dev', 'a', 'nodad');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(() => network?.close());

function open(options: Omit<Parameters<typeof openUdp>[0], 'netns'>): UdpSocket {
  const socket = openUdp({ netns: network.path, ...options });
  sockets.push(socket);
  return socket;
}

/** What comes, copied: a datagram is valid during the call only. */
function collect(socket: UdpSocket): (Omit<Datagram, 'bytes'> & { text: string })[] {
  const found: (Omit<Datagram, 'bytes'> & { text: string })[] = [];
  socket.receive(100, ({ bytes, ...rest }) => {
    found.push({ ...rest, text: Buffer.from(bytes).toString() });
  });
  return found;
}

const received = (found: readonly unknown[]) => () => `${found.length} datagrams`;

test.each([
  [4, '127.0.0.7', '127.0.0.9'],
  [6, '::1', '::1'],
] as const)('IPv%d: addresses, port, TTL and interface', async (family, from, to) => {
  const found = collect(open({ family, port: 5000 }));
  for (const ttl of [255, 254])
    open({
      family,
      address: parseAddress(from),
      port: 49_152 + ttl,
      ttl,
      remote: { address: parseAddress(to), port: 5000 },
    }).send(Buffer.from(`with ${ttl}`));
  await until(() => found.length === 2, received(found));
  expect(
    found.map(({ source, destination, ...rest }) => ({
      source: formatAddress(source),
      destination: formatAddress(destination),
      ...rest,
    })),
  ).toEqual(
    [255, 254].map((ttl) => ({
      text: `with ${ttl}`,
      source: from,
      sourcePort: 49_152 + ttl,
      destination: to,
      ttl,
      interface: 1,
    })),
  );
});

test('all that waits is read in one phase of the loop', async () => {
  const address = parseAddress('127.0.0.1');
  const found = collect(open({ family: 4, address, port: 5005 }));
  const sender = open({ family: 4, remote: { address, port: 5005 } });
  const readAfterPoll = await new Promise<number>((resolve) => {
    setTimeout(() => {
      for (let index = 0; index < 200; index++) sender.send(Buffer.from(`${index}`));
      setImmediate(() => resolve(found.length));
    });
  });
  expect(readAfterPoll).toBe(200);
});

test('as many wait as there is room for', async () => {
  const address = parseAddress('127.0.0.1');
  const counts: number[] = [];
  for (const receiveBufferBytes of [64 << 10, 4 << 20]) {
    const socket = open({ family: 4, address, port: 5006, receiveBufferBytes });
    const sender = open({ family: 4, remote: { address, port: 5006 } });
    for (let index = 0; index < 2000; index++) sender.send(Buffer.from(`${index}`));
    const found = collect(socket);
    // It is lost as long as there is no room.
    const hasLast = () => found.at(-1)?.text === 'last';
    await until(() => sender.send(Buffer.from('last')) === undefined && hasLast(), received(found));
    counts.push(found.filter(({ text }) => text !== 'last').length);
    socket.close();
  }
  expect(counts[0]).toBeLessThan(500);
  expect(counts[1]).toBe(2000);
});

test('a link-local address, by its interface', async () => {
  const { index } = network.netlink.link('a')!;
  const found = collect(open({ family: 6, port: 5001 }));
  const address = parseAddress('fe80::1');
  const sender = open({ family: 6, address, device: 'a', remote: { address, port: 5001 } });
  expect(sender.interface).toBe(index);
  expect(sender.send(Buffer.from('here'))).toBeUndefined();
  await until(() => found.length === 1, received(found));
  expect(found[0]).toMatchObject({ source: address, text: 'here' });
});

test('what is too large is dropped, and what is sent in vain is told', async () => {
  const address = parseAddress('127.0.0.1');
  const found = collect(open({ family: 4, address, port: 5002 }));
  const sender = open({ family: 4, remote: { address, port: 5002 } });
  sender.send(Buffer.alloc(101));
  sender.send(Buffer.from('small'));
  await until(() => found.length > 0, received(found));
  expect(found.map(({ text }) => text)).toEqual(['small']);
  const nobody = open({ family: 4, remote: { address, port: 5003 } });
  nobody.send(Buffer.from('one'));
  await until(
    () => nobody.send(Buffer.from('two')) === 'ECONNREFUSED',
    () => 'no error of a port that nobody listens at',
  );
});

test('errors name what was tried', () => {
  const address = parseAddress('192.0.2.1');
  expect(() => open({ family: 4, address, port: 5004 })).toThrow(
    'binding a UDP socket to 192.0.2.1, port 5004: EADDRNOTAVAIL',
  );
  expect(() => open({ family: 4, remote: { address, port: 5004 } })).toThrow(
    'connecting a UDP socket: ENETUNREACH',
  );
});
