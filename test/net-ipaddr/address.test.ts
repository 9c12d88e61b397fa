import { isIP } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  type Address,
  AddressError,
  compareAddresses,
  equalAddresses,
  formatAddress,
  isAddress,
  parseAddress,
} from 'net-ipaddr';
import { addresses } from './arbitraries.ts';

/** What the oracle holds for the same address. */
function oracle(address: Address): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.fromByteArray([...address.bytes]);
}

describe('text that is no address', () => {
  test.each([
    ['', 'it is empty'],
    ['1.2.3', 'it has 3 of four octets'],
    ['1.2.3.4.5', 'more than four octets'],
    ['1.2.3.', 'an octet is empty'],
    ['1..2.3', 'an octet is empty'],
    ['010.1.1.1', 'an octet has a leading zero'],
    ['1.1.1.00', 'an octet has a leading zero'],
    ['1.2.3.256', 'an octet is above 255'],
    ['1.2.3.99999999999', 'an octet is above 255'],
    ['0x1.2.3.4', '"x" at position 2'],
    [' 1.2.3.4', '" " at position 1'],
    ['1.2.3.4\n', '"\\n" at position 8'],
    ['1.2.3.-4', '"-" at position 7'],
    ['1.2.3.4/8', 'a prefix length ("/…") does not belong here'],
    ['1.2.3.4%eth0', 'a zone ("%…") does not belong here'],
    ['١.2.3.4', '"١" at position 1'],
    ['fe80::1%eth0', 'a zone ("%…") does not belong here'],
    ['fe80::%', 'a zone ("%…") does not belong here'],
    [':', 'begins with a single ":"'],
    [':1::2', 'begins with a single ":"'],
    ['1::2:', 'ends with a single ":"'],
    [':::', 'it has ":::"'],
    ['1:::2', 'it has ":::"'],
    ['1::2::3', 'it has "::" twice'],
    ['1:2:3:4:5:6:7', 'it has 7 of eight groups and no "::"'],
    ['1:2:3:4:5:6:7:8:9', 'more than eight groups'],
    ['::1:2:3:4:5:6:7:8', 'stands for none'],
    ['00001::', 'a group has more than four digits'],
    ['::g', '"g" at position 3'],
    ['::😀', '"😀" at position 3'],
    ['::1.2.3', 'in its IPv4 part, it has 3 of four octets'],
    ['::01.2.3.4', 'in its IPv4 part, an octet has a leading zero'],
    ['::a.2.3.4', 'in its IPv4 part, "a" at position 3'],
    ['::1.2.3.4:5', 'in its IPv4 part, ":" at position 10'],
    ['::1.2.3.4::', 'in its IPv4 part, ":" at position 10'],
    ['1:2:3:4:5:6:7:1.2.3.4', 'more than eight groups'],
    ['1.2.3.4::', 'in its IPv4 part'],
    ['[::1]', '"[" at position 1'],
    ['x'.repeat(5000), `"${'x'.repeat(64)}…" is not`],
  ])('%j: %s', (text, fault) => {
    expect(isAddress(text)).toBe(false);
    expect(() => parseAddress(text)).toThrow(AddressError);
    expect(() => parseAddress(text)).toThrow(fault);
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'EADDRESS' }));
  });

  test('what Node and the oracle both take, and only that, is an address', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0125abF:.%/ '), maxLength: 20 }),
      fc
        .array(fc.stringMatching(/^[0-9]{0,4}$/), { minLength: 3, maxLength: 5 })
        .map((a) => a.join('.')),
      fc
        .array(fc.stringMatching(/^[0-9a-fA-F]{0,5}$/), { minLength: 2, maxLength: 10 })
        .map((a) => a.join(':')),
      fc
        .tuple(
          fc.array(fc.stringMatching(/^[0-9a-f]{0,4}$/), { minLength: 1, maxLength: 8 }),
          fc.array(fc.stringMatching(/^[0-9]{1,3}$/), { minLength: 4, maxLength: 4 }),
        )
        .map(([groups, octets]) => `${groups.join(':')}:${octets.join('.')}`),
    );
    fc.assert(
      fc.property(text, (spelling) => {
        const valid = isIP(spelling) !== 0 && !spelling.includes('%');
        expect(isAddress(spelling)).toBe(valid);
        if (!valid) return;
        const parsed = parseAddress(spelling);
        // The oracle reads ::1.2.3.4 as ::ffff:1.2.3.4; URL reads it right, but writes no dotted quad.
        const plain =
          isIP(spelling) === 6 ? new URL(`http://[${spelling}]`).hostname.slice(1, -1) : spelling;
        expect([...parsed.bytes]).toEqual(ipaddr.parse(plain).toByteArray());
      }),
      { numRuns: 2000 },
    );
  });
});

describe('text of an address', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['RFC 5952 §4.1', '2001:0db8::0001', '2001:db8::1'],
    ['RFC 5952 §4.2.1', '2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['RFC 5952 §4.2.2', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['RFC 5952 §4.2.2', '2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['RFC 5952 §4.2.3', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['RFC 5952 §4.2.3', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['RFC 5952 §4.3', '2001:DB8::ABCD', '2001:db8::abcd'],
    ['RFC 5952 §5', '::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['RFC 5952 §5', '::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::192.0.2.33', '::c000:221'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['::0:0:ffff', '::ffff'],
    ['0:0:1::', '0:0:1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ])('%s: %s %s', (...row: string[]) => {
    const [canonical, spelling] = [row.at(-1)!, row.at(-2)!];
    expect(formatAddress(parseAddress(spelling))).toBe(canonical);
  });

  test('agrees with the oracle, and reads back to the same bytes', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const theirs = oracle(address);
        const text = formatAddress(address);
        if (theirs.kind() === 'ipv4') expect(text).toBe(theirs.toString());
        else if (!(theirs as ipaddr.IPv6).isIPv4MappedAddress()) {
          expect(text).toBe((theirs as ipaddr.IPv6).toRFC5952String());
        } else expect(text).toBe(`::ffff:${(theirs as ipaddr.IPv6).toIPv4Address()}`);
        expect(parseAddress(text)).toEqual(address);
        expect(parseAddress(theirs.toNormalizedString())).toEqual(address);
        if (theirs.kind() === 'ipv6') {
          const hex = Buffer.from(address.bytes).toString('hex');
          expect(parseAddress(hex.match(/.{4}/g)!.join(':').toUpperCase())).toEqual(address);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('addresses are ordered by family, then by number', () => {
  const number = (a: Address) => BigInt(`0x${a.family}${Buffer.from(a.bytes).toString('hex')}`);
  fc.assert(
    fc.property(addresses, addresses, (a, b) => {
      const expected = a.family - b.family || Number(number(a) - number(b));
      expect(Math.sign(compareAddresses(a, b))).toBe(Math.sign(expected));
      expect(equalAddresses(a, b)).toBe(expected === 0);
      expect(equalAddresses(a, { family: a.family, bytes: a.bytes.slice() })).toBe(true);
    }),
  );
});
