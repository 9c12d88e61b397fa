import {
  AttributeView,
  decodeAttributes,
  encodeAttributes,
  type PathAttributes,
} from 'bgp-parser-ts';
import { parseAddress } from 'net-ipaddr';
import { canonicalHex, cursorOn } from './outcome.ts';
import {
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
  OLD,
  ORIGIN,
  PREFIX,
  toHex,
  update,
} from './wire.ts';

const PATH = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

/** The canonical form of an UPDATE that announces PREFIX with these attributes. */
function canonical(attributes: string, context = IBGP): string {
  return canonicalHex(update('', attributes, PREFIX), context);
}

function same(text: string): string {
  return toHex(hex(text));
}

describe('the canonical form', () => {
  test.each([
    ['what is canonical stays', `${PATH} ${MED} ${LOCAL_PREF}`, `${PATH} ${MED} ${LOCAL_PREF}`],
    [
      'ascending by code',
      `${LOCAL_PREF} ${MED} ${NEXT_HOP} ${AS_PATH} ${ORIGIN}`,
      `${PATH} ${MED} ${LOCAL_PREF}`,
    ],
    ['the extended form only where it is needed', `50 01 0001 00 ${AS_PATH} ${NEXT_HOP}`, PATH],
    ['unused flag bits are cleared', `4f 01 01 00 ${AS_PATH} ${NEXT_HOP}`, PATH],
    ['Partial is cleared on well-known attributes', `60 01 01 00 ${AS_PATH} ${NEXT_HOP}`, PATH],
    [
      'Partial is cleared on optional non-transitive ones',
      `${PATH} a0 04 04 00000007`,
      `${PATH} ${MED}`,
    ],
    [
      'Partial is kept on optional transitive ones',
      `${PATH} e0 08 04 fde90001`,
      `${PATH} e0 08 04 fde90001`,
    ],
    [
      'RFC 4271 §9: unknown optional transitive ones get Partial',
      `${PATH} c0 63 03 010203`,
      `${PATH} e0 63 03 010203`,
    ],
    ['unknown ones keep an empty value', `${PATH} c0 63 00`, `${PATH} e0 63 00`],
    ['unknown optional non-transitive ones are left out', `${PATH} 80 63 03 010203`, PATH],
    [
      'unknown ones below and between known ones',
      `c0 00 01 aa ${PATH} c0 63 01 bb c0 16 01 cc`,
      `e0 00 01 aa ${PATH} e0 16 01 cc e0 63 01 bb`,
    ],
    [
      'VU#347067: attribute 28 with whatever it holds',
      `${PATH} c0 1c 05 00ff00ff00`,
      `${PATH} e0 1c 05 00ff00ff00`,
    ],
    [
      '2025: Prefix-SID with a broken TLV',
      `${PATH} c0 28 04 01ffff00`,
      `${PATH} e0 28 04 01ffff00`,
    ],
    ['MP attributes are not in it', `${MP_UNREACH} ${PATH}`, PATH],
  ])('%s', (_, attributes, expected) => expect(canonical(attributes)).toBe(same(expected)));

  test('a long unknown attribute keeps every octet', () => {
    const value = Array.from({ length: 300 }, (_, i) =>
      ((i * 7) & 0xff).toString(16).padStart(2, '0'),
    ).join('');
    expect(canonical(`${PATH} d0 63 012c ${value}`)).toBe(same(`${PATH} f0 63 012c ${value}`));
  });

  test('an IPv6 next hop stands where NEXT_HOP stands', () => {
    const hop = '20010db8000000000000000000000001';
    const bytes = update('', `${MP_REACH} ${ORIGIN} ${AS_PATH} ${NEXT_HOP} ${MED}`, '');
    expect(canonicalHex(bytes, IBGP)).toBe(same(`${ORIGIN} ${AS_PATH} 40 03 10 ${hop} ${MED}`));
  });

  test('the next hop comes last where nothing follows', () => {
    const bytes = update('', `${MP_REACH} ${ORIGIN} ${AS_PATH}`, '');
    expect(canonicalHex(bytes, IBGP)).toMatch(/400310[0-9a-f]{32}$/);
  });

  test('two sections of one message differ by their next hop alone', () => {
    const cursor = cursorOn(update('', `${MP_REACH} ${PATH}`, PREFIX), IBGP);
    const forms: string[] = [];
    const out = new Uint8Array(131072);
    while (cursor.nextSection())
      forms.push(toHex(out.subarray(5, cursor.canonicalAttributes(out, 5))));
    const hop = '20010db8000000000000000000000001';
    expect(forms).toEqual([same(`${ORIGIN} ${AS_PATH} 40 03 10 ${hop}`), same(PATH)]);
  });

  test('what an external peer must not say is not in it', () => {
    const inside = '80 09 04 c0000209 80 0a 04 c0000209';
    expect(canonical(`${PATH} ${LOCAL_PREF} ${inside}`, EBGP)).toBe(same(PATH));
  });
});

describe('RFC 6793 §4.2.3: peers with 2-octet AS numbers', () => {
  const path = (value: string) => `40 02 ${octets(value)} ${value}`;
  const path4 = (value: string) => `c0 11 ${octets(value)} ${value}`;
  const octets = (value: string) => hex(value).length.toString(16).padStart(2, '0');

  test.each([
    ['widened', '02 02 fde9 0001', '', '02 02 0000fde9 00000001'],
    ['empty', '', '', ''],
    ['sets and confederations', '01 02 0001 0002', '', '01 02 00000001 00000002'],
    [
      'AS4_PATH of the same length replaces all',
      '02 02 fde9 5ba0',
      '02 02 0000fde9 00011170',
      '02 02 0000fde9 00011170',
    ],
    [
      'a shorter AS4_PATH gets the leading part',
      '02 03 fde9 0005 5ba0',
      '02 01 00011170',
      '02 03 0000fde9 00000005 00011170',
    ],
    ['a longer AS4_PATH is ignored', '02 01 5ba0', '02 02 00000001 00011170', '02 01 00005ba0'],
    [
      'a set counts one in both',
      '02 01 fde9 01 02 5ba0 0007',
      '01 02 00011170 00000007',
      '02 01 0000fde9 01 02 00011170 00000007',
    ],
    [
      'the leading part ends at a segment',
      '02 01 fde9 02 02 0005 5ba0',
      '02 02 00000005 00011170',
      '02 03 0000fde9 00000005 00011170',
    ],
    [
      'a set in the leading part is taken whole',
      '01 02 0001 0002 02 01 5ba0',
      '02 01 00011170',
      '01 02 00000001 00000002 02 01 00011170',
    ],
    [
      '§6: confederation segments of AS4_PATH are dropped',
      '02 02 fde9 5ba0',
      '03 01 00000009 02 01 00011170',
      '02 02 0000fde9 00011170',
    ],
    ['AS_TRANS without AS4_PATH stays', '02 01 5ba0', '', '02 01 00005ba0'],
  ])('AS path: %s', (_, two, four, expected) => {
    const attributes = `${ORIGIN} ${path(two)} ${NEXT_HOP} ${four ? path4(four) : ''}`;
    expect(canonical(attributes, OLD)).toBe(same(`${ORIGIN} ${path(expected)} ${NEXT_HOP}`));
  });

  test('§4.2.3: leading and adjacent confederation segments of AS_PATH are kept', () => {
    const inside = { ...IBGP, as4: false };
    const attributes = `${ORIGIN} ${path('03 01 0009 02 01 0005 04 01 0008 02 01 5ba0')} ${NEXT_HOP} ${path4('02 01 00011170')}`;
    const expected = path('03 01 00000009 02 01 00000005 04 01 00000008 02 01 00011170');
    expect(canonical(attributes, inside)).toBe(same(`${ORIGIN} ${expected} ${NEXT_HOP}`));
    // All of it from AS4_PATH: the leading confederation segment is kept nevertheless.
    const all = `${ORIGIN} ${path('03 01 0009 02 01 5ba0')} ${NEXT_HOP} ${path4('02 01 00011170')}`;
    const kept = path('03 01 00000009 02 01 00011170');
    expect(canonical(all, inside)).toBe(same(`${ORIGIN} ${kept} ${NEXT_HOP}`));
  });

  test('AS4_PATH may come before AS_PATH', () => {
    const attributes = `${path4('02 01 00011170')} ${ORIGIN} ${path('02 01 5ba0')} ${NEXT_HOP}`;
    expect(canonical(attributes, OLD)).toBe(
      same(`${ORIGIN} ${path('02 01 00011170')} ${NEXT_HOP}`),
    );
  });

  test('AS4_PATH without AS_PATH is no path', () => {
    const bytes = update('', `${path4('02 01 00011170')} ${ORIGIN} ${NEXT_HOP}`, PREFIX);
    expect(cursorOn(bytes, OLD).outcome).toBe('treat-as-withdraw');
  });

  test('scores are those of the merged path', () => {
    const attributes = `${ORIGIN} ${path('02 02 fde9 5ba0')} ${NEXT_HOP} ${path4('02 01 00011170')}`;
    const { attributes: view } = cursorOn(update('', attributes, PREFIX), OLD);
    expect([view.asPathLength, view.firstAs, view.originAs]).toEqual([2, 65001, 70000]);
    expect(view.containsAs(23456)).toBe(false);
  });

  const trans = 'c0 07 06 5ba0 c0000201';
  const plain = 'c0 07 06 fde9 c0000202';
  const four = 'c0 12 08 00011170 c0000203';
  const wide = (as: string, address: string) => `c0 07 08 ${as} ${address}`;

  test.each([
    ['widened', plain, wide('0000fde9', 'c0000202')],
    ['AS_TRANS and AS4_AGGREGATOR: the latter', `${trans} ${four}`, wide('00011170', 'c0000203')],
    ['AS_TRANS alone stays', trans, wide('00005ba0', 'c0000201')],
    ['another AS: AS4_AGGREGATOR is stale', `${plain} ${four}`, wide('0000fde9', 'c0000202')],
    ['AS4_AGGREGATOR alone is nothing', four, ''],
  ])('AGGREGATOR: %s', (_, attributes, expected) => {
    const good = `${ORIGIN} ${path('02 01 fde9')} ${NEXT_HOP}`;
    const wideGood = `${ORIGIN} ${path('02 01 0000fde9')} ${NEXT_HOP}`;
    expect(canonical(`${good} ${attributes}`, OLD)).toBe(same(`${wideGood} ${expected}`));
  });

  test('a stale AS4_AGGREGATOR makes AS4_PATH stale too', () => {
    const attributes = `${ORIGIN} ${path('02 01 5ba0')} ${NEXT_HOP} ${plain} ${path4('02 01 00011170')} ${four}`;
    const { attributes: view } = cursorOn(update('', attributes, PREFIX), OLD);
    expect(view.firstAs).toBe(23456);
  });

  test('a path that no attribute can hold in 4 octets is withdrawn, not cut', () => {
    const segments = `02 ff ${'fde9'.repeat(255)}`.repeat(65);
    const length = hex(segments).length.toString(16).padStart(4, '0');
    const bytes = update('', `${ORIGIN} 50 02 ${length} ${segments} ${NEXT_HOP}`, PREFIX);
    const cursor = cursorOn(bytes, { ...OLD, extendedMessage: true });
    expect(cursor.outcome).toBe('treat-as-withdraw');
    expect(cursor.errors[0]?.text).toContain('65535');
  });
});

describe('attributes as objects', () => {
  const all: PathAttributes = {
    origin: 'egp',
    asPath: [
      { type: 'sequence', as: [65001, 70000] },
      { type: 'set', as: [1, 4294967295] },
    ],
    nextHop: { address: parseAddress('2001:db8::1'), linkLocal: parseAddress('fe80::1') },
    med: 0,
    localPref: 4294967295,
    atomicAggregate: true,
    aggregator: { as: 70000, address: parseAddress('192.0.2.1') },
    communities: [0xfde90001, 0xffffff01],
    originatorId: 0xc0000201,
    clusterList: [1, 0xc0000202],
    extendedCommunities: [0x0002_fde9_0000_0001n, 0xffff_ffff_ffff_ffffn],
    largeCommunities: [{ global: 70000, local1: 1, local2: 4294967295 }],
    onlyToCustomer: 65001,
    others: [{ code: 99, flags: 0xe0, value: hex('010203') }],
  };

  test('written and read again', () => {
    const bytes = encodeAttributes(all);
    const view = new AttributeView();
    view.load(bytes, 0, bytes.length);
    expect(decodeAttributes(view)).toEqual(all);
  });

  test('the bytes', () => {
    expect(toHex(encodeAttributes(all))).toBe(
      same(`40 01 01 01
        40 02 14 02 02 0000fde9 00011170 01 02 00000001 ffffffff
        40 03 20 20010db8000000000000000000000001 fe800000000000000000000000000001
        80 04 04 00000000
        40 05 04 ffffffff
        40 06 00
        c0 07 08 00011170 c0000201
        c0 08 08 fde90001 ffffff01
        80 09 04 c0000201
        80 0a 08 00000001 c0000202
        c0 10 10 0002fde900000001 ffffffffffffffff
        c0 20 0c 00011170 00000001 ffffffff
        c0 23 04 0000fde9
        e0 63 03 010203`),
    );
  });

  test.each([0, 1, 254, 255, 256, 65534, 65535])('a value of %i octets', (length) => {
    const others = [{ code: 99, flags: 0xe0, value: new Uint8Array(length).fill(9) }];
    const bytes = encodeAttributes({ others });
    expect(bytes).toHaveLength(length + (length > 255 ? 4 : 3));
    const view = new AttributeView();
    view.load(bytes, 0, bytes.length);
    expect(decodeAttributes(view)).toEqual({ others });
  });

  test('a segment of 255 AS numbers', () => {
    const asPath = [{ type: 'sequence' as const, as: new Array(255).fill(7) }];
    const bytes = encodeAttributes({ asPath });
    const view = new AttributeView();
    view.load(bytes, 0, bytes.length);
    expect(decodeAttributes(view)).toEqual({ asPath });
  });

  test('Partial of known attributes is told, and kept', () => {
    const bytes = hex(`${PATH} e0 08 04 fde90001 e0 23 04 0000fde9`);
    const view = new AttributeView();
    view.load(bytes, 0, bytes.length);
    expect(decodeAttributes(view).partial).toEqual([8, 35]);
    expect(toHex(encodeAttributes(decodeAttributes(view)))).toBe(toHex(bytes));
    // It is for optional transitive ones alone.
    expect(toHex(encodeAttributes({ med: 7, partial: [4] }))).toBe(same(MED));
  });

  test('empty lists are no attributes; an empty AS path is one', () => {
    const empty = { asPath: [], communities: [], clusterList: [], largeCommunities: [] };
    expect(toHex(encodeAttributes({ ...empty, atomicAggregate: true }))).toBe('400200400600');
  });

  test('others stand where their code has them', () => {
    const others = [{ code: 26, flags: 0xc0, value: hex('aa') }];
    const bytes = encodeAttributes({ origin: 'igp', onlyToCustomer: 1, others });
    expect(toHex(bytes)).toBe(same('40 01 01 00 c0 1a 01 aa c0 23 04 00000001'));
  });

  test.each([
    ['a segment of no AS', { asPath: [{ type: 'sequence', as: [] }] }, '1–255'],
    [
      'a segment of 256 ASes',
      { asPath: [{ type: 'sequence', as: new Array(256).fill(1) }] },
      '1–255',
    ],
    [
      'a known attribute among the others',
      { others: [{ code: 4, flags: 0x80, value: hex('') }] },
      'MULTI_EXIT_DISC',
    ],
    ['a value that no attribute holds', { communities: new Array(16384).fill(1) }, '65535'],
  ] as const)('refuses %s', (_, attributes, text) => {
    expect(() => encodeAttributes(attributes as PathAttributes)).toThrow(text);
  });

  test('a view finds nothing of the set before', () => {
    const view = new AttributeView();
    const first = encodeAttributes(all);
    view.load(first, 0, first.length);
    const second = hex(`${ORIGIN} 40 02 00 ${COMMUNITIES}`);
    view.load(second, 0, second.length);
    expect(decodeAttributes(view)).toEqual({
      origin: 'igp',
      asPath: [],
      communities: [0xfde90001],
    });
    expect(view.asPathLength).toBe(0);
  });
});
