/** The UDP forwarder, between two nodes and against datagrams made by hand. Needs root: makes namespaces of its own. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { parseAddress } from 'net-ipaddr';
import { openTcp, openUdp, type UdpSocket } from 'rtnetlink-ts';
import { buildForwarder } from '../../../../felix/tunnel/udp/build.ts';
import { until } from '../../../rtnetlink-ts/until.ts';
import { fragment, ICMP, ipPacket, readTcpPacket, shortened, tcpPacket } from './packets.ts';
import { blocksOf, DEVICE, type Node, PORT, transfer, twoNodes } from './stage.ts';

const FAMILIES = [
  [4, '192.0.2.', '10.60.1.1', '10.60.2.1'],
  [6, 'fd00::', 'fd60:1::1', 'fd60:2::1'],
] as const;

/** Of a UDP datagram in an IPv4 packet of 65,535 octets. */
const MAX_PAYLOAD = 65_507;

let one: Node;
let two: Node;

function ping(from: Node, to: string, count = 1): void {
  from.network.run('ping', '-c', String(count), '-i', '0.05', '-W', '5', to);
}

test('it is a static program: the kernel is all it needs', async () => {
  const { path } = await buildForwarder();
  // A program that is not names the one that loads its libraries.
  expect(readFileSync(path).includes('/ld-linux')).toBe(false);
});

describe('two forwarders', () => {
  beforeAll(async () => {
    [one, two] = await twoNodes();
    for (const node of [one, two]) {
      node.writeTable();
      await node.forward();
      node.configureDevice();
    }
  });
  afterAll(async () => {
    await one?.end();
    await two?.end();
  });

  test.each(FAMILIES)('IPv%d: pings pass', (_family, _nodes, _from, to) => ping(one, to, 5));

  test.each(FAMILIES)(
    'IPv%d: a TCP transfer passes whole, cut and joined on its way',
    async (_family, _nodes, _from, to) => {
      const bytes = randomBytes(8 << 20);
      const before = [await one.counters(), await two.counters()];
      const came = await transfer(one, two, to, bytes);
      expect(createHash('sha256').update(came).digest()).toEqual(
        createHash('sha256').update(bytes).digest(),
      );
      const after = [await one.counters(), await two.counters()];
      const grown = (index: number, name: string) => after[index]![name]! - before[index]![name]!;
      const packets = bytes.length / 1500;
      expect(grown(0, 'segmented')).toBeGreaterThan(packets / 2);
      expect(grown(1, 'coalesced')).toBeGreaterThan(packets / 2);
      expect(grown(1, 'receive_malformed')).toBe(0);
    },
    20_000,
  );

  test('kill -9 of the forwarder: device, address and routes stay, and the next takes them up', async () => {
    // Without a reader the kernel shows them as linkdown, and keeps them.
    const kept = () =>
      [4, 6].flatMap((family) =>
        one.network
          .run('ip', `-${family}`, 'route', 'show', 'dev', DEVICE)
          .split('\n')
          .map((line) => line.replace(' linkdown', '').trim()),
      );
    const addresses = () => one.network.ip('address', 'show', 'dev', DEVICE)[0].addr_info;
    const [routes, before] = [kept(), addresses()];
    expect(routes.join()).toContain('10.60.0.0/16');
    expect(routes.join()).toContain('fd60::/16');
    await one.killForwarder();
    expect(kept()).toEqual(routes);
    expect(addresses()).toEqual(before);
    await one.forward();
    ping(one, '10.60.2.1');
    ping(two, 'fd60:1::1');
  });
});

describe('a forwarder and datagrams made by hand', () => {
  const sockets: UdpSocket[] = [];

  beforeAll(async () => {
    [one, two] = await twoNodes();
    // A second node, 192.0.2.3, with an address on the same host, to tell them apart.
    two.network.run('ip', 'address', 'add', '192.0.2.3/24', 'dev', 'eth0');
    two.network.run('ip', 'address', 'add', '192.0.2.9/24', 'dev', 'eth0');
    one.writeTable([...blocksOf(2), '10.60.3.0/24 192.0.2.3', '10.60.2.7/32 192.0.2.3']);
    await one.forward();
    one.configureDevice();
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });
  afterAll(async () => {
    await one?.end();
    await two?.end();
  });

  /** A socket at node two's end; whom it sends to is node one. */
  function peer(address: string, port = PORT): UdpSocket {
    const { family } = parseAddress(address);
    const remote = { address: parseAddress(family === 4 ? '192.0.2.1' : 'fd00::1'), port: PORT };
    const socket = openUdp({
      family,
      netns: two.network.path,
      address: parseAddress(address),
      port,
      remote,
    });
    sockets.push(socket);
    return socket;
  }

  const echo = Buffer.from('0800f7fd00010001', 'hex');
  const good = ipPacket('10.60.2.1', '10.60.1.1', ICMP, echo);
  const cut = (length: number) => good.subarray(0, length);
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    return bytes;
  };

  test.each([
    ['from a node, of its block', '192.0.2.2', PORT, good, 'received'],
    ['a fragment', '192.0.2.2', PORT, fragment(good), 'received'],
    [
      'as much as a datagram has room for',
      '192.0.2.2',
      PORT,
      ipPacket('10.60.2.1', '10.60.1.1', ICMP, Buffer.alloc(MAX_PAYLOAD - 20)),
      'received',
    ],
    [
      'a borrowed address: the longest prefix says whose it is',
      '192.0.2.3',
      PORT,
      ipPacket('10.60.2.7', '10.60.1.1', ICMP, echo),
      'received',
    ],
    [
      'an address that another node has borrowed from the block',
      '192.0.2.2',
      PORT,
      ipPacket('10.60.2.7', '10.60.1.1', ICMP, echo),
      'receive_foreign_source',
    ],
    ['from a host that is no node', '192.0.2.9', PORT, good, 'receive_no_node'],
    ['from a pod behind a node, by source NAT', '192.0.2.2', 40_000, good, 'receive_port'],
    ['the source of another node', '192.0.2.3', PORT, good, 'receive_foreign_source'],
    [
      'the source of this node',
      '192.0.2.2',
      PORT,
      ipPacket('10.60.1.1', '10.60.1.1', ICMP, echo),
      'receive_foreign_source',
    ],
    [
      'an IPv6 source in an IPv4 node’s datagram',
      '192.0.2.2',
      PORT,
      ipPacket('fd60:2::1', 'fd60:1::1', 58, echo),
      'receive_foreign_source',
    ],
    [
      'an IPv4 address dressed as an IPv6 one',
      '192.0.2.2',
      PORT,
      ipPacket('::ffff:10.60.2.1', 'fd60:1::1', 58, echo),
      'receive_malformed',
    ],
    ['nothing', '192.0.2.2', PORT, cut(0), 'receive_malformed'],
    ['one octet', '192.0.2.2', PORT, cut(1), 'receive_malformed'],
    ['half a header', '192.0.2.2', PORT, cut(19), 'receive_malformed'],
    ['less than its length says', '192.0.2.2', PORT, cut(27), 'receive_malformed'],
    [
      'more than its length says',
      '192.0.2.2',
      PORT,
      Buffer.concat([good, cut(1)]),
      'receive_malformed',
    ],
    ['another version', '192.0.2.2', PORT, changed(0, 0x55), 'receive_malformed'],
    ['a header shorter than 20 octets', '192.0.2.2', PORT, shortened(good), 'receive_malformed'],
    ['a header longer than the packet', '192.0.2.2', PORT, changed(0, 0x4f), 'receive_malformed'],
    ['a wrong header checksum', '192.0.2.2', PORT, changed(8, 63), 'receive_malformed'],
    [
      'IPv6, from a node, of its block',
      'fd00::2',
      PORT,
      ipPacket('fd60:2::1', 'fd60:1::1', 58, echo),
      'received',
    ],
    [
      'IPv6, cut',
      'fd00::2',
      PORT,
      ipPacket('fd60:2::1', 'fd60:1::1', 58, echo).subarray(0, 47),
      'receive_malformed',
    ],
    [
      'IPv6, more than its length says',
      'fd00::2',
      PORT,
      Buffer.concat([ipPacket('fd60:2::1', 'fd60:1::1', 58, echo), cut(1)]),
      'receive_malformed',
    ],
    ['IPv6, half a header', 'fd00::2', PORT, Buffer.from([0x60, 0]), 'receive_malformed'],
  ] as const)('%s', async (_what, from, port, bytes, counter) => {
    const before = await one.counters();
    expect(peer(from, port).send(bytes)).toBeUndefined();
    await one.counts(counter, before[counter]! + 1);
    // And nothing else: what is dropped did not go through.
    const after = await one.counters();
    expect({ ...after, sent: 0, [counter]: 0 }).toEqual({ ...before, sent: 0, [counter]: 0 });
  });

  test.each(FAMILIES)(
    'IPv%d: a super-packet leaves as bare packets of the segment size, each whole',
    async (family, nodes, from, to) => {
      const packets: Buffer[] = [];
      const end = peer(`${nodes}2`);
      end.receive(2000, ({ bytes }) => packets.push(Buffer.from(bytes)));
      const client = new Socket({ fd: openTcp({ family, netns: one.network.path }) });
      client.on('error', () => {});
      try {
        client.connect(5001, to);
        await until(
          () => packets.length > 0,
          () => 'no SYN came',
        );
        const syn = readTcpPacket(packets.splice(0)[0]!);
        expect(syn).toMatchObject({ from, to, flags: 0x02 });
        const ports = { sourcePort: 5001, destinationPort: syn.sourcePort };
        const sequences = { sequence: 7, acknowledgement: syn.sequence + 1 };
        // An MSS of 1000: the first flight is ten segments, in as many super-packets as the kernel likes.
        const options = Buffer.from([2, 4, 1000 >> 8, 1000 & 255]);
        end.send(tcpPacket(to, from, { ...ports, ...sequences, flags: 0x12, options }));
        await once(client, 'connect');
        const { segmented } = await one.counters();
        const payload = randomBytes(9_500);
        client.write(payload);
        const data = () => packets.map(readTcpPacket).filter((one) => one.payload!.length > 0);
        await until(
          () => data().length >= 10,
          () => `${data().length} packets came`,
        );
        const first = data().slice(0, 10);
        expect((await one.counters()).segmented).toBeGreaterThan(segmented!);
        expect(first.map((one) => one.payload!.length)).toEqual([...Array(9).fill(1000), 500]);
        expect(first.map((one) => one.sequence - syn.sequence - 1)).toEqual(
          Array.from({ length: 10 }, (_, index) => index * 1000),
        );
        expect(Buffer.concat(first.map((one) => one.payload!))).toEqual(payload);
        // PSH is at the end of what was written.
        expect(first.at(-1)!.flags).toBe(0x18);
        const ids = first.map(({ id }) => (id - first[0]!.id) & 0xffff);
        if (family === 4) expect(ids).toEqual(Array.from({ length: 10 }, (_, index) => index));
      } finally {
        client.destroy();
      }
    },
  );

  test('a table that is moved into place counts from the next packet on', async () => {
    const { tables } = await one.counters();
    one.writeTable(['10.60.2.0/24 192.0.2.9']);
    await one.counts('tables', tables! + 1);
    const { received } = await one.counters();
    const stranger = peer('192.0.2.9');
    stranger.send(good);
    await one.counts('received', received! + 1);
    one.writeTable([...blocksOf(2), '10.60.3.0/24 192.0.2.3']);
    await one.counts('tables', tables! + 2);
    const { receive_no_node } = await one.counters();
    stranger.send(good);
    await one.counts('receive_no_node', receive_no_node! + 1);
  });

  test.each([
    'nonsense',
    '10.60.2.0/24',
    'format 2',
    '10.60.2.0/24 192.0.2.2 more',
    '10.60.2.0/33 192.0.2.2',
    '10.60.2.1/24 192.0.2.2',
    '10.60.2.0/24 somewhere',
    'fd60::/129 fd00::2',
    `fd60::/64 ${'f'.repeat(300)}`,
    '10.60.2.0/24 192.0.2.2\n10.60.2.0/24 192.0.2.3',
  ])('the table before stays when one says "%s"', async (line) => {
    const { tables_refused } = await one.counters();
    one.writeTable([line]);
    await one.counts('tables_refused', tables_refused! + 1);
    const { received } = await one.counters();
    peer('192.0.2.2').send(good);
    await one.counts('received', received! + 1);
  });

  test('a packet to an address that no node has is dropped', async () => {
    one.writeTable(blocksOf(2));
    const { send_no_node } = await one.counters();
    expect(() => one.network.run('ping', '-c', '1', '-W', '1', '10.60.77.1')).toThrow();
    await one.counts('send_no_node', send_no_node! + 1);
  });
});
