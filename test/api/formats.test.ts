import {
  parseAddressAndPort,
  parseAsNumber,
  parseCommunity,
  parseDuration,
  parsePortRange,
} from '../../api/index.ts';

test.each([
  [64512, 64512],
  ['64512', 64512],
  [4294967295, 4294967295],
  ['1.10', 65546],
  ['65535.65535', 4294967295],
  ['0.1', 1],
])('AS number %p is %d', (written, number) => expect(parseAsNumber(written)).toBe(number));

test.each([0, '0', '0.0'])('AS number %p is reserved', (written) =>
  expect(() => parseAsNumber(written)).toThrow('RFC 7607'),
);

test.each([-1, 1.5, 4294967296, '', 'AS1', '1.65536', '65536.1', '1.2.3', '12345678901', ' 1'])(
  '%p is not an AS number',
  (written) => expect(() => parseAsNumber(written)).toThrow('is not an AS number'),
);

test.each([
  ['65000:1', [65000, 1]],
  ['0:0', [0, 0]],
  ['4200000000:1:4294967295', [4200000000, 1, 4294967295]],
])('community %s', (text, parts) => expect(parseCommunity(text)).toEqual(parts));

test.each(['', '65536:1', '1:65536', '1', '1:2:3:4', '4294967296:0:0', '01:1', 'a:b', '1:2:'])(
  '%p is not a community',
  (text) => expect(() => parseCommunity(text)).toThrow('is not a community'),
);

test.each([
  ['120s', 120_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['250ms', 250],
  ['2h45m0s', 9_900_000],
])('duration %s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(['', '120', 's', '1m 30s', '-5s', '1d', '1..5s', '5s,'])('%p is not a duration', (text) =>
  expect(() => parseDuration(text)).toThrow('is not a duration'),
);

test.each([
  ['192.0.2.1', { address: '192.0.2.1' }],
  ['192.0.2.1:1179', { address: '192.0.2.1', port: 1179 }],
  ['2001:db8::1', { address: '2001:db8::1' }],
  ['[2001:db8::1]:1179', { address: '2001:db8::1', port: 1179 }],
])('peer address %s', (text, parts) => expect(parseAddressAndPort(text)).toEqual(parts));

test.each(['', '192.0.2', '192.0.2.1:', '[192.0.2.1]:179', '2001:db8::1:179x', 'router', '[::1]'])(
  '%p is not a peer address',
  (text) => expect(() => parseAddressAndPort(text)).toThrow('is not an address'),
);

test.each(['192.0.2.1:0', '192.0.2.1:65536'])('%s has no port that exists', (text) =>
  expect(() => parseAddressAndPort(text)).toThrow('not between 1 and 65535'),
);

test.each([
  [4000, 4000, 4000],
  ['4000', 4000, 4000],
  ['1:65535', 1, 65_535],
])('ports %p', (written, first, last) => expect(parsePortRange(written)).toEqual({ first, last }));

test.each([0, '0:5', '5:65536', '6:5', '1:2:3', '', 'all'])('%p is no range of ports', (written) =>
  expect(() => parsePortRange(written)).toThrow('is not a port or a range of ports'),
);
