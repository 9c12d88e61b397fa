import { type ControlPacket, decodePacket, encodePacket } from '../../../bgp/bfd/packet.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** Version 1, no diagnostic, Up, multiplier 3, 24 bytes. */
const UP = '20 c0 03 18 00000001 00000002 000493e0 000493e0 00000000';

describe('the control packet (RFC 5880 §4.1)', () => {
  const packet: ControlPacket = {
    diag: 0,
    state: 'Up',
    poll: false,
    final: false,
    demand: false,
    detectMult: 3,
    myDiscriminator: 1,
    yourDiscriminator: 2,
    desiredMinTxUs: 300_000,
    requiredMinRxUs: 300_000,
    requiredMinEchoRxUs: 0,
  };
  test('is read', () => expect(decodePacket(bytes(UP))).toEqual(packet));
  test('is written', () => expect(encodePacket(packet)).toEqual(bytes(UP)));
  test.each([
    ['AdminDown, diagnostic 7', '27 00', { state: 'AdminDown', diag: 7 }],
    ['Down, Poll', '20 60', { state: 'Down', poll: true }],
    ['Init, Final', '20 90', { state: 'Init', final: true }],
    ['Up, Demand', '20 c2', { state: 'Up', demand: true }],
    ['Up, control plane independent (ignored)', '20 c8', { state: 'Up' }],
  ])('%s', (_, start, fields) =>
    expect(decodePacket(bytes(start + UP.slice(5)))).toEqual({ ...packet, ...fields }),
  );
  test('more bytes than its length says are ignored', () =>
    expect(decodePacket(bytes(`${UP} ffff`))).toEqual(packet));
});

describe('what is dropped (RFC 5880 §6.8.6)', () => {
  test.each([
    ['version 0', `00${UP.slice(2)}`, 'version'],
    ['version 2', `40${UP.slice(2)}`, 'version'],
    ['length 23', UP.replace('18', '17'), 'length'],
    ['length 25 with the A bit', `${UP.replace('c0 03 18', 'c4 03 19')} 00`, 'length'],
    ['length more than the payload', UP.replace('18', '19'), 'length'],
    ['a payload of 23 bytes', UP.slice(0, -2), 'length'],
    ['an empty payload', '', 'length'],
    ['multiplier 0', UP.replace('03', '00'), 'detect multiplier'],
    ['the M bit', UP.replace('c0', 'c1'), 'multipoint'],
    ['My Discriminator 0', UP.replace('00000001', '00000000'), 'my discriminator'],
    ['Up without Your Discriminator', UP.replace('00000002', '00000000'), 'your discriminator'],
    [
      'Init without Your Discriminator',
      UP.replace('00000002', '00000000').replace('c0', '80'),
      'your discriminator',
    ],
    ['authentication', `${UP.replace('c0 03 18', 'c4 03 1a')} 0102`, 'authentication'],
  ])('%s', (_, hex, fault) => expect(decodePacket(bytes(hex))).toBe(fault));
});
