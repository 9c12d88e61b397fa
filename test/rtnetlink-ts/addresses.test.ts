/** Addresses of interfaces, against the kernel and iproute2. Needs root: makes a namespace of its own. */
import { formatAddress, parseAddress } from 'net-ipaddr';
import type { AddressEntry, AddressSpec } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;
let link: number;
beforeAll(async () => {
  network = await openPrivateNetwork();
  link = addPair(network).a;
});
afterAll(() => network?.close());

/** What iproute2 says of an address on `a`. */
function told(local: string) {
  const [a] = network.ip('addr', 'show', 'dev', 'a');
  // biome-ignore lint/suspicious/noExplicitAny: iproute2's JSON has no types
  return a.addr_info.find((entry: any) => entry.local === local);
}

async function read(local: string): Promise<AddressEntry | undefined> {
  const entries = await network.netlink.addresses({ link });
  return entries.find(({ address }) => formatAddress(address) === local);
}

test.each([
  ['IPv4', '10.0.0.5', 24, {}, { scope: 'global', label: 'a' }],
  ['IPv4, a broadcast address', '10.7.0.5', 16, { broadcast: '10.7.255.255' }, {}],
  ['IPv4 of link scope', '169.254.7.1', 32, { scope: 'link' }, { scope: 'link' }],
  ['IPv4 with a peer', '10.1.0.1', 32, { peer: '10.1.0.2' }, {}],
  ['IPv4 without a prefix route', '10.2.0.1', 24, { noPrefixRoute: true }, {}],
  ['IPv6 without DAD', 'fd00::5', 64, { noDad: true }, { scope: 'global', tentative: false }],
  ['IPv6 with a peer', 'fd01::1', 128, { peer: 'fd01::2', noDad: true }, {}],
] as const)('%s: added, told, deleted', async (_, local, length, given, expected) => {
  const { peer, broadcast, ...flags } = given as Record<string, string>;
  const address: AddressSpec = {
    link,
    address: parseAddress(local),
    length,
    ...(peer !== undefined && { peer: parseAddress(peer) }),
    ...(broadcast !== undefined && { broadcast: parseAddress(broadcast) }),
    ...flags,
  };
  network.netlink.change({ action: 'add', address });
  const entry = told(local);
  expect(entry.prefixlen).toBe(length);
  expect(entry.address).toBe(peer);
  expect(entry.broadcast).toBe(broadcast);
  expect(entry.noprefixroute).toBe('noPrefixRoute' in given ? true : undefined);
  expect(await read(local)).toMatchObject({ ...address, permanent: true, ...expected });
  const [again] = network.netlink.batch([{ action: 'add', address }]);
  expect(again!.code).toBe('EEXIST');
  expect(network.netlink.batch([{ action: 'replace', address }])).toEqual([undefined]);
  network.netlink.change({ action: 'delete', address });
  expect(await read(local)).toBeUndefined();
  const [gone] = network.netlink.batch([{ action: 'delete', address }]);
  expect(gone!.code).toBe('EADDRNOTAVAIL');
  expect(gone!.message).toContain(`deleting address ${local}`);
});

test('with DAD an IPv6 address is tentative at first', async () => {
  const address = { link, address: parseAddress('fd02::1'), length: 64 };
  network.netlink.change({ action: 'add', address });
  expect(await read('fd02::1')).toMatchObject({ tentative: true, noDad: false });
  network.netlink.change({ action: 'delete', address });
});

test('dumps by family and by interface', async () => {
  const { netlink } = network;
  const four = { link, address: parseAddress('10.0.0.5'), length: 24 };
  const six = { link, address: parseAddress('fd00::5'), length: 64, noDad: true };
  netlink.change({ action: 'add', address: four }, { action: 'add', address: six });
  const all = await netlink.addresses();
  const texts = all.map(({ address }) => formatAddress(address)).sort();
  // biome-ignore lint/suspicious/noExplicitAny: iproute2's JSON has no types
  const expected = network.ip('addr').flatMap((each) => each.addr_info.map((e: any) => e.local));
  expect(texts).toEqual(expected.sort());
  expect(texts).toEqual(expect.arrayContaining(['10.0.0.5', '127.0.0.1', '::1', 'fd00::5']));
  const familyOfAll = (entries: AddressEntry[]) => new Set(entries.map((e) => e.address.family));
  expect(familyOfAll(await netlink.addresses({ family: 4 }))).toEqual(new Set([4]));
  expect(familyOfAll(await netlink.addresses({ family: 6 }))).toEqual(new Set([6]));
  const own = await netlink.addresses({ link, family: 6 });
  expect(own.map(({ address }) => formatAddress(address))).toEqual(['fd00::5']);
});
