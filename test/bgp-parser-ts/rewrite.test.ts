import { type AttributeEdits, AttributeView, rewriteAttributes } from 'bgp-parser-ts';
import { AS_PATH, COMMUNITIES, hex, LOCAL_PREF, MED, NEXT_HOP, ORIGIN, toHex } from './wire.ts';

const PATH = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const out = new Uint8Array(131072);

function rewritten(canonical: string, edits: AttributeEdits): string {
  const bytes = hex(canonical);
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  const length = rewriteAttributes(view, edits, out);
  return length < 0 ? 'too long' : toHex(out.subarray(0, length));
}

function same(text: string): string {
  return toHex(hex(text));
}

const LARGE = { global: 64512, local1: 1, local2: 2 };
const LARGE_HEX = '0000fc00 00000001 00000002';

test.each<[string, string, AttributeEdits, string]>([
  ['no edits', `${PATH} ${MED} ${COMMUNITIES}`, {}, `${PATH} ${MED} ${COMMUNITIES}`],
  ['LOCAL_PREF added, 0 too', PATH, { localPref: 0 }, `${PATH} 40 05 04 00000000`],
  ['LOCAL_PREF replaced', `${PATH} ${LOCAL_PREF}`, { localPref: 7 }, `${PATH} 40 05 04 00000007`],
  [
    'RFC 1997: a community where there was none',
    PATH,
    { communities: [0xfc000064] },
    `${PATH} c0 08 04 fc000064`,
  ],
  [
    'RFC 1997: one more, the Partial bit kept',
    `${PATH} e0 08 04 00010002`,
    { communities: [0xfc000064] },
    `${PATH} e0 08 08 00010002 fc000064`,
  ],
  [
    'RFC 1997: none twice',
    `${PATH} c0 08 04 fc000064`,
    { communities: [0xfc000064] },
    `${PATH} c0 08 04 fc000064`,
  ],
  [
    'RFC 8092: a large community, before what has higher codes',
    `${PATH} c0 23 04 0000fde9`,
    { largeCommunities: [LARGE] },
    `${PATH} c0 20 0c ${LARGE_HEX} c0 23 04 0000fde9`,
  ],
  [
    'RFC 8092: none twice, also where only the last part tells them apart',
    `${PATH} c0 20 0c ${LARGE_HEX}`,
    { largeCommunities: [LARGE, { ...LARGE, local2: 3 }] },
    `${PATH} c0 20 18 ${LARGE_HEX} 0000fc00 00000001 00000003`,
  ],
  [
    'RFC 4271 §5.1.2: prepended, the first leftmost',
    `${ORIGIN} 40 02 06 02 01 0000fde9 ${NEXT_HOP}`,
    { prepend: [1, 2] },
    `${ORIGIN} 40 02 0e 02 03 00000001 00000002 0000fde9 ${NEXT_HOP}`,
  ],
  [
    'prepended to an empty path',
    `${ORIGIN} 40 02 00 ${NEXT_HOP}`,
    { prepend: [1] },
    `${ORIGIN} 40 02 06 02 01 00000001 ${NEXT_HOP}`,
  ],
  [
    'RFC 4271 §5.1.2 b): a set gets a sequence before it',
    `${ORIGIN} 40 02 06 01 01 0000fde9 ${NEXT_HOP}`,
    { prepend: [1] },
    `${ORIGIN} 40 02 0c 02 01 00000001 01 01 0000fde9 ${NEXT_HOP}`,
  ],
  ['nothing prepended', PATH, { prepend: [] }, PATH],
])('%s', (_, canonical, edits, expected) => {
  expect(rewritten(canonical, edits)).toBe(same(expected));
});

describe('limits', () => {
  const sequence = (count: number) =>
    `02 ${count.toString(16).padStart(2, '0')} ${'0000fde9'.repeat(count)}`;
  const path = (segments: string, length: number) =>
    `${ORIGIN} 50 02 ${length.toString(16).padStart(4, '0')} ${segments} ${NEXT_HOP}`;

  test('RFC 4271 §5.1.2 b): a segment holds 255', () => {
    expect(rewritten(path(sequence(254), 1018), { prepend: [1] })).toBe(
      same(path(`02 ff 00000001 ${'0000fde9'.repeat(254)}`, 1022)),
    );
    expect(rewritten(path(sequence(254), 1018), { prepend: [1, 2] })).toBe(
      same(path(`02 02 00000001 00000002 ${sequence(254)}`, 1028)),
    );
    const many = new Array<number>(300).fill(0xfde9);
    expect(rewritten(`${ORIGIN} 40 02 00 ${NEXT_HOP}`, { prepend: many })).toBe(
      same(path(`${sequence(255)} ${sequence(45)}`, 1204)),
    );
  });

  test('an attribute has room for 65535 octets', () => {
    // 64 segments of 255 and one of 31 are 65534 octets; one more AS needs a segment of its own.
    const whole = Array.from({ length: 64 }, () => sequence(255)).join(' ');
    expect(
      rewritten(path(`${whole} 02 1f ${'0000fde9'.repeat(31)}`, 65534), { prepend: [] }),
    ).not.toBe('too long');
    expect(
      rewritten(path(`${whole} 02 1f ${'0000fde9'.repeat(31)}`, 65534), { prepend: [1] }),
    ).toBe('too long');
    const full = `${PATH} d0 08 fffc ${'00010002'.repeat(16383)}`;
    expect(rewritten(full, { communities: [0x00010002] })).toBe(same(full));
    expect(rewritten(full, { communities: [7] })).toBe('too long');
  });
});
