import { AS_NONE, AttributeView, UpdateCursor } from 'bgp-parser-ts';
import { cursorOn, see } from './outcome.ts';
import {
  ADD_PATH,
  AS_PATH,
  COMMUNITIES,
  EBGP,
  hex,
  IBGP,
  LOCAL_PREF,
  MED,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  ORIGIN,
  PREFIX,
  toHex,
  update,
} from './wire.ts';

const PATH = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

describe('scores', () => {
  test('of a full set', () => {
    const attributes = `40 01 01 02 ${AS_PATH} ${NEXT_HOP} 80 04 04 ffffffff 40 05 04 80000000
      ${COMMUNITIES} 80 09 04 c0000209 80 0a 08 0a000001 ffffffff`;
    const { attributes: view } = cursorOn(update('', attributes, PREFIX), IBGP);
    expect(view.origin).toBe(2);
    expect(view.asPathLength).toBe(2);
    expect(view.firstAs).toBe(65001);
    expect(view.originAs).toBe(70000);
    expect(view.containsAs(70000)).toBe(true);
    expect(view.containsAs(70001)).toBe(false);
    expect([view.hasMed, view.med]).toEqual([true, 0xffffffff]);
    expect([view.hasLocalPref, view.localPref]).toEqual([true, 0x80000000]);
    expect([view.hasOriginatorId, view.originatorId]).toEqual([true, 0xc0000209]);
    expect(view.clusterListLength).toBe(2);
    expect(view.clusterListContains(0xffffffff)).toBe(true);
    expect(view.clusterListContains(0x0a000002)).toBe(false);
    expect(view.hasCommunity(0xfde90001)).toBe(true);
    expect(view.hasCommunity(0xfde90002)).toBe(false);
    expect(view.nextHopLength).toBe(4);
    expect(toHex(view.bytes.subarray(view.start(3), view.start(3) + 4))).toBe('c0000201');
    expect(view.length(8)).toBe(4);
    expect(view.has(32)).toBe(false);
    expect(Array.from(view.codes.subarray(0, view.count))).toEqual([1, 2, 3, 4, 5, 8, 9, 10]);
  });

  test('of the smallest set', () => {
    const { attributes: view } = cursorOn(
      update('', `${ORIGIN} 40 02 00 ${NEXT_HOP}`, PREFIX),
      IBGP,
    );
    expect(view.origin).toBe(0);
    expect([view.asPathLength, view.firstAs, view.originAs]).toEqual([0, 0, 0]);
    expect([view.hasMed, view.med]).toEqual([false, 0]);
    expect([view.hasLocalPref, view.localPref]).toEqual([false, 0]);
    expect([view.hasOriginatorId, view.originatorId]).toEqual([false, 0]);
    expect([view.clusterListLength, view.clusterListContains(0)]).toEqual([0, false]);
    expect(view.hasCommunity(0)).toBe(false);
    expect(new AttributeView().origin).toBe(2);
  });

  test.each([
    ['a sequence', '02 03 00000001 00000002 00000003', 3, 1, 3],
    [
      'RFC 4271 §9.1.2.2 a): a set counts 1',
      '02 01 00000001 01 03 00000002 00000003 00000004',
      2,
      1,
      AS_NONE,
    ],
    ['a set alone', '01 02 00000001 00000002', 1, AS_NONE, AS_NONE],
    ['a set before a sequence', '01 01 00000001 02 01 00000002', 2, AS_NONE, 2],
    ['two sequences', '02 01 00000001 02 01 00000002', 2, 1, 2],
    [
      'RFC 5065 §5.3: confederation segments count 0',
      '03 02 00000007 00000008 04 01 00000009 02 01 00000001',
      1,
      1,
      1,
    ],
    ['confederation segments alone', '03 01 00000007', 0, 0, 0],
    [
      'RFC 6811 §2: a confederation segment last is our own AS',
      '02 01 00000001 04 01 00000007',
      1,
      1,
      0,
    ],
  ])('AS path of %s', (_, segments, length, first, origin) => {
    const count = hex(segments).length.toString(16).padStart(2, '0');
    const bytes = update('', `${ORIGIN} 40 02 ${count} ${segments} ${NEXT_HOP}`, PREFIX);
    const { attributes: view } = cursorOn(bytes, IBGP);
    expect([view.asPathLength, view.firstAs, view.originAs]).toEqual([length, first, origin]);
  });

  test('the loop check counts in every segment', () => {
    const path = '40 02 16 02 02 00000005 00000005 01 01 00000005 03 01 00000005';
    const { attributes: view } = cursorOn(
      update('', `${ORIGIN} ${path} ${NEXT_HOP}`, PREFIX),
      IBGP,
    );
    expect(view.countAs(5)).toBe(4);
    expect(view.countAs(0)).toBe(0);
    // Not the octets of a header, nor across two numbers.
    for (const as of [0x02160202, 0x02020000, 0x00050000, 0x01010000]) {
      expect(view.countAs(as)).toBe(0);
    }
  });
});

describe('prefixes', () => {
  test('of every length, with the host bits taken off (RFC 4271 §4.3)', () => {
    for (let bits = 0; bits <= 32; bits++) {
      const octets = 'ff'.repeat((bits + 7) >>> 3);
      const cursor = cursorOn(update('', PATH, bits.toString(16).padStart(2, '0') + octets), IBGP);
      expect(cursor.nextSection()).toBe(true);
      expect(cursor.nextAnnounced()).toBe(true);
      const expected = bits === 0 ? 0 : -1 << (32 - bits);
      expect([cursor.family, cursor.length, cursor.w0]).toEqual([4, bits, expected]);
      expect([cursor.w1, cursor.w2, cursor.w3, cursor.pathId]).toEqual([0, 0, 0, 0]);
      expect(cursor.nextAnnounced()).toBe(false);
      expect(cursor.nextSection()).toBe(false);
    }
  });

  test('of every length of IPv6', () => {
    for (let bits = 0; bits <= 128; bits++) {
      const octets = 'ff'.repeat((bits + 7) >>> 3);
      const length = (3 + 1 + octets.length / 2).toString(16).padStart(2, '0');
      const unreach = `80 0f ${length} 0002 01 ${bits.toString(16).padStart(2, '0')} ${octets}`;
      const cursor = cursorOn(update('', unreach, ''), IBGP);
      expect(cursor.nextWithdrawn()).toBe(true);
      const word = (index: number) => {
        const left = Math.min(Math.max(bits - index * 32, 0), 32);
        return left === 0 ? 0 : -1 << (32 - left);
      };
      expect([cursor.family, cursor.length]).toEqual([6, bits]);
      expect([cursor.w0, cursor.w1, cursor.w2, cursor.w3]).toEqual([0, 1, 2, 3].map(word));
      expect(cursor.nextWithdrawn()).toBe(false);
    }
  });

  test('nothing is read before reset, after the end, or after a session reset', () => {
    const cursor = new UpdateCursor();
    const nothing = [false, false, false];
    const all = () => [cursor.nextWithdrawn(), cursor.nextSection(), cursor.nextAnnounced()];
    expect(all()).toEqual(nothing);
    const broken = update('10 0a01', `${PATH} 80 0f 00`, PREFIX);
    expect(cursor.reset(broken, 0, broken.length, IBGP)).toBe('session-reset');
    expect(all()).toEqual(nothing);
    const good = update('', PATH, PREFIX);
    cursor.reset(good, 0, good.length, IBGP);
    expect(cursor.nextAnnounced()).toBe(false);
    while (cursor.nextSection()) while (cursor.nextAnnounced());
    expect(all()).toEqual(nothing);
  });

  test('sections have a next hop each', () => {
    const cursor = cursorOn(update('', `${MP_REACH} ${PATH}`, PREFIX), IBGP);
    const hops: string[] = [];
    while (cursor.nextSection()) {
      const { nextHopStart: start, nextHopLength: length, attributes } = cursor;
      hops.push(`${cursor.family} ${toHex(attributes.bytes.subarray(start, start + length))}`);
    }
    expect(hops).toEqual(['6 20010db8000000000000000000000001', '4 c0000201']);
  });

  test.each([
    [
      'RFC 2545 §3: global and link-local',
      `20010db8${'00'.repeat(11)}01 fe80${'00'.repeat(13)}01`,
      32,
    ],
    [
      'zeros for an absent link-local address',
      `20010db8${'00'.repeat(11)}01 ${'00'.repeat(16)}`,
      16,
    ],
    ['zeros for an absent global address', `${'00'.repeat(16)} fe80${'00'.repeat(13)}01`, 16],
    [
      'the link-local address twice, for want of a global one',
      `fe80${'00'.repeat(13)}01 fe80${'00'.repeat(13)}01`,
      16,
    ],
  ])('%s', (_, hop, length) => {
    const reach = `80 0e 2a 0002 01 20 ${hop} 00 20 20010db8`;
    const cursor = cursorOn(update('', `${reach} ${ORIGIN} ${AS_PATH}`, ''), IBGP);
    expect(cursor.outcome).toBe('ok');
    expect(cursor.nextSection()).toBe(true);
    expect(cursor.nextHopLength).toBe(length);
  });

  test('RFC 8950: IPv4 routes with an IPv6 next hop, where negotiated', () => {
    const reach = `80 0e 19 0001 01 10 20010db8${'00'.repeat(11)}01 00 18 c63364`;
    const bytes = update('', `${reach} ${ORIGIN} ${AS_PATH}`, '');
    const context = { ...IBGP, ipv4: { addPath: false, extendedNextHop: true } };
    expect(see(bytes, context)).toMatchObject({ outcome: 'ok', announced: ['198.51.100.0/24'] });
    expect(see(bytes, IBGP).outcome).toBe('session-reset');
  });

  test('RFC 4760: IPv4 routes in MP_REACH_NLRI with an IPv4 next hop', () => {
    const reach = '80 0e 0d 0001 01 04 c0000201 00 18 c63364';
    const seen = see(update('', `${reach} ${ORIGIN} ${AS_PATH}`, ''), IBGP);
    expect(seen).toMatchObject({ outcome: 'ok', announced: ['198.51.100.0/24'] });
  });
});

describe('RFC 7911: ADD-PATH', () => {
  const reach = '80 0e 1e 0002 01 10 20010db8000000000000000000000001 00 ffffffff 20 20010db8';
  const unreach = '80 0f 0e 0002 01 00000005 30 20010db80001';

  test('a path id before each prefix, in all four fields', () => {
    const bytes = update(
      '00000001 10 0a01',
      `${reach} ${unreach} ${PATH}`,
      `80000000 ${PREFIX} 00000000 00`,
    );
    const seen = see(bytes, ADD_PATH);
    expect(seen.withdrawn).toEqual(['10.1.0.0/16#1', '2001:db8:1::/48#5']);
    expect(seen.announced).toEqual([
      '2001:db8::/32#4294967295',
      '198.51.100.0/24#2147483648',
      '0.0.0.0/0#0',
    ]);
  });

  test.each([
    ['the id is cut', '000000'],
    ['no prefix behind the id', '00000001'],
    ['the prefix is cut', '00000001 18 c633'],
  ])('%s', (_, nlri) => expect(see(update('', PATH, nlri), ADD_PATH).notification).toBe('3/10'));

  test('of one family only', () => {
    const context = { ...IBGP, ipv4: ADD_PATH.ipv4 };
    const bytes = update('', `${MP_REACH} ${PATH}`, `00000007 ${PREFIX}`);
    expect(see(bytes, context).announced).toEqual(['2001:db8::/32', '198.51.100.0/24#7']);
  });
});

describe('RFC 4724 §2: End-of-RIB', () => {
  test.each([
    ['IPv4', '', '', [1, 1]],
    ['IPv6', '', '80 0f 03 0002 01', [2, 1]],
    ['IPv6 in the extended form', '', '90 0f 0003 0002 01', [2, 1]],
    ['IPv4 in the multiprotocol form', '', '80 0f 03 0001 01', [1, 1]],
    ['a family that was not negotiated', '', '80 0f 03 0019 46', [25, 70]],
    ['not with a withdrawn prefix', '00', '', [0, 0]],
    ['not with MP_UNREACH_NLRI that withdraws', '', MP_UNREACH, [0, 0]],
    ['not with a withdrawn prefix beside it', '00', '80 0f 03 0002 01', [0, 0]],
    ['not with another attribute before', '', `80 63 00 80 0f 03 0002 01`, [0, 0]],
    ['not with another attribute behind', '', `80 0f 03 0002 01 80 63 00`, [0, 0]],
    ['not with an error', '', `80 0f 03 0002 01 40 06 01 00`, [0, 0]],
  ])('%s', (_, withdrawn, attributes, expected) => {
    const cursor = cursorOn(update(withdrawn, attributes, ''), IBGP);
    expect([cursor.endOfRibAfi, cursor.endOfRibSafi]).toEqual(expected);
  });

  test('not with NLRI', () => {
    expect(cursorOn(update('', '80 0f 03 0002 01', '00'), IBGP).endOfRibAfi).toBe(0);
  });
});

describe('bugs that others shipped', () => {
  test('a slice of a reused buffer: objects have bytes of their own', () => {
    const bytes = update('', `${PATH} c0 63 02 abcd`, PREFIX);
    const before = see(bytes, IBGP).announced;
    const canonical = new Uint8Array(131072);
    const cursor = cursorOn(bytes, IBGP);
    cursor.nextSection();
    const end = cursor.canonicalAttributes(canonical, 0);
    const kept = toHex(canonical.subarray(0, end));
    bytes.fill(0xee);
    expect(before).toEqual(['198.51.100.0/24']);
    expect(toHex(canonical.subarray(0, end))).toBe(kept);
  });

  test('state of one message in the next: attributes, errors, sections, next hops', () => {
    const cursor = new UpdateCursor();
    const run = (bytes: Uint8Array) => cursor.reset(bytes, 0, bytes.length, IBGP);
    run(update('', `${PATH} ${MED} ${LOCAL_PREF} ${MP_REACH} 40 06 01 00`, PREFIX));
    expect(cursor.errorCount).toBe(1);
    run(update('', PATH, PREFIX));
    expect(cursor.outcome).toBe('ok');
    expect(cursor.errors).toEqual([]);
    expect([cursor.attributes.hasMed, cursor.attributes.hasLocalPref]).toEqual([false, false]);
    expect(cursor.nextSection()).toBe(true);
    expect(cursor.family).toBe(4);
    expect(cursor.nextSection()).toBe(false);
    run(update('', '', ''));
    expect([cursor.attributes.count, cursor.attributes.asPathLength]).toEqual([0, 0]);
    expect(cursor.endOfRibAfi).toBe(1);
    run(update('', PATH, PREFIX));
    expect(cursor.endOfRibAfi).toBe(0);
    // The repeat in the last message is none in this one.
    run(update('', PATH, PREFIX));
    expect(cursor.outcome).toBe('ok');
  });

  test('numbers above 2^31: attributes stay unsigned, addresses are signed', () => {
    const cursor = cursorOn(update('', `${PATH} 80 04 04 fffffffe`, '20 ffffffff'), IBGP);
    expect(cursor.attributes.med).toBe(4294967294);
    cursor.nextSection();
    cursor.nextAnnounced();
    expect(cursor.w0).toBe(-1);
  });

  test('the message may lie anywhere in its buffer', () => {
    const bytes = update('10 0a01', `${MP_REACH} ${PATH}`, PREFIX);
    for (const filler of [0x00, 0xff]) {
      const around = new Uint8Array(bytes.length + 40).fill(filler);
      around.set(bytes, 17);
      const cursor = new UpdateCursor();
      expect(cursor.reset(around, 17, 17 + bytes.length, IBGP)).toBe('ok');
      cursor.nextWithdrawn();
      expect([cursor.w0, cursor.length]).toEqual([0x0a010000, 16]);
    }
  });

  test('an over-long AS path does not break counting (BIRD CVE-2026-49943)', () => {
    // 63 segments of 255: 16,065 AS numbers, in a message of 64 k.
    const segments = `02 ff ${'0000fde9'.repeat(255)}`.repeat(63);
    const length = hex(segments).length.toString(16).padStart(4, '0');
    const bytes = update('', `${ORIGIN} 50 02 ${length} ${segments} ${NEXT_HOP}`, PREFIX);
    const context = { ...EBGP, extendedMessage: true };
    const { attributes: view, outcome } = cursorOn(bytes, context);
    expect(outcome).toBe('ok');
    expect(view.asPathLength).toBe(16065);
    expect(view.countAs(65001)).toBe(16065);
  });

  test('every cut of an UPDATE is judged without a throw', () => {
    const whole = update('10 0a01', `${MP_REACH} ${PATH} ${MED} ${MP_UNREACH}`, PREFIX);
    const cursor = new UpdateCursor();
    for (let end = 0; end <= whole.length; end++) {
      expect(() => cursor.reset(whole, 0, end, IBGP)).not.toThrow();
      if (end < whole.length - 4) expect(cursor.outcome).toBe('session-reset');
    }
    expect(cursor.outcome).toBe('ok');
  });
});
