import {
  type AsPathSegment,
  AttributeBlock,
  AttributeView,
  type Capability,
  decodeAttributes,
  decodeMessage,
  encodeAttributes,
  encodeNotification,
  encodeOpen,
  encodeUpdate,
  frameLength,
  type Nlri,
  type PathAttributes,
  type Update,
  type WireContext,
} from 'bgp-parser-ts';
import fc from 'fast-check';
import { type Address, formatPrefix, type Prefix, parsePrefix, prefixOf } from 'net-ipaddr';
import { IBGP, message, OLD } from './wire.ts';

const RUNS = { numRuns: 300, seed: 4271 };
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65535 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const as = fc.oneof(
  fc.integer({ min: 1, max: 65535 }),
  fc.integer({ min: 65536, max: 0xffffffff }),
);
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const family = fc.record({ afi: u16, safi: u8 });
const flag = fc.boolean();

const capability: fc.Arbitrary<Capability> = fc.oneof(
  family.map(({ afi, safi }) => ({ kind: 'multiprotocol' as const, afi, safi })),
  fc.constant({ kind: 'route-refresh' as const }),
  fc.constant({ kind: 'extended-message' as const }),
  fc.constant({ kind: 'enhanced-route-refresh' as const }),
  fc.record({ kind: fc.constant('role' as const), role: u8 }),
  fc.record({ kind: fc.constant('four-octet-as' as const), as }),
  fc.record({
    kind: fc.constant('extended-next-hop' as const),
    families: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('graceful-restart' as const),
    restarted: flag,
    notification: flag,
    restartTime: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(fc.record({ afi: u16, safi: u8, forwarding: flag }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('add-path' as const),
    families: fc.array(
      fc
        .record({ afi: u16, safi: u8, send: flag, receive: flag })
        .filter(({ send, receive }) => send || receive),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    kind: fc.constant('long-lived-graceful-restart' as const),
    families: fc.array(
      fc.record({
        afi: u16,
        safi: u8,
        forwarding: flag,
        staleTime: fc.integer({ min: 0, max: 0xffffff }),
      }),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    kind: fc.constant('fqdn' as const),
    hostName: fc.string({ maxLength: 60 }),
    domainName: fc.string({ maxLength: 60 }),
  }),
  fc.record({
    kind: fc.constant('unknown' as const),
    code: fc.integer({ min: 128, max: 255 }),
    value: fc.uint8Array({ maxLength: 255 }),
  }),
);

test('OPEN: what is written is read, in the short form and in that of RFC 9072', () => {
  fc.assert(
    fc.property(
      as,
      fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 65535 })),
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.array(capability, { maxLength: 15 }),
      (ownAs, holdTime, routerId, others) => {
        const own: Capability = { kind: 'four-octet-as', as: ownAs };
        const open = { as: ownAs, holdTime, routerId, capabilities: [own, ...others] };
        const decoded = decodeMessage(encodeOpen(open), IBGP);
        expect(decoded).toEqual({ message: { type: 'open', ...open } });
      },
    ),
    RUNS,
  );
});

test('NOTIFICATION: what is written is read', () => {
  fc.assert(
    fc.property(u8, u8, fc.uint8Array({ maxLength: 100 }), (code, subcode, data) => {
      const decoded = decodeMessage(encodeNotification(code, subcode, data), IBGP);
      expect(decoded).toEqual({ message: { type: 'notification', code, subcode, data } });
    }),
    RUNS,
  );
});

const segment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom('sequence' as const, 'sequence' as const, 'set' as const),
  as: fc.array(as, { minLength: 1, maxLength: 8 }),
});

const address = (kind: 4 | 6): fc.Arbitrary<Address> =>
  octets(kind === 4 ? 4 : 16)
    // A host's: not unspecified, not multicast.
    .map((bytes) => ({
      family: kind,
      bytes: Uint8Array.from(bytes, (b, i) => (i === 0 ? 10 : b)),
    }));

const prefix = (kind: 4 | 6): fc.Arbitrary<Prefix> =>
  fc
    .tuple(octets(kind === 4 ? 4 : 16), fc.integer({ min: 0, max: kind === 4 ? 32 : 128 }))
    .map(([bytes, length]) => prefixOf({ family: kind, bytes }, length));

const nonEmpty = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.array(arbitrary, { minLength: 1, maxLength: 6 });

const attributes = (kind: 4 | 6): fc.Arbitrary<PathAttributes> =>
  fc
    .record(
      {
        origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
        asPath: fc.array(segment, { maxLength: 4 }),
        nextHop: fc.record({ address: address(kind) }),
        med: u32,
        localPref: u32,
        atomicAggregate: fc.constant(true as const),
        aggregator: fc.record({ as, address: address(4) }),
        communities: nonEmpty(u32),
        originatorId: u32,
        clusterList: nonEmpty(u32),
        extendedCommunities: nonEmpty(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        largeCommunities: nonEmpty(fc.record({ global: u32, local1: u32, local2: u32 })),
        onlyToCustomer: u32,
        others: fc.constant([{ code: 99, flags: 0xe0, value: new Uint8Array(300).fill(7) }]),
      },
      { requiredKeys: ['origin', 'asPath', 'nextHop'] },
    )
    // No two sequences beside each other: a 2-octet peer's path is joined where it was cut.
    .filter(({ asPath }) =>
      asPath!.every(({ type }, i) => i === 0 || type !== asPath![i - 1]!.type),
    );

const context = (as4: boolean, addPath: boolean): WireContext => ({
  as4,
  ebgp: false,
  extendedMessage: false,
  ipv4: { addPath, extendedNextHop: true },
  ipv6: { addPath, extendedNextHop: false },
});

test.each([
  ['IPv4', 4, 4, true, false],
  ['IPv4 with path ids', 4, 4, true, true],
  ['IPv4 to a 2-octet peer', 4, 4, false, false],
  ['IPv4 by an IPv6 next hop', 4, 6, true, false],
  ['IPv6', 6, 6, true, false],
  ['IPv6 to a 2-octet peer, with path ids', 6, 6, false, true],
] as const)('UPDATE, %s: what is written is read', (_, kind, hopKind, as4, addPath) => {
  const nlri = (
    addPath ? fc.record({ prefix: prefix(kind), pathId: u32 }) : fc.record({ prefix: prefix(kind) })
  ) as fc.Arbitrary<Nlri>;
  fc.assert(
    fc.property(attributes(hopKind), nonEmpty(nlri), nonEmpty(nlri), (set, announced, gone) => {
      const wire = context(as4, addPath);
      const messages = encodeUpdate(
        { withdrawn: gone, announced: [{ attributes: set, nlri: announced }] },
        wire,
      );
      const updates = messages.map((bytes) => {
        const decoded = decodeMessage(bytes, wire);
        if ('error' in decoded) throw new Error(decoded.error.text);
        return decoded.message as Update;
      });
      expect(updates).toHaveLength(2);
      expect(updates.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
      expect(updates[0]!.withdrawn).toEqual(gone);
      expect(updates[1]!.announced).toEqual([{ attributes: set, nlri: announced }]);
    }),
    { ...RUNS, numRuns: 100 },
  );
});

test('an AS put before a path is its first, and makes it one longer', () => {
  const view = new AttributeView();
  const block = new AttributeBlock();
  fc.assert(
    fc.property(attributes(4), as, (set, own) => {
      const before = encodeAttributes(set);
      view.load(before, 0, before.length);
      const length = view.asPathLength;
      expect(block.build(view, { as4: true, external: true, prepend: [own] })).toBe(true);
      view.load(block.bytes, 0, block.length);
      expect(view.firstAs).toBe(own);
      expect(view.asPathLength).toBe(length + 1);
      expect(decodeAttributes(view).communities).toEqual(set.communities);
    }),
    RUNS,
  );
});

test('prefixes are those of net-ipaddr', () => {
  fc.assert(
    fc.property(fc.oneof(prefix(4), prefix(6)), (one) => {
      const [bytes] = encodeUpdate({ withdrawn: [{ prefix: one }] }, IBGP);
      const decoded = decodeMessage(bytes!, IBGP) as { message: Update };
      const text = formatPrefix(decoded.message.withdrawn[0]!.prefix);
      expect(text).toBe(formatPrefix(one));
      expect(parsePrefix(text)).toEqual(one);
    }),
    RUNS,
  );
});

test('any octets: an error or a message, never a throw', () => {
  const anyType = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.uint8Array({ maxLength: 120 }));
  fc.assert(
    fc.property(anyType, fc.uint8Array({ maxLength: 60 }), ([type, body], junk) => {
      for (const bytes of [message(type, body), junk]) {
        const length = frameLength(bytes, 0, bytes.length, 4096);
        for (const wire of [IBGP, OLD]) {
          const decoded = decodeMessage(bytes, wire);
          expect('message' in decoded || 'error' in decoded).toBe(true);
          if (typeof length === 'object') expect(decoded).toEqual({ error: length });
        }
      }
    }),
    { ...RUNS, numRuns: 1000 },
  );
});
