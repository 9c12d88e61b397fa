import {
  AttributeBlock,
  AttributeView,
  decodeMessage,
  encodeEndOfRib,
  encodeUpdate,
  frameLength,
  type Nlri,
  type Update,
  UpdateWriter,
  type WireContext,
} from 'bgp-parser-ts';
import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import {
  ADD_PATH,
  AS_PATH,
  hex,
  IBGP,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  ORIGIN,
  PREFIX,
  toHex,
  update,
} from './wire.ts';

const BIG: WireContext = { ...IBGP, extendedMessage: true };

function blockOf(canonical: string): AttributeBlock {
  const bytes = hex(canonical);
  const view = new AttributeView();
  view.load(bytes, 0, bytes.length);
  const block = new AttributeBlock();
  expect(block.build(view, { as4: true, external: false })).toBe(true);
  return block;
}

const V4 = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const V6 = `${ORIGIN} ${AS_PATH} 40 03 10 20010db8000000000000000000000001`;

/** The messages in `out[0, end)`, decoded. */
function read(out: Uint8Array, end: number, context: WireContext): Update[] {
  const updates: Update[] = [];
  for (let at = 0; at < end; ) {
    const length = frameLength(out, at, end, 65535) as number;
    const decoded = decodeMessage(out.slice(at, at + length), context);
    if ('error' in decoded) throw new Error(decoded.error.text);
    updates.push(decoded.message as Update);
    at += length;
  }
  return updates;
}

const texts = (list: readonly Nlri[]) => list.map(({ prefix }) => formatPrefix(prefix));

describe('one prefix', () => {
  const out = new Uint8Array(4096);

  test('announced, IPv4', () => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    expect(writer.announce(4, blockOf(V4), false)).toBe(true);
    expect(writer.add4(0xc6336400, 24, 0)).toBe(true);
    expect(toHex(out.subarray(0, writer.end()))).toBe(toHex(update('', V4, PREFIX)));
  });

  test('announced, IPv6: RFC 7606 §5.1, MP_REACH_NLRI comes first', () => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    expect(writer.announce(6, blockOf(V6), false)).toBe(true);
    expect(writer.add6(0x20010db8, 0, 0, 0, 32, 0)).toBe(true);
    const expected = update('', `${MP_REACH} ${ORIGIN} ${AS_PATH}`, '');
    expect(toHex(out.subarray(0, writer.end()))).toBe(toHex(expected));
  });

  test('announced, IPv4 with an IPv6 next hop (RFC 8950)', () => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    expect(writer.announce(4, blockOf(V6), false)).toBe(true);
    expect(writer.add4(0xc6336400, 24, 0)).toBe(true);
    const reach = `80 0e 19 0001 01 10 20010db8000000000000000000000001 00 ${PREFIX}`;
    const expected = update('', `${reach} ${ORIGIN} ${AS_PATH}`, '');
    expect(toHex(out.subarray(0, writer.end()))).toBe(toHex(expected));
  });

  test('withdrawn', () => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    writer.withdraw(4, false);
    writer.add4(0xc6336400, 24, 0);
    writer.withdraw(6, false);
    writer.add6(0x20010db8, 0x00010000, 0, 0, 48, 0);
    const expected = toHex(update(PREFIX, '', '')) + toHex(update('', MP_UNREACH, ''));
    expect(toHex(out.subarray(0, writer.end()))).toBe(expected);
  });

  test('with path ids', () => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    writer.announce(4, blockOf(V4), true);
    writer.add4(0xc6336400, 24, 0xffffffff);
    writer.withdraw(6, true);
    writer.add6(0x20010db8, 0, 0, 0, 32, 7);
    const [first, second] = read(out, writer.end(), ADD_PATH);
    expect(first?.announced[0]?.nlri).toEqual([
      { prefix: parsePrefix('198.51.100.0/24'), pathId: 0xffffffff },
    ]);
    expect(second?.withdrawn).toEqual([{ prefix: parsePrefix('2001:db8::/32'), pathId: 7 }]);
  });

  test.each([0, 1, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32])('of %i bits', (bits) => {
    const writer = new UpdateWriter(4096);
    writer.begin(out, 0);
    writer.withdraw(4, false);
    const address = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
    writer.add4(address, bits, 0);
    writer.add4(0x01020304, 32, 0);
    const [only] = read(out, writer.end(), IBGP);
    expect(only?.withdrawn).toHaveLength(2);
    expect(only?.withdrawn[0]?.prefix.length).toBe(bits);
    expect(only?.withdrawn[1]?.prefix).toEqual(parsePrefix('1.2.3.4/32'));
  });
});

test('nothing added, nothing written', () => {
  const writer = new UpdateWriter(4096);
  writer.begin(new Uint8Array(4096), 100);
  writer.announce(4, blockOf(V4), false);
  writer.withdraw(6, false);
  expect(writer.end()).toBe(100);
});

describe('messages are filled and begun anew', () => {
  test.each([
    ['announce IPv4', 4096, 4, V4],
    ['announce IPv6', 4096, 6, V6],
    ['announce IPv4 by IPv6', 4096, 4, V6],
    ['withdraw IPv4', 4096, 4, undefined],
    ['withdraw IPv6', 4096, 6, undefined],
    ['announce IPv4', 65535, 4, V4],
    ['announce IPv6', 65535, 6, V6],
    ['withdraw IPv6', 65535, 6, undefined],
  ] as const)('%s in %i octets', (_, max, family, canonical) => {
    const context = { ...BIG, ipv4: { addPath: false, extendedNextHop: true } };
    const writer = new UpdateWriter(max);
    const out = new Uint8Array(1 << 20);
    writer.begin(out, 0);
    if (canonical === undefined) writer.withdraw(family, false);
    else expect(writer.announce(family, blockOf(canonical), false)).toBe(true);
    const count = 20_000;
    let added = 0;
    for (let i = 0; i < count; i++) {
      const isAdded =
        family === 4 ? writer.add4((i << 8) >>> 0, 24, 0) : writer.add6(0x20010db8, i, 0, 0, 64, 0);
      if (isAdded) added++;
    }
    expect(added).toBe(count);
    const end = writer.end();
    const seen = read(out, end, context).flatMap(({ withdrawn, announced }) =>
      texts(canonical === undefined ? withdrawn : announced.flatMap(({ nlri }) => nlri)),
    );
    expect(new Set(seen).size).toBe(count);
    const lengths: number[] = [];
    for (let at = 0; at < end; at += lengths.at(-1)!) {
      lengths.push(frameLength(out, at, end, max) as number);
    }
    expect(Math.max(...lengths)).toBeLessThanOrEqual(max);
    // No message but the last has room for one more prefix.
    const octets = family === 4 ? 4 : 9;
    expect(lengths.length).toBeGreaterThan(1);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(max - octets);
  });

  test('a full buffer is told, and the announcement goes on in the next one', () => {
    const writer = new UpdateWriter(4096);
    const buffers: Uint8Array[] = [];
    let out = new Uint8Array(5000);
    writer.begin(out, 0);
    writer.announce(6, blockOf(V6), false);
    for (let i = 0; i < 2000; i++) {
      if (writer.add6(0x20010db8, i, 0, 0, 64, 0)) continue;
      buffers.push(out.slice(0, writer.end()));
      out = new Uint8Array(5000);
      writer.begin(out, 0);
      expect(writer.add6(0x20010db8, i, 0, 0, 64, 0)).toBe(true);
    }
    buffers.push(out.slice(0, writer.end()));
    const updates = buffers.flatMap((one) => read(one, one.length, IBGP));
    expect(updates.flatMap(({ announced }) => announced[0]!.nlri)).toHaveLength(2000);
    expect(buffers.length).toBeGreaterThan(2);
  });

  test('no octet behind the buffer or before the start is written', () => {
    const around = new Uint8Array(4096 + 200).fill(0xaa);
    const out = around.subarray(0, 100 + 4000);
    const writer = new UpdateWriter(4096);
    writer.begin(out, 100);
    writer.withdraw(4, false);
    let i = 0;
    while (writer.add4((i << 8) >>> 0, 24, 0)) i++;
    expect(writer.end()).toBeLessThanOrEqual(4100);
    expect(around.subarray(0, 100).every((byte) => byte === 0xaa)).toBe(true);
    expect(around.subarray(4100).every((byte) => byte === 0xaa)).toBe(true);
    expect(i).toBe(Math.floor((4000 - 19 - 4) / 4));
  });
});

describe('attributes that leave no room', () => {
  const many = (count: number) => {
    const octets = (count * 4).toString(16).padStart(4, '0');
    return `${V4} d0 08 ${octets} ${'fde90001'.repeat(count)}`;
  };

  test('RFC 8654 §4: what only fits a long message is not announced in short ones', () => {
    const block = blockOf(many(1100));
    expect(new UpdateWriter(4096).announce(4, block, false)).toBe(false);
    expect(new UpdateWriter(65535).announce(4, block, false)).toBe(true);
  });

  test('to the last octet', () => {
    // A message has 19 octets of header, 4 of lengths, and 5 for a /32.
    const fits = (room: number) => {
      const spare = room - 4 - blockOf(V4).length;
      const block = blockOf(
        `${V4} f0 63 ${spare.toString(16).padStart(4, '0')} ${'00'.repeat(spare)}`,
      );
      const writer = new UpdateWriter(4096);
      const isPossible = writer.announce(4, block, false);
      if (isPossible) {
        const out = new Uint8Array(4096);
        writer.begin(out, 0);
        expect(writer.add4(1, 32, 0)).toBe(true);
        expect(writer.end()).toBe(19 + 4 + room + 5);
      }
      return isPossible;
    };
    expect(fits(4096 - 19 - 4 - 5)).toBe(true);
    expect(fits(4096 - 19 - 4 - 4)).toBe(false);
  });
});

test('IPv6 prefixes with an IPv4 next hop are a mistake of the caller', () => {
  expect(() => new UpdateWriter(4096).announce(6, blockOf(V4), false)).toThrow('IPv6 next hop');
});

test('RFC 4724 §2: End-of-RIB', () => {
  expect(toHex(encodeEndOfRib(1, 1))).toBe(toHex(update('', '', '')));
  expect(toHex(encodeEndOfRib(2, 1))).toBe(toHex(update('', '80 0f 03 0002 01', '')));
});

describe('encodeUpdate', () => {
  const nextHop = { address: parseAddress('192.0.2.1') };
  const attributes = { origin: 'igp', asPath: [], nextHop } as const;
  const nlri = [{ prefix: parsePrefix('10.0.0.0/8') }];

  test('a message each for withdrawals by family, announcements, End-of-RIB', () => {
    const withdrawn = [
      { prefix: parsePrefix('2001:db8::/32') },
      { prefix: parsePrefix('10.1.0.0/16') },
    ];
    const messages = encodeUpdate(
      { withdrawn, announced: [{ attributes, nlri }], endOfRib: { afi: 2, safi: 1 } },
      IBGP,
    );
    const updates = messages.map((bytes) => read(bytes, bytes.length, IBGP)[0]!);
    expect(updates.map(({ withdrawn }) => texts(withdrawn))).toEqual([
      ['10.1.0.0/16'],
      ['2001:db8::/32'],
      [],
      [],
    ]);
    expect(updates[2]?.announced).toEqual([{ attributes, nlri }]);
    expect(updates[3]?.endOfRib).toEqual({ afi: 2, safi: 1 });
    expect(encodeUpdate({}, IBGP)).toEqual([]);
  });

  test('as many messages as it takes', () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({
      prefix: parsePrefix(`10.${i >> 8}.${i & 255}.0/24`),
    }));
    const messages = encodeUpdate({ announced: [{ attributes, nlri: many }] }, IBGP);
    expect(messages.length).toBe(3);
    const all = messages.flatMap((bytes) => read(bytes, bytes.length, IBGP)[0]!.announced[0]!.nlri);
    expect(all).toEqual(many);
  });

  test.each([
    [
      'families mixed',
      { attributes, nlri: [...nlri, { prefix: parsePrefix('::/0') }] },
      'one family',
    ],
    ['no next hop', { attributes: { origin: 'igp' as const }, nlri }, 'next hop'],
    [
      'too many communities',
      { attributes: { ...attributes, communities: new Array(2000).fill(1) }, nlri },
      'no room',
    ],
  ])('refuses %s', (_, announcement, text) => {
    expect(() => encodeUpdate({ announced: [announcement] }, IBGP)).toThrow(text);
  });
});
