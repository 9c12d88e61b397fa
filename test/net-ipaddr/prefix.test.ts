import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  AddressError,
  comparePrefixes,
  equalPrefixes,
  formatAddress,
  formatPrefix,
  hostPrefix,
  isPrefix,
  parseAddress,
  parseInterfaceAddress,
  parsePrefix,
  prefixOf,
} from 'net-ipaddr';
import { addresses, prefixes } from './arbitraries.ts';

test.each([
  ['10.0.0.0', 'it has no "/" and length'],
  ['/8', 'before the "/", it is empty'],
  ['10.0.0.0/', 'a length of 0–32'],
  ['10.0.0.0/33', 'a length of 0–32'],
  ['10.0.0.0/08', 'a length of 0–32'],
  ['10.0.0.0/+8', 'a length of 0–32'],
  ['10.0.0.0/-1', 'a length of 0–32'],
  ['10.0.0.0/8 ', 'a length of 0–32'],
  ['10.0.0.0/8\n', 'a length of 0–32'],
  ['10.0.0.0/8/8', 'a length of 0–32'],
  ['10.0.0.0/1e1', 'a length of 0–32'],
  ['10.0.0.0/255.0.0.0', 'a length of 0–32'],
  ['10/8', 'before the "/", it has 1 of four octets'],
  ['010.0.0.0/8', 'before the "/", an octet has a leading zero'],
  ['::/129', 'a length of 0–128'],
  ['fe80::%eth0/64', 'before the "/", a zone'],
  ['10.0.0.1/8', 'bits set after the first 8; the network is 10.0.0.0/8'],
  ['1.0.0.0/0', 'the network is 0.0.0.0/0'],
  ['2001:db8::1/127', 'the network is 2001:db8::/127'],
])('%j is no prefix: %s', (text, fault) => {
  expect(isPrefix(text)).toBe(false);
  expect(() => parsePrefix(text)).toThrow(AddressError);
  expect(() => parsePrefix(text)).toThrow(fault);
});

test('canonical text', () => {
  expect(formatPrefix(parsePrefix('2001:0DB8:0::/32'))).toBe('2001:db8::/32');
  expect(formatPrefix(parsePrefix('0.0.0.0/0'))).toBe('0.0.0.0/0');
});

test('an interface address keeps its host bits', () => {
  const parsed = parseInterfaceAddress('10.0.0.5/24');
  expect([formatAddress(parsed.address), parsed.length]).toEqual(['10.0.0.5', 24]);
  expect(() => parseInterfaceAddress('10.0.0.5')).toThrow(
    '"10.0.0.5" is not an address with a length',
  );
});

test('a host prefix holds one address', () => {
  expect(formatPrefix(hostPrefix(parseAddress('10.0.0.1')))).toBe('10.0.0.1/32');
  expect(formatPrefix(hostPrefix(parseAddress('::1')))).toBe('::1/128');
});

test('masking agrees with the oracle, and text reads back', () => {
  fc.assert(
    fc.property(addresses, fc.integer({ min: 0, max: 128 }), (address, wish) => {
      const length = Math.min(wish, address.bytes.length * 8);
      const kept = address.bytes.slice();
      const prefix = prefixOf(address, length);
      const oracle = address.family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
      const network = oracle.networkAddressFromCIDR(`${formatAddress(address)}/${length}`);
      expect([...prefix.address.bytes]).toEqual(network.toByteArray());
      expect(address.bytes).toEqual(kept);
      expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      expect(isPrefix(formatPrefix(prefix))).toBe(true);
    }),
  );
  expect(() => prefixOf(parseAddress('10.0.0.0'), 33)).toThrow(RangeError);
  expect(() => prefixOf(parseAddress('10.0.0.0'), 1.5)).toThrow(RangeError);
});

test('a covering prefix sorts before what it covers', () => {
  const sorted = ['::/0', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.0/16', '9.0.0.0/8']
    .map(parsePrefix)
    .sort(comparePrefixes)
    .map(formatPrefix);
  expect(sorted).toEqual(['0.0.0.0/0', '9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '::/0']);
  fc.assert(
    fc.property(prefixes, prefixes, (a, b) => {
      expect(equalPrefixes(a, b)).toBe(formatPrefix(a) === formatPrefix(b));
      expect(Math.sign(comparePrefixes(a, b))).toBe(-Math.sign(comparePrefixes(b, a)) + 0);
    }),
  );
});
