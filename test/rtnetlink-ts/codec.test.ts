/** Messages byte by byte, also of kinds that this machine's kernel may lack. */
import { parseAddress, parsePrefix } from 'net-ipaddr';
import type { LinkSpec } from 'rtnetlink-ts';
import { decodeLink, encodeLink } from '../../packages/rtnetlink-ts/codec/link.ts';
import { decodeRoute } from '../../packages/rtnetlink-ts/codec/route.ts';
import { encodeOperation, type Operation } from '../../packages/rtnetlink-ts/operation.ts';
import { messageReason } from '../../packages/rtnetlink-ts/wire/message.ts';
import { MessageWriter } from '../../packages/rtnetlink-ts/wire/message-writer.ts';
import { allocateWords, type Words } from '../../packages/rtnetlink-ts/wire/words.ts';

/** The bytes below are those of a little-endian machine, as x86-64 and arm64 are. */
function hex(words: Words, start: number, end: number): string {
  return words.u8.toString('hex', start, end).replace(/(.{8})(?=.)/g, '$1 ');
}

function encoded(operation: Operation): string {
  const out = new MessageWriter(16);
  // What was in the buffer before must not shine through.
  out.words.u8.fill(0xee);
  encodeOperation(out, operation, 7, () => 99);
  return hex(out.words, 0, out.length);
}

function words(text: string): Words {
  const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
  const result = allocateWords((bytes.length + 3) & ~3);
  bytes.copy(result.u8);
  return result;
}

test('a route by a gateway', () => {
  expect(
    encoded({
      action: 'add',
      route: {
        destination: parsePrefix('10.1.0.0/26'),
        gateway: parseAddress('10.0.0.2'),
        oif: 3,
        protocol: 80,
        table: 1000,
        metric: 5,
      },
    }),
  ).toBe(
    [
      '44000000 18000106 07000000 00000000', // length, RTM_NEWROUTE, REQUEST|CREATE|EXCL, seq, pid
      '021a0000 00500001 00000000', // AF_INET, /26, table 0, protocol 80, global, unicast
      '08000f00 e8030000', // RTA_TABLE 1000
      '08000100 0a010000', // RTA_DST
      '08000500 0a000002', // RTA_GATEWAY
      '08000400 03000000', // RTA_OIF
      '08000600 05000000', // RTA_PRIORITY
    ].join(' '),
  );
});

test('a group of next hops, and a route by it', () => {
  const group = [{ id: 1 }, { id: 0x20000, weight: 256 }];
  expect(encoded({ action: 'replace', nextHop: { id: 258, protocol: 80, group } })).toBe(
    [
      '34000000 68000105 07000000 00000000', // length, RTM_NEWNEXTHOP, REQUEST|REPLACE|CREATE
      '00005000 00000000', // AF_UNSPEC, protocol 80
      '08000100 02010000', // NHA_ID
      '14000200 01000000 00000000 00000200 ff000000', // NHA_GROUP: id, weight - 1
    ].join(' '),
  );
  // What the object stands for, as a dump tells it, is not said with it.
  const told = { gateway: parseAddress('10.0.0.2'), oif: 3, onlink: true, nextHopId: 258 };
  const destination = parsePrefix('10.1.0.0/26');
  expect(encoded({ action: 'add', route: { destination, ...told } })).toBe(
    [
      '2c000000 18000106 07000000 00000000 021a0000 fe030001 00000000',
      '08000100 0a010000 08001e00 02010000', // RTA_DST, RTA_NH_ID
    ].join(' '),
  );
});

test('a deletion leaves open what it does not say', () => {
  expect(encoded({ action: 'delete', route: { destination: parsePrefix('10.1.0.0/26') } })).toBe(
    '24000000 19000100 07000000 00000000 021a0000 fe00ff00 00000000 08000100 0a010000',
  );
});

test('ipip', () => {
  const link = {
    name: 'tunl1',
    mtu: 1480,
    kind: {
      kind: 'ipip',
      local: parseAddress('10.0.0.1'),
      remote: parseAddress('10.0.0.2'),
      ttl: 64,
    },
  } as const;
  expect(encoded({ action: 'add', link })).toBe(
    [
      '70000000 10000106 07000000 00000000', // RTM_NEWLINK
      '00000000 00000000 00000000 00000000', // struct ifinfomsg
      '0a000300 74756e6c 31000000', // IFLA_IFNAME "tunl1"
      '08000400 c8050000', // IFLA_MTU
      '3c001200', // IFLA_LINKINFO
      '09000100 69706970 00000000', // IFLA_INFO_KIND "ipip"
      '2c000200', // IFLA_INFO_DATA
      '08000200 0a000001', // IFLA_IPTUN_LOCAL
      '08000300 0a000002', // IFLA_IPTUN_REMOTE
      '05000400 40000000', // IFLA_IPTUN_TTL
      '05000a00 01000000', // IFLA_IPTUN_PMTUDISC
      '05000900 04000000', // IFLA_IPTUN_PROTO IPPROTO_IPIP
    ].join(' '),
  );
});

test.each<[string, LinkSpec]>([
  ['ipip', { name: 'tunl0', kind: { kind: 'ipip', ttl: 0, pathMtuDiscovery: false } }],
  [
    'ipip with ends',
    {
      name: 'tunl1',
      mtu: 1480,
      kind: {
        kind: 'ipip',
        local: parseAddress('10.0.0.1'),
        remote: parseAddress('10.0.0.2'),
        ttl: 64,
        pathMtuDiscovery: true,
      },
    },
  ],
  [
    'vxlan',
    {
      name: 'vxlan-v6.calico',
      mac: '66:00:00:00:00:01',
      group: 7,
      kind: {
        kind: 'vxlan',
        id: 0xffffff,
        local: parseAddress('fd00::1'),
        device: 4,
        port: 4789,
        learning: true,
      },
    },
  ],
])('%s goes through encode and decode', (_, link) => {
  const out = new MessageWriter(16);
  encodeLink(out, link, () => 0);
  const { kind, ...rest } = link;
  expect(decodeLink(out.words, 0, out.length)).toMatchObject({
    ...rest,
    kind: kind!.kind,
    details: kind,
  });
});

test('a veth’s peer: its namespace is a descriptor, its flags are zero', () => {
  const kind = { kind: 'veth', peer: { name: 'eth0', namespace: '/ns' } } as const;
  expect(encoded({ action: 'add', link: { name: 'cali1', up: true, kind } })).toBe(
    [
      '68000000 10000106 07000000 00000000',
      '00000000 00000000 01000000 01000000', // IFF_UP, of IFF_UP
      '0a000300 63616c69 31000000',
      '3c001200 09000100 76657468 00000000', // IFLA_LINKINFO, "veth"
      '2c000200 28000100', // IFLA_INFO_DATA, VETH_INFO_PEER
      '00000000 00000000 00000000 00000000', // struct ifinfomsg without IFF_UP
      '09000300 65746830 00000000', // "eth0"
      '08001c00 63000000', // IFLA_NET_NS_FD 99
    ].join(' '),
  );
});

test('cut short anywhere, a message is read as far as it goes', () => {
  const out = new MessageWriter(16);
  const start = encodeOperation(
    out,
    {
      action: 'add',
      route: {
        destination: parsePrefix('10.1.0.0/26'),
        multipath: [{ gateway: parseAddress('10.0.0.2') }, { gateway: parseAddress('fd00::2') }],
      },
    },
    1,
    () => 0,
  );
  expect(decodeRoute(out.words, start + 16, out.length)!.multipath).toHaveLength(2);
  for (let end = start + 28; end < out.length; end++)
    expect(decodeRoute(out.words, start + 16, end)!.multipath).toBeUndefined();
});

test.each([
  ['a route of MPLS', decodeRoute, '1c140000 fe040001 00000000'],
  ['a route of a type of the future', decodeRoute, '02180000 fe0400ff 00000000'],
  ['what a bridge says of a port', decodeLink, '07000000 03000000 00000000 00000000'],
])('%s is not for us', (_, decode, bytes) => {
  const message = words(bytes);
  expect(decode(message, 0, message.u8.length)).toBeUndefined();
});

test('an attribute whose length is nonsense ends the walk', () => {
  const message = words('02180000 fe040001 00000000 08000100 0a010000 03000500 08000400 03000000');
  expect(decodeRoute(message, 0, message.u8.length)).toMatchObject({
    destination: parsePrefix('10.1.0.0/24'),
    type: 'unicast',
  });
  expect(decodeRoute(message, 0, message.u8.length)!.oif).toBeUndefined();
});

test('the kernel’s sentence in an error', () => {
  const error = words(
    [
      '38000000 02000003 07000000 01000000', // NLMSG_ERROR, NLM_F_CAPPED|NLM_F_ACK_TLVS
      'efffffff', // -EEXIST
      '2c000000 18000506 07000000 00000000', // our header
      '08000200 10000000', // NLMSGERR_ATTR_OFFS
      '0b000100 4e6f2077 61790000', // NLMSGERR_ATTR_MSG "No way"
    ].join(' '),
  );
  expect(messageReason(error, 0)).toBe('No way');
});
