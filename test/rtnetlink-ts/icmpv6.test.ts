/** ICMPv6 on a link. Needs root: makes a namespace of its own. */
import { formatAddress, parseAddress } from 'net-ipaddr';
import { type Icmpv6Options, type Icmpv6Socket, openIcmpv6 } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

const ALL_NODES = parseAddress('ff02::1');
const ALL_ROUTERS = parseAddress('ff02::2');
const SOLICITATION = Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0);
const ADVERTISEMENT = Uint8Array.of(134, ...new Uint8Array(15));

let network: PrivateNetwork;
const sockets: Icmpv6Socket[] = [];
beforeAll(async () => {
  network = await openPrivateNetwork();
  addPair(network);
  for (const [device, address] of [
    ['a', 'fe80::a/64'],
    ['b', 'fe80::b/64'],
  ] as const) {
    network.run('ip', 'address', 'add', address, 'dev', device, 'nodad');
  }
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(() => network?.close());

function open(options: Omit<Icmpv6Options, 'netns'>): Icmpv6Socket {
  const socket = openIcmpv6({ netns: network.path, ...options });
  sockets.push(socket);
  return socket;
}

/** What comes: `134 from fe80::a to ff02::1, 255`. */
function collect(socket: Icmpv6Socket): string[] {
  const found: string[] = [];
  socket.receive(1500, ({ bytes, source, destination, ttl }) => {
    const [from, to] = [formatAddress(source), formatAddress(destination)];
    found.push(`${bytes[0]} of ${bytes.length} from ${from} to ${to}, ${ttl}`);
  });
  return found;
}

test('multicast with hop limit 255, on its own link only, and of the types asked for', async () => {
  const sender = open({ device: 'a', types: [134] });
  const heardBySender = collect(sender);
  const heard = collect(open({ device: 'b', types: [134] }));
  const solicited = collect(open({ device: 'b', types: [133], groups: [ALL_ROUTERS] }));
  expect(sender.send(SOLICITATION, ALL_ROUTERS)).toBeUndefined();
  expect(sender.send(ADVERTISEMENT, ALL_NODES)).toBeUndefined();
  expect(sender.send(ADVERTISEMENT, parseAddress('fe80::b'))).toBeUndefined();
  await until(
    () => heard.length === 2 && solicited.length === 1,
    () => JSON.stringify([heard, solicited]),
  );
  expect(heard).toEqual([
    '134 of 16 from fe80::a to ff02::1, 255',
    '134 of 16 from fe80::a to fe80::b, 255',
  ]);
  expect(solicited).toEqual(['133 of 8 from fe80::a to ff02::2, 255']);
  expect(heardBySender).toEqual([]);
});

test('what cannot be sent is told, and what cannot be opened is thrown', () => {
  expect(() => open({ device: 'nowhere', types: [134] })).toThrow(
    expect.objectContaining({ code: 'ENODEV' }),
  );
  const socket = open({ device: 'a', types: [134] });
  network.run('ip', 'address', 'del', 'fe80::a/64', 'dev', 'a');
  expect(socket.send(ADVERTISEMENT, ALL_NODES)).toBe('EADDRNOTAVAIL');
  network.run('ip', 'address', 'add', 'fe80::a/64', 'dev', 'a', 'nodad');
  expect(socket.send(ADVERTISEMENT, ALL_NODES)).toBeUndefined();
});
