import { AttributeBlock, type AttributeChanges, AttributeView } from 'bgp-parser-ts';
import { AS_PATH, COMMUNITIES, hex, LOCAL_PREF, MED, NEXT_HOP, ORIGIN, toHex } from './wire.ts';

const PATH = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const KEEP: AttributeChanges = { as4: true, external: false };

const block = new AttributeBlock();

function build(canonical: string, changes: Partial<AttributeChanges>): string {
  const bytes = hex(canonical);
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  if (!block.build(view, { ...KEEP, ...changes })) return 'cannot be sent';
  return toHex(block.bytes.subarray(0, block.length));
}

function same(text: string): string {
  return toHex(hex(text));
}

const HOP6 = '20010db8000000000000000000000001';

describe('what goes out', () => {
  test.each<[string, string, Partial<AttributeChanges>, string]>([
    ['nothing changed', `${PATH} ${MED} ${COMMUNITIES}`, {}, `${PATH} ${MED} ${COMMUNITIES}`],
    ['next hop set', PATH, { nextHop: hex('c0000209') }, `${ORIGIN} ${AS_PATH} 40 03 04 c0000209`],
    ['an IPv6 next hop is MP_REACH_NLRI’s', PATH, { nextHop: hex(HOP6) }, `${ORIGIN} ${AS_PATH}`],
    [
      'so is one of the route itself',
      `${ORIGIN} ${AS_PATH} 40 03 10 ${HOP6} ${MED}`,
      {},
      `${ORIGIN} ${AS_PATH} ${MED}`,
    ],
    ['LOCAL_PREF set', PATH, { localPref: 100 }, `${PATH} ${LOCAL_PREF}`],
    [
      'LOCAL_PREF replaced',
      `${PATH} 40 05 04 00000001`,
      { localPref: 100 },
      `${PATH} ${LOCAL_PREF}`,
    ],
    ['LOCAL_PREF kept', `${PATH} ${LOCAL_PREF}`, {}, `${PATH} ${LOCAL_PREF}`],
    [
      'RFC 4271 §5.1.5: no LOCAL_PREF to external peers',
      `${PATH} ${LOCAL_PREF}`,
      { external: true, localPref: 5 },
      PATH,
    ],
    [
      'RFC 5065 §4: no confederation segments to external peers',
      `${ORIGIN} 40 02 12 03 01 00000009 02 01 0000fde9 04 01 00000008 ${NEXT_HOP}`,
      { external: true, prepend: [64512] },
      `${ORIGIN} 40 02 0a 02 02 0000fc00 0000fde9 ${NEXT_HOP}`,
    ],
    [
      'RFC 5065 §4: confederation segments stay for internal ones',
      `${ORIGIN} 40 02 0c 03 01 00000009 02 01 0000fde9 ${NEXT_HOP}`,
      {},
      `${ORIGIN} 40 02 0c 03 01 00000009 02 01 0000fde9 ${NEXT_HOP}`,
    ],
    ['MED set', PATH, { med: 7 }, `${PATH} ${MED}`],
    ['MED set to 0', PATH, { med: 0 }, `${PATH} 80 04 04 00000000`],
    ['MED removed', `${PATH} ${MED}`, { med: null }, PATH],
    ['MED kept', `${PATH} ${MED}`, { external: true }, `${PATH} ${MED}`],
    [
      'RFC 4456 §8: ORIGINATOR_ID added',
      PATH,
      { originatorId: 0xc0000209 },
      `${PATH} 80 09 04 c0000209`,
    ],
    [
      'RFC 4456 §8: ORIGINATOR_ID never replaced',
      `${PATH} 80 09 04 c0000207`,
      { originatorId: 1 },
      `${PATH} 80 09 04 c0000207`,
    ],
    [
      'RFC 4456 §8: CLUSTER_LIST made',
      PATH,
      { clusterId: 0x0a000001 },
      `${PATH} 80 0a 04 0a000001`,
    ],
    [
      'RFC 4456 §8: cluster id put first',
      `${PATH} 80 0a 04 0a000002`,
      { clusterId: 0x0a000001 },
      `${PATH} 80 0a 08 0a000001 0a000002`,
    ],
    [
      'reflection ends at the AS',
      `${PATH} 80 09 04 c0000207 80 0a 04 0a000002`,
      { external: true, clusterId: 1, originatorId: 1 },
      PATH,
    ],
    [
      'RFC 4360 §6: non-transitive extended communities too',
      `${PATH} c0 10 10 4004fde900000001 0002fde900000002`,
      { external: true },
      `${PATH} c0 10 08 0002fde900000002`,
    ],
    [
      'none of them left: no attribute',
      `${PATH} c0 10 08 4004fde900000001`,
      { external: true },
      PATH,
    ],
    [
      'inside the AS all of them',
      `${PATH} c0 10 08 4004fde900000001`,
      {},
      `${PATH} c0 10 08 4004fde900000001`,
    ],
    [
      'unknown ones byte for byte',
      `${PATH} e0 63 03 010203`,
      { external: true },
      `${PATH} e0 63 03 010203`,
    ],
    [
      'AS_PATH is written also when empty',
      `${ORIGIN} ${NEXT_HOP}`,
      {},
      `${ORIGIN} 40 02 00 ${NEXT_HOP}`,
    ],
  ])('%s', (_, canonical, changes, expected) => {
    expect(build(canonical, changes)).toBe(same(expected));
  });

  test('an attribute gets the extended form when it grows above 255 octets', () => {
    const clusters = '0a000002'.repeat(63);
    const built = build(`${PATH} 80 0a fc ${clusters}`, { clusterId: 1 });
    expect(built).toBe(same(`${PATH} 90 0a 0100 00000001 ${clusters}`));
    const long = build(`${PATH} d0 08 0100 ${'fde90001'.repeat(64)}`, {});
    expect(long).toBe(same(`${PATH} d0 08 0100 ${'fde90001'.repeat(64)}`));
  });

  test('the next hop that is not among the attributes', () => {
    build(`${ORIGIN} ${AS_PATH} 40 03 20 ${HOP6} fe80${'00'.repeat(13)}01`, {});
    expect([block.isMp, block.nextHopLength]).toEqual([true, 32]);
    expect(toHex(block.nextHop)).toBe(`${HOP6}fe80${'00'.repeat(13)}01`);
    build(PATH, {});
    expect([block.isMp, block.nextHopLength]).toEqual([false, 4]);
  });

  test('without a next hop nothing can be sent', () => {
    expect(build(`${ORIGIN} ${AS_PATH}`, {})).toBe('cannot be sent');
    expect(build(PATH, { nextHop: hex('0102') })).toBe('cannot be sent');
  });
});

describe('RFC 4271 §5.1.2: the own AS put before the path', () => {
  const path = (value: string) => {
    const octets = hex(value).length;
    return octets > 255
      ? `50 02 ${octets.toString(16).padStart(4, '0')} ${value}`
      : `40 02 ${octets.toString(16).padStart(2, '0')} ${value}`;
  };

  test.each([
    ['empty', '', '02 01 0000fde8'],
    ['a sequence', '02 01 00000001', '02 02 0000fde8 00000001'],
    ['a set', '01 01 00000001', '02 01 0000fde8 01 01 00000001'],
    ['a confederation', '03 01 00000001', '02 01 0000fde8 03 01 00000001'],
    [
      '254 in the first segment',
      `02 fe ${'00000001'.repeat(254)}`,
      `02 ff 0000fde8 ${'00000001'.repeat(254)}`,
    ],
    [
      '255 in the first segment: a new one',
      `02 ff ${'00000001'.repeat(255)}`,
      `02 01 0000fde8 02 ff ${'00000001'.repeat(255)}`,
    ],
  ])('%s', (_, before, after) => {
    const canonical = `${ORIGIN} ${path(before)} ${NEXT_HOP}`;
    expect(build(canonical, { prepend: [65000] })).toBe(
      same(`${ORIGIN} ${path(after)} ${NEXT_HOP}`),
    );
  });

  test('a path that grows above 65535 octets cannot be sent', () => {
    const full = `02 ff ${'00000001'.repeat(255)}`.repeat(64);
    // 64 full segments are 65,408 octets; another one of 31 makes 65,534.
    const most = `${full} 02 1f ${'00000001'.repeat(31)}`;
    const canonical = `${ORIGIN} ${path(most)} ${NEXT_HOP}`;
    expect(build(canonical, { prepend: [1] })).toBe('cannot be sent');
  });
});

describe('RFC 6793 §4.2.2: to peers with 2-octet AS numbers', () => {
  test.each<[string, string, Partial<AttributeChanges>, string]>([
    [
      'AS_TRANS, and the path in AS4_PATH',
      PATH,
      {},
      `${ORIGIN} 40 02 06 02 02 fde9 5ba0 ${NEXT_HOP} c0 11 0a 02 02 0000fde9 00011170`,
    ],
    [
      'no AS4_PATH where none is needed',
      `${ORIGIN} 40 02 0a 02 02 0000fde9 0000ffff ${NEXT_HOP}`,
      {},
      `${ORIGIN} 40 02 06 02 02 fde9 ffff ${NEXT_HOP}`,
    ],
    [
      'also when only the own AS needs it',
      `${ORIGIN} 40 02 06 02 01 0000fde9 ${NEXT_HOP}`,
      { prepend: [70000] },
      `${ORIGIN} 40 02 06 02 02 5ba0 fde9 ${NEXT_HOP} c0 11 0a 02 02 00011170 0000fde9`,
    ],
    [
      'confederation segments are not in AS4_PATH',
      `${ORIGIN} 40 02 0c 03 01 00000009 02 01 00011170 ${NEXT_HOP}`,
      {},
      `${ORIGIN} 40 02 08 03 01 0009 02 01 5ba0 ${NEXT_HOP} c0 11 06 02 01 00011170`,
    ],
    [
      'AGGREGATOR and AS4_AGGREGATOR',
      `${ORIGIN} 40 02 00 ${NEXT_HOP} c0 07 08 00011170 c0000201 ${COMMUNITIES}`,
      {},
      `${ORIGIN} 40 02 00 ${NEXT_HOP} c0 07 06 5ba0 c0000201 ${COMMUNITIES} c0 12 08 00011170 c0000201`,
    ],
    [
      'no AS4_AGGREGATOR for the largest AS number of 2 octets',
      `${ORIGIN} 40 02 00 ${NEXT_HOP} c0 07 08 0000ffff c0000201`,
      {},
      `${ORIGIN} 40 02 00 ${NEXT_HOP} c0 07 06 ffff c0000201`,
    ],
    [
      'no AS4_AGGREGATOR where none is needed; Partial stays',
      `${ORIGIN} 40 02 00 ${NEXT_HOP} e0 07 08 0000fde9 c0000201`,
      {},
      `${ORIGIN} 40 02 00 ${NEXT_HOP} e0 07 06 fde9 c0000201`,
    ],
  ])('%s', (_, canonical, changes, expected) => {
    expect(build(canonical, { as4: false, ...changes })).toBe(same(expected));
  });
});
