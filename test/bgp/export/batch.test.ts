import {
  AttributeBlock,
  AttributeView,
  decodeUpdate,
  encodeAttributes,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MAX_MESSAGE_LENGTH,
} from 'bgp-parser-ts';
import fc from 'fast-check';
import { formatPrefix, PrefixTable, parseAddress, prefixOf } from 'net-ipaddr';
import { Batch } from '../../../bgp/export/batch.ts';
import { Blocks, NO_BLOCK } from '../../../bgp/export/blocks.ts';

const CONTEXT = {
  as4: true,
  ebgp: false,
  extendedMessage: true,
  ipv4: { addPath: false, extendedNextHop: false },
  ipv6: { addPath: false, extendedNextHop: false },
};

/** The block of a route whose AS path begins with `as` and is `hops` long. */
function blockOf(blocks: Blocks, family: 4 | 6, as: number, hops: number): number {
  const path = Array.from({ length: Math.ceil(hops / 255) }, (_, i) => ({
    type: 'sequence' as const,
    as: new Array(Math.min(255, hops - 255 * i)).fill(as),
  }));
  const nextHop = { address: parseAddress(family === 4 ? '10.0.0.1' : 'fd00::1') };
  const bytes = encodeAttributes({ origin: 'igp', asPath: path, nextHop, localPref: 100 });
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  const built = new AttributeBlock();
  built.build(view, { as4: true, external: false });
  return blocks.internPinned(built);
}

const entry = fc.record({
  route: fc.nat(3000),
  as: fc.nat(4), // 0: withdrawn
  audience: fc.constantFrom<[number, number]>([0, 0], [7, 0], [8, 0], [0, 7]),
});

test('every entry reaches its audience once, in messages that fit, in no more bytes than foretold', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<4 | 6>(4, 6),
      fc.constantFrom(MAX_MESSAGE_LENGTH, MAX_EXTENDED_MESSAGE_LENGTH),
      fc.constantFrom(1, 60, 940),
      fc.array(entry, { minLength: 1, maxLength: 2500 }),
      (family, max, hops, entries) => {
        const prefixes = new PrefixTable(1);
        const blocks = new Blocks({ k0: 1, k1: 2 });
        const ids = [NO_BLOCK, 1, 2, 3, 4].map((as) =>
          as === NO_BLOCK ? NO_BLOCK : blockOf(blocks, family, as, hops),
        );
        const batch = new Batch(prefixes, blocks);
        batch.begin(family, max, undefined);
        const expected: string[] = [];
        for (const { route, as, audience } of entries) {
          const bytes = new Uint8Array(family === 4 ? 4 : 16).fill(9);
          bytes[1] = route >>> 8;
          bytes[2] = route;
          const prefix = prefixOf({ family, bytes }, 24 + (route % 9));
          batch.add(prefixes.intern(prefix), ids[as]!, audience[0], audience[1]);
          expected.push(`${formatPrefix(prefix)} ${as} for ${audience}`);
        }
        const { size } = batch;
        const encoded = batch.encode();
        expect(encoded.bytes.length).toBeLessThanOrEqual(size);
        // What is foretold is used to bound batches: it must not be far off either.
        expect(encoded.bytes.length).toBeGreaterThan(size * 0.8);
        const got: string[] = [];
        let at = 0;
        encoded.ends.forEach((end, span) => {
          const audience = [encoded.skip[span], encoded.only[span]];
          while (at < end) {
            const next = at + ((encoded.bytes[at + 16]! << 8) | encoded.bytes[at + 17]!);
            expect(next - at).toBeLessThanOrEqual(max);
            const decoded = decodeUpdate(encoded.bytes, at, next, CONTEXT);
            if ('error' in decoded) throw new Error(decoded.error.text);
            const { announced, withdrawn } = decoded.message;
            for (const { prefix } of withdrawn) {
              got.push(`${formatPrefix(prefix)} 0 for ${audience}`);
            }
            for (const { attributes, nlri } of announced) {
              const as = attributes.asPath![0]!.as[0];
              for (const { prefix } of nlri) {
                got.push(`${formatPrefix(prefix)} ${as} for ${audience}`);
              }
            }
            at = next;
          }
          expect(at).toBe(end);
        });
        expect(at).toBe(encoded.bytes.length);
        expect(got.sort()).toEqual(expected.sort());
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

test('equal attributes share messages: as few as they fit in', () => {
  const prefixes = new PrefixTable(1);
  const blocks = new Blocks({ k0: 1, k1: 2 });
  const block = blockOf(blocks, 4, 1, 1);
  const batch = new Batch(prefixes, blocks);
  batch.begin(4, MAX_MESSAGE_LENGTH, undefined);
  const other = blockOf(blocks, 4, 2, 1);
  for (let i = 0; i < 2000; i++) {
    batch.add(prefixes.intern4((10 << 24) | (i << 8), 24), i % 2 === 0 ? block : other, 0, 0);
  }
  const { bytes, ends, nlris } = batch.encode();
  let messages = 0;
  for (let at = 0; at < bytes.length; messages++) at += (bytes[at + 16]! << 8) | bytes[at + 17]!;
  // A thousand prefixes of four octets each: one message of 4096 holds them.
  expect([messages, ends.length, nlris.length]).toEqual([2, 1, 2000]);
});
