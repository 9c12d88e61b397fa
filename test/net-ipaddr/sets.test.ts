import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  addressAt,
  aggregate,
  containsAddress,
  containsPrefix,
  formatAddress,
  formatPrefix,
  offsetIn,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixSize,
  subnets,
  subtractPrefix,
} from 'net-ipaddr';
import { addresses, crowdedPrefixes, prefixes } from './arbitraries.ts';

/** The slow twin of a crowded prefix: the texts of all addresses in it. */
function members(all: Iterable<Prefix>): string[] {
  const texts = new Set<string>();
  for (const prefix of all) {
    for (let i = 0n; i < prefixSize(prefix); i++) texts.add(formatAddress(addressAt(prefix, i)));
  }
  return [...texts].sort();
}

const texts = (all: Prefix[]) => all.map(formatPrefix);

test('containment agrees with the oracle', () => {
  fc.assert(
    fc.property(fc.oneof(prefixes, crowdedPrefixes), addresses, (prefix, address) => {
      const expected =
        prefix.address.family === address.family &&
        ipaddr
          .fromByteArray([...address.bytes])
          .match(ipaddr.fromByteArray([...prefix.address.bytes]), prefix.length);
      expect(containsAddress(prefix, address)).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

test('containment and overlap of prefixes are those of their addresses', () => {
  fc.assert(
    fc.property(crowdedPrefixes, crowdedPrefixes, (a, b) => {
      const inA = new Set(members([a]));
      const inB = members([b]);
      expect(containsPrefix(a, b)).toBe(inB.every((text) => inA.has(text)));
      expect(overlaps(a, b)).toBe(inB.some((text) => inA.has(text)));
    }),
  );
});

describe('offsets', () => {
  test.each([
    ['10.0.0.0/8', 0, '10.0.0.0'],
    ['10.0.0.0/8', 256, '10.0.1.0'],
    ['10.0.0.0/8', 16777215, '10.255.255.255'],
    ['0.0.0.0/0', 4294967295, '255.255.255.255'],
    ['10.0.0.7/32', 0, '10.0.0.7'],
    ['fd00::/64', 2n ** 63n, 'fd00::8000:0:0:0'],
    ['::/0', 2n ** 128n - 1n, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s at %s is %s', (prefix, offset, address) => {
    expect(formatAddress(addressAt(parsePrefix(prefix), offset))).toBe(address);
    expect(offsetIn(parsePrefix(prefix), parseAddress(address))).toBe(BigInt(offset));
  });

  test.each([
    ['10.0.0.0/24', 256],
    ['10.0.0.0/24', -1],
    ['fd00::/64', 2n ** 64n],
  ])('%s has no offset %s', (prefix, offset) => {
    expect(() => addressAt(parsePrefix(prefix), offset)).toThrow(RangeError);
  });

  test('an address outside has none', () => {
    expect(() => offsetIn(parsePrefix('10.0.0.0/24'), parseAddress('10.0.1.0'))).toThrow(
      RangeError,
    );
    expect(() => offsetIn(parsePrefix('10.0.0.0/24'), parseAddress('::1'))).toThrow(RangeError);
  });

  test('there and back', () => {
    fc.assert(
      fc.property(prefixes, fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (prefix, wild) => {
        const offset = wild % prefixSize(prefix);
        const address = addressAt(prefix, offset);
        expect(containsAddress(prefix, address)).toBe(true);
        expect(offsetIn(prefix, address)).toBe(offset);
      }),
    );
  });
});

describe('what is left of a prefix', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8', []],
    ['10.0.0.0/8', '0.0.0.0/0', []],
    ['10.0.0.0/8', '11.0.0.0/8', ['10.0.0.0/8']],
    ['10.0.0.0/8', '::/0', ['10.0.0.0/8']],
    ['10.0.0.0/30', '10.0.0.2/32', ['10.0.0.0/31', '10.0.0.3/32']],
  ])('%s without %s', (outer, inner, rest) => {
    expect(texts(subtractPrefix(parsePrefix(outer), parsePrefix(inner)))).toEqual(rest);
  });

  test('is exactly the other addresses', () => {
    fc.assert(
      fc.property(crowdedPrefixes, crowdedPrefixes, (outer, inner) => {
        const gone = new Set(members([inner]));
        const rest = subtractPrefix(outer, inner);
        expect(members(rest)).toEqual(members([outer]).filter((text) => !gone.has(text)));
        expect(texts(aggregate(rest))).toEqual(texts(rest));
      }),
    );
  });
});

describe('aggregation', () => {
  test('halves merge up to the default route', () => {
    const all = ['128.0.0.0/1', '0.0.0.0/2', '64.0.0.0/2', '8000::/1', '::/1'].map(parsePrefix);
    expect(texts(aggregate(all))).toEqual(['0.0.0.0/0', '::/0']);
  });

  test('neighbours of different parents do not merge', () => {
    const all = ['10.0.1.0/24', '10.0.2.0/24'].map(parsePrefix);
    expect(texts(aggregate(all))).toEqual(['10.0.1.0/24', '10.0.2.0/24']);
  });

  test('keeps every address, and no two of its prefixes could be one', () => {
    fc.assert(
      fc.property(fc.array(crowdedPrefixes, { maxLength: 30 }), (all) => {
        const merged = aggregate(all);
        expect(members(merged)).toEqual(members(all));
        for (const a of merged) {
          for (const b of merged) {
            if (a === b) continue;
            expect(overlaps(a, b)).toBe(false);
            const isParentOfBoth =
              a.length === b.length &&
              a.length > 0 &&
              subtractPrefix({ ...parentOf(a) }, a).some(
                (half) => formatPrefix(half) === formatPrefix(b),
              );
            expect(isParentOfBoth).toBe(false);
          }
        }
      }),
    );
  });
});

/** One bit shorter, by text and the oracle. */
function parentOf(prefix: Prefix): Prefix {
  const length = prefix.length - 1;
  const oracle = prefix.address.family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = oracle.networkAddressFromCIDR(`${formatAddress(prefix.address)}/${length}`);
  return parsePrefix(`${network}/${length}`);
}

describe('subnets', () => {
  test('come in order and are lazy', () => {
    expect(texts([...subnets(parsePrefix('10.0.0.0/24'), 26)])).toEqual([
      '10.0.0.0/26',
      '10.0.0.64/26',
      '10.0.0.128/26',
      '10.0.0.192/26',
    ]);
    expect(texts([...subnets(parsePrefix('10.0.0.0/24'), 24)])).toEqual(['10.0.0.0/24']);
    const endless = subnets(parsePrefix('fd00::/8'), 122);
    expect(formatPrefix(endless.next().value!)).toBe('fd00::/122');
    expect(formatPrefix(endless.next().value!)).toBe('fd00::40/122');
  });

  test('shorter than the prefix there are none', () => {
    expect(() => [...subnets(parsePrefix('10.0.0.0/24'), 23)]).toThrow('a /24 holds no /23');
    expect(() => [...subnets(parsePrefix('10.0.0.0/24'), 33)]).toThrow(RangeError);
  });

  test('sizes', () => {
    expect(prefixSize(parsePrefix('10.0.0.0/26'))).toBe(64n);
    expect(prefixSize(parsePrefix('::/0'))).toBe(2n ** 128n);
  });
});
