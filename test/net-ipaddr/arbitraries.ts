/** Random addresses and prefixes, with the runs of zeros and near misses that real ones have. */

import fc from 'fast-check';
import { type Address, type Prefix, prefixOf } from 'net-ipaddr';

const byte = fc.oneof(fc.constantFrom(0, 0xff, 0x80, 1), fc.integer({ min: 0, max: 255 }));

const addresses4: fc.Arbitrary<Address> = fc
  .array(byte, { minLength: 4, maxLength: 4 })
  .map((bytes) => ({ family: 4 as const, bytes: new Uint8Array(bytes) }));

const addresses6: fc.Arbitrary<Address> = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc.array(fc.constantFrom(0, 0, 0, 1, 0xab, 0xfedc), {
        minLength: 8,
        maxLength: 8,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }))
        .map(([high, low]) => [0, 0, 0, 0, 0, 0xffff, high, low]),
    },
  )
  .map((groups) => ({
    family: 6 as const,
    bytes: new Uint8Array(groups.flatMap((group) => [group >> 8, group & 0xff])),
  }));

export const addresses: fc.Arbitrary<Address> = fc.oneof(addresses4, addresses6);

export const prefixes: fc.Arbitrary<Prefix> = addresses.chain((address) =>
  fc.integer({ min: 0, max: address.bytes.length * 8 }).map((length) => prefixOf(address, length)),
);

/** Prefixes of 10.0.0.0/24 and 2001:db8::/120 only, so that they often contain one another. */
export const crowdedPrefixes: fc.Arbitrary<Prefix> = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 8 }))
  .map(([isV4, host, hostBits]) => {
    const bytes = isV4 ? [10, 0, 0, host] : [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), host];
    const address: Address = { family: isV4 ? 4 : 6, bytes: new Uint8Array(bytes) };
    return prefixOf(address, bytes.length * 8 - hostBits);
  });
