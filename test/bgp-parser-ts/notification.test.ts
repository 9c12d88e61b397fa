import {
  decodeMessage,
  encodeMaximumPrefixes,
  encodeNotification,
  encodeRouteRefresh,
  encodeShutdownCommunication,
  hardResetReason,
  messageTypeName,
  type Notification,
  notificationName,
  shutdownCommunication,
} from 'bgp-parser-ts';
import { hex, IBGP, message, toHex } from './wire.ts';

function decode(body: string): Notification {
  const decoded = decodeMessage(message(3, hex(body)), IBGP);
  if ('error' in decoded) throw new Error(decoded.error.text);
  return decoded.message as Notification;
}

test('RFC 4486 §4: AFI, SAFI and the number of prefixes', () => {
  expect(toHex(encodeMaximumPrefixes(2, 1, 4_000_000_000))).toBe('000201ee6b2800');
});

test.each([
  [1, 2, 'Message Header Error / Bad Message Length'],
  [2, 0, 'OPEN Message Error / Unspecific'],
  [2, 11, 'OPEN Message Error / Role Mismatch'],
  [3, 11, 'UPDATE Message Error / Malformed AS_PATH'],
  [4, 0, 'Hold Timer Expired'],
  [5, 3, 'Finite State Machine Error / Receive Unexpected Message in Established State'],
  [6, 2, 'Cease / Administrative Shutdown'],
  [6, 7, 'Cease / Connection Collision Resolution'],
  [6, 10, 'Cease / BFD Down'],
  [6, 99, 'Cease / subcode 99'],
  [7, 1, 'ROUTE-REFRESH Message Error / Invalid Message Length'],
  [8, 0, 'Send Hold Timer Expired'],
  [0, 0, 'error 0 / 0'],
  [77, 3, 'error 77 / 3'],
])('%i/%i is %s', (code, subcode, name) => expect(notificationName(code, subcode)).toBe(name));

test('RFC 4271 §4.5: code, subcode, data', () => {
  expect(decode('03 05 abcd')).toEqual({
    type: 'notification',
    code: 3,
    subcode: 5,
    data: hex('abcd'),
  });
  expect(toHex(encodeNotification(3, 5, hex('abcd')).subarray(16))).toBe('0017030305abcd');
  expect(toHex(encodeNotification(4, 0).subarray(16))).toBe('0015030400');
});

test('data that exceeds the message is cut, not refused', () => {
  expect(encodeNotification(3, 1, new Uint8Array(9000))).toHaveLength(4096);
});

describe('RFC 9003: shutdown communication', () => {
  test.each([
    ['shutdown', `06 02 05 ${hexOf('hello')}`, 'hello'],
    ['reset', `06 04 05 ${hexOf('hello')}`, 'hello'],
    ['UTF-8', `06 02 0f ${hexOf('Вечерня')} 20`, 'Вечерня '],
    ['no data', '06 02', undefined],
    ['length 0', '06 02 00', undefined],
    ['longer than the data: shown raw', '06 02 05 6869', undefined],
    ['not UTF-8: shown raw', '06 02 02 c328', undefined],
    ['another Cease', '06 03 02 6869', undefined],
    ['another error', '03 02 02 6869', undefined],
    ['octets behind the text are not the text', '06 02 02 6869 21', 'hi'],
  ])('%s', (_, body, text) => expect(shutdownCommunication(decode(body))).toBe(text));

  test('written, cut at a whole character', () => {
    expect(toHex(encodeShutdownCommunication('hi'))).toBe('026869');
    const cut = encodeShutdownCommunication('€'.repeat(100));
    expect(cut[0]).toBe(255);
    expect(cut).toHaveLength(256);
    const odd = encodeShutdownCommunication(`a${'€'.repeat(100)}`);
    expect(odd[0]).toBe(253);
    expect(shutdownCommunication({ code: 6, subcode: 2, data: odd })).toBe(`a${'€'.repeat(84)}`);
  });
});

test('RFC 8538 §3.1: a hard reset wraps the reason', () => {
  expect(hardResetReason(decode('06 09 04 00 aa'))).toEqual({
    type: 'notification',
    code: 4,
    subcode: 0,
    data: hex('aa'),
  });
  expect(hardResetReason(decode('06 09 04'))).toBeUndefined();
  expect(hardResetReason(decode('06 02 04 00'))).toBeUndefined();
});

describe('ROUTE-REFRESH', () => {
  test.each([
    ['RFC 2918: request', '0001 00 01', { afi: 1, safi: 1, subtype: 0 }],
    ['RFC 7313: begin', '0002 01 01', { afi: 2, safi: 1, subtype: 1 }],
    ['RFC 7313: end', '0002 02 01', { afi: 2, safi: 1, subtype: 2 }],
    ['another subtype is left to who ignores it', '0002 07 01', { subtype: 7 }],
    ['RFC 5291: filters behind a request are not read', '0001 00 01 01 80 0001 80', { subtype: 0 }],
  ])('%s', (_, body, expected) => {
    const decoded = decodeMessage(message(5, hex(body)), IBGP);
    expect(decoded).toMatchObject({ message: expected });
  });

  test('RFC 7313 §5: a mark of another length, data is the message', () => {
    const bytes = message(5, hex('0001 01 01 00'));
    expect(decodeMessage(bytes, IBGP)).toMatchObject({
      error: { code: 7, subcode: 1, data: bytes },
    });
  });

  test('written', () => {
    expect(toHex(encodeRouteRefresh(2, 1).subarray(16))).toBe('00170500020001');
    expect(toHex(encodeRouteRefresh(1, 1, 2).subarray(16))).toBe('00170500010201');
  });
});

test('decodeMessage takes one whole message', () => {
  for (const bytes of [
    new Uint8Array(0),
    message(4, hex('')).subarray(0, 18),
    Uint8Array.from([...message(4, hex('')), 0]),
    message(3, hex('0602')).subarray(0, 20),
  ]) {
    expect(decodeMessage(bytes, IBGP)).toHaveProperty('error.code', 1);
  }
  expect(messageTypeName(3)).toBe('NOTIFICATION');
  expect(messageTypeName(9)).toBe('type 9');
});

function hexOf(text: string): string {
  return toHex(new TextEncoder().encode(text));
}
