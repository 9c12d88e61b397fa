import {
  AddressError,
  compareZonedAddresses,
  formatZonedAddress,
  isLinkLocal,
  parseAddress,
  parseZonedAddress,
} from 'net-ipaddr';

test.each([
  ['fe80::1%eth0', { zone: 'eth0' }],
  ['febf::1%vlan100.2-a_b', { zone: 'vlan100.2-a_b' }],
  ['fe80::1', {}],
  ['2001:db8::1', {}],
  ['10.0.0.1', {}],
])('RFC 4007 §11: %s', (text, zone) => {
  const address = parseZonedAddress(text);
  expect(address).toEqual({ ...parseAddress(text.split('%')[0]!), ...zone });
  expect(formatZonedAddress(address)).toBe(text);
});

test.each([
  ['2001:db8::1%eth0', 'only a link-local address (fe80::/10) has a zone'],
  ['10.0.0.1%eth0', 'only a link-local address'],
  ['fe80::1%', 'the zone is empty'],
  ['fe80::1%an-interface-too-long', 'the zone is longer than 15 characters'],
  ['fe80::1%a b', 'the zone is not the name of an interface'],
  ['fe80::1%../x', 'the zone is not the name of an interface'],
  ['fe80::1%..', 'the zone is not the name of an interface'],
  ['fe80::%1%eth0:', 'the zone is not the name of an interface'],
  ['fe80:1%eth0', 'it has 2 of eight groups'],
])('refused: %s', (text, fault) => {
  expect(() => parseZonedAddress(text)).toThrow(AddressError);
  expect(() => parseZonedAddress(text)).toThrow(fault);
});

test('ordered by address, then by zone', () => {
  const texts = ['10.0.0.1', 'fe80::1', 'fe80::1%eth0', 'fe80::1%eth1', 'fe80::2%eth0'];
  const sorted = texts.toReversed().map(parseZonedAddress).sort(compareZonedAddresses);
  expect(sorted.map(formatZonedAddress)).toEqual(texts);
});

test.each([
  ['fe80::1', true],
  ['febf:ffff::1', true],
  ['fec0::1', false],
  ['fe7f::1', false],
  ['169.254.0.1', false],
])('RFC 4291 §2.5.6: %s is link-local: %s', (text, expected) => {
  expect(isLinkLocal(parseAddress(text))).toBe(expected);
});
