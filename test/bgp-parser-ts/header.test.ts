import { encodeKeepalive, frameLength } from 'bgp-parser-ts';
import { hex, message, toHex } from './wire.ts';

const MARKER = 'ffffffffffffffffffffffffffffffff';

function frame(text: string, max = 4096): string {
  const bytes = hex(text);
  const length = frameLength(bytes, 0, bytes.length, max);
  if (typeof length === 'number') return String(length);
  return `${length.code}/${length.subcode} ${toHex(length.data)}`.trim();
}

describe('RFC 4271 §6.1: the header', () => {
  test.each([
    ['nothing yet', '', '0'],
    ['half a marker', 'ffffffff', '0'],
    ['all but the type', `${MARKER} 0013`, '0'],
    ['KEEPALIVE', `${MARKER} 0013 04`, '19'],
    ['the length is told before the body is there', `${MARKER} 0100 02`, '256'],
    ['marker not all ones', `${'ff'.repeat(15)}fe 0013 04`, '1/1'],
    ['not BGP, seen on its first octet', hexOf('GET / HTTP/1.1\r\n'), '1/1'],
    ['length below 19', `${MARKER} 0012 04`, '1/2 0012'],
    ['length 0', `${MARKER} 0000 02`, '1/2 0000'],
    ['length above 4096', `${MARKER} 1001 02`, '1/2 1001'],
    ['KEEPALIVE with a body', `${MARKER} 0014 04`, '1/2 0014'],
    ['OPEN below 29', `${MARKER} 001c 01`, '1/2 001c'],
    ['UPDATE below 23', `${MARKER} 0016 02`, '1/2 0016'],
    ['NOTIFICATION below 21', `${MARKER} 0014 03`, '1/2 0014'],
    ['ROUTE-REFRESH below 23', `${MARKER} 0016 05`, '1/2 0016'],
    ['type 0', `${MARKER} 0017 00`, '1/3 00'],
    ['type 6', `${MARKER} 0017 06`, '1/3 06'],
  ])('%s', (_, bytes, expected) => expect(frame(bytes)).toBe(expected));

  test.each([
    ['UPDATE of 65535', `${MARKER} ffff 02`, '65535'],
    ['OPEN stays within 4096', `${MARKER} 1001 01`, '1/2 1001'],
    ['KEEPALIVE too', `${MARKER} 1001 04`, '1/2 1001'],
  ])('RFC 8654 §4: %s', (_, bytes, expected) => expect(frame(bytes, 65535)).toBe(expected));

  test('reads only between start and end', () => {
    const bytes = hex(`aa ${MARKER} 0013 04 bb`);
    expect(frameLength(bytes, 1, 20, 4096)).toBe(19);
    expect(frameLength(bytes, 1, 19, 4096)).toBe(0);
  });
});

test('KEEPALIVE is a header alone', () => {
  expect(encodeKeepalive()).toEqual(message(4, new Uint8Array(0)));
});

function hexOf(text: string): string {
  return toHex(new TextEncoder().encode(text));
}
