import {
  decodePdu,
  errorReport,
  type Pdu,
  type PduError,
  pduLength,
  resetQuery,
  serialQuery,
} from '../../../bgp/rpki/pdu.ts';
import { PduReader } from '../../../bgp/rpki/pdu-reader.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function decode(text: string): Pdu | PduError {
  const bytes = hex(text);
  return decodePdu(bytes, 0, bytes.length);
}

const ipv4 = {
  type: 'Prefix',
  announces: true,
  family: 4,
  w0: 0xc0000200,
  w1: 0,
  w2: 0,
  w3: 0,
  length: 24,
  maxLength: 26,
  as: 65001,
};

describe('what a cache sends', () => {
  test.each<[string, string, object]>([
    [
      '§5.2 Serial Notify',
      '01 00 1234 0000000c 00000007',
      { type: 'Serial Notify', sessionId: 0x1234, serial: 7 },
    ],
    ['§5.5 Cache Response', '01 03 1234 00000008', { type: 'Cache Response', sessionId: 0x1234 }],
    ['§5.6 IPv4 Prefix', '01 04 0000 00000014 01 18 1a 00 c0000200 0000fde9', ipv4],
    [
      '§5.6 IPv4 Prefix, withdrawn',
      '01 04 0000 00000014 00 18 1a 00 c0000200 0000fde9',
      { ...ipv4, announces: false },
    ],
    [
      '§5.6 a default route',
      '00 04 0000 00000014 01 00 20 00 00000000 00000000',
      { ...ipv4, w0: 0, length: 0, maxLength: 32, as: 0 },
    ],
    [
      '§5.7 IPv6 Prefix',
      '01 06 0000 00000020 01 30 30 00 20010db8 00010000 00000000 00000000 ffffffff',
      {
        ...ipv4,
        family: 6,
        w0: 0x20010db8,
        w1: 0x10000,
        length: 48,
        maxLength: 48,
        as: 0xffffffff,
      },
    ],
    [
      '§5.8 End of Data with intervals',
      '01 07 1234 00000018 00000007 00000e10 00000258 00001c20',
      {
        type: 'End of Data',
        sessionId: 0x1234,
        serial: 7,
        intervals: { refreshSec: 3600, retrySec: 600, expireSec: 7200 },
      },
    ],
    [
      'RFC 6810 §5.7 End of Data without',
      '00 07 1234 0000000c 00000007',
      { type: 'End of Data', sessionId: 0x1234, serial: 7, intervals: undefined },
    ],
    ['§5.9 Cache Reset', '01 08 0000 00000008', { type: 'Cache Reset' }],
    ['§5.10 Router Key', '01 09 0100 0000000c 00000000', { type: 'Router Key' }],
    [
      '§5.11 Error Report about a PDU',
      '01 0a 0003 0000001a 00000008 0102000000000008 00000002 6e6f',
      { type: 'Error Report', code: 3, text: 'no' },
    ],
    ['§5.11 … cut short', '01 0a 0002 00000008', { type: 'Error Report', code: 2, text: '' }],
    [
      '§5.11 … whose lengths say too much',
      '01 0a 0002 00000010 ffffffff ffffffff',
      { type: 'Error Report', code: 2, text: '' },
    ],
  ])('%s', (_, bytes, pdu) => expect(decode(bytes)).toEqual(pdu));

  test.each<[string, string, object]>([
    ['a length too short', '01 04 0000 00000010 01 18 1a 00 c0000200', { code: 0 }],
    ['End of Data of the other version', '01 07 1234 0000000c 00000007', { code: 0 }],
    [
      'maximum length below the length',
      '01 04 0000 00000014 01 18 17 00 c0000200 00000001',
      { code: 0 },
    ],
    ['maximum length above 32', '01 04 0000 00000014 01 18 21 00 c0000200 00000001', { code: 0 }],
    ['bits beyond the length', '01 04 0000 00000014 01 18 18 00 c0000201 00000001', { code: 0 }],
    [
      'bits beyond the length, IPv6',
      '01 06 0000 00000020 01 40 40 00 20010db8 00000000 00000000 00000001 00000001',
      { code: 0 },
    ],
    ['a type that no one knows', '01 0b 0000 00000008', { code: 5 }],
    ['a router key in version 0', '00 09 0000 00000008', { code: 5 }],
    ['a question, which is ours to ask', '01 02 0000 00000008', { code: 5 }],
  ])('malformed: %s', (_, bytes, error) => {
    const found = decode(bytes);
    expect(found).toMatchObject(error);
    expect(found).not.toHaveProperty('type');
  });
});

test('what we send', () => {
  const sent = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  expect(sent(resetQuery(1))).toBe('0102000000000008');
  expect(sent(serialQuery(0, 0x1234, 7))).toBe('000112340000000c00000007');
  const error = { code: 5, text: 'no' };
  const report = errorReport(1, error, hex('010b000000000008'));
  expect(sent(report)).toBe('010a00050000001a00000008010b000000000008000000026e6f');
});

describe('the stream', () => {
  test.each([
    ['a header that is not all there', '01 03 1234 000000', 0],
    ['a length below the header’s', '01 03 1234 00000007', { code: 0 }],
    ['a length beyond all bounds', '01 0a 1234 00010001', { code: 0 }],
  ])('%s', (_, text, expected) => {
    const bytes = hex(text);
    expect(pduLength(bytes, 0, bytes.length)).toEqual(
      typeof expected === 'object' ? expect.objectContaining(expected) : expected,
    );
  });

  test('PDUs come out whole, however they were cut', () => {
    const prefix = '01 04 0000 00000014 01 18 1a 00 c0000200 0000fde9';
    const long = `01 0a 0001 0000fff0 0000ffe0 ${'00'.repeat(0xffe0)} 00000000`;
    const bytes = hex([prefix, long, prefix, long, prefix].join(' '));
    for (const size of [1, 7, 1000, 65_536, bytes.length]) {
      const reader = new PduReader();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        reader.push(bytes.subarray(at, at + size));
        for (let pdu = reader.next(); pdu; pdu = reader.next()) {
          found.push('type' in pdu ? `${pdu.type} ${reader.bytes.length}` : pdu.text);
        }
      }
      const once = ['Prefix 20', 'Error Report 65520'];
      expect(found).toEqual([...once, ...once, 'Prefix 20']);
      expect(reader.unread).toBe(0);
    }
  });
});
