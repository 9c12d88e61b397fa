import {
  type Capability,
  capabilityName,
  decodeMessage,
  encodeOpen,
  type Open,
} from 'bgp-parser-ts';
import { hex, IBGP, message, toHex } from './wire.ts';

/** Version 4, AS 65001, hold time 90 s, 192.0.2.1. */
const FIXED = '04 fde9 005a c0000201';

function decode(body: string): Open | string {
  const decoded = decodeMessage(message(1, hex(body)), IBGP);
  if ('error' in decoded) {
    const { code, subcode, data } = decoded.error;
    return `${code}/${subcode} ${toHex(data)}`.trim();
  }
  return decoded.message as Open;
}

/** Capabilities in one optional parameter. */
function withCapabilities(capabilities: string): string {
  const length = hex(capabilities).length;
  const octet = (n: number) => n.toString(16).padStart(2, '0');
  return `${FIXED} ${octet(length + 2)} 02 ${octet(length)} ${capabilities}`;
}

describe('RFC 4271 §6.2: OPEN', () => {
  test('without parameters', () => {
    expect(decode(`${FIXED} 00`)).toEqual({
      type: 'open',
      as: 65001,
      holdTime: 90,
      routerId: 0xc0000201,
      capabilities: [],
    });
  });

  test.each([
    ['version 3: the data names ours', `03 fde9 005a c0000201 00`, '2/1 0004'],
    ['AS 0 (RFC 7607 §2)', `04 0000 005a c0000201 00`, '2/2'],
    ['AS 0 in capability 65', withCapabilities('41 04 00000000'), '2/2'],
    ['hold time 1', `04 fde9 0001 c0000201 00`, '2/6'],
    ['hold time 2', `04 fde9 0002 c0000201 00`, '2/6'],
    ['identifier 0 (RFC 6286 §2.1)', `04 fde9 005a 00000000 00`, '2/3'],
    ['unknown parameter', `${FIXED} 03 07 01 00`, '2/4'],
    ['parameters longer than the message', `${FIXED} 05 02 00`, '2/0'],
    ['parameters shorter than the message', `${FIXED} 02 02 00 00`, '2/0'],
    ['parameter of one octet', `${FIXED} 01 02`, '2/0'],
    ['parameter longer than the parameters', `${FIXED} 04 02 05 41 04`, '2/0'],
    ['capability of one octet', `${FIXED} 03 02 01 41`, '2/0'],
    ['capability longer than the parameter', `${FIXED} 05 02 03 41 04 00`, '2/0'],
    ['octets after no parameters', `${FIXED} 00 00`, '2/0'],
  ])('%s', (_, body, expected) => expect(decode(body)).toBe(expected));

  test.each([
    ['hold time 0', '04 fde9 0000 c0000201 00', { holdTime: 0 }],
    ['hold time 3', '04 fde9 0003 c0000201 00', { holdTime: 3 }],
    [
      'RFC 6793: the AS number of capability 65',
      `04 5ba0 005a c0000201 08 02 06 41 04 00011170`,
      { as: 70000 },
    ],
  ])('%s', (_, body, expected) => expect(decode(body)).toMatchObject(expected));
});

const CAPABILITIES: readonly (readonly [string, string, Capability])[] = [
  ['1 RFC 4760', '01 04 0002 00 01', { kind: 'multiprotocol', afi: 2, safi: 1 }],
  ['2 RFC 2918', '02 00', { kind: 'route-refresh' }],
  [
    '5 RFC 8950',
    '05 06 0001 0001 0002',
    { kind: 'extended-next-hop', families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
  ],
  ['6 RFC 8654', '06 00', { kind: 'extended-message' }],
  ['9 RFC 9234', '09 01 03', { kind: 'role', role: 3 }],
  [
    '64 RFC 4724, R and N',
    '40 0a c078 0001 01 80 0002 01 00',
    {
      kind: 'graceful-restart',
      restarted: true,
      notification: true,
      restartTime: 120,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: false },
      ],
    },
  ],
  [
    '64 without families: helper only',
    '40 02 0fff',
    {
      kind: 'graceful-restart',
      restarted: false,
      notification: false,
      restartTime: 4095,
      families: [],
    },
  ],
  ['65 RFC 6793', '41 04 ffffffff', { kind: 'four-octet-as', as: 0xffffffff }],
  [
    '69 RFC 7911',
    '45 0c 0001 01 01 0002 01 02 0001 04 03',
    {
      kind: 'add-path',
      families: [
        { afi: 1, safi: 1, receive: true, send: false },
        { afi: 2, safi: 1, receive: false, send: true },
        { afi: 1, safi: 4, receive: true, send: true },
      ],
    },
  ],
  [
    '69 with Send/Receive 4 is not understood (RFC 7911 §4)',
    '45 04 0001 01 04',
    { kind: 'unknown', code: 69, value: hex('0001 01 04') },
  ],
  ['70 RFC 7313', '46 00', { kind: 'enhanced-route-refresh' }],
  [
    '71 RFC 9494',
    '47 07 0001 01 80 015180',
    {
      kind: 'long-lived-graceful-restart',
      families: [{ afi: 1, safi: 1, forwarding: true, staleTime: 86400 }],
    },
  ],
  ['73', '49 05 02 6e31 01 78', { kind: 'fqdn', hostName: 'n1', domainName: 'x' }],
  ['73 with empty names', '49 02 00 00', { kind: 'fqdn', hostName: '', domainName: '' }],
  ['unknown ones stay raw', 'ef 03 010203', { kind: 'unknown', code: 239, value: hex('010203') }],
  [
    'GoBGP CVE-2025-43971: software version of no octets',
    '4b 00',
    { kind: 'unknown', code: 75, value: hex('') },
  ],
];

describe('capabilities (RFC 5492)', () => {
  test.each(CAPABILITIES)('%s', (_, bytes, expected) => {
    expect(decode(withCapabilities(bytes))).toMatchObject({ capabilities: [expected] });
  });

  test.each(CAPABILITIES)('%s: written as it was read', (_, bytes, capability) => {
    const open = encodeOpen({ as: 1, holdTime: 90, routerId: 1, capabilities: [capability] });
    expect(toHex(open.subarray(29 + 2))).toBe(toHex(hex(bytes)));
  });

  test.each([
    ['1 of 3 octets', '01 03 0002 00'],
    ['2 with a value', '02 01 00'],
    ['5 of 5 octets', '05 05 0001 0001 00'],
    ['6 with a value', '06 01 00'],
    ['9 without a value', '09 00'],
    ['64 of 1 octet', '40 01 c0'],
    ['64 with half a family', '40 04 c078 0001'],
    ['65 of 2 octets', '41 02 fde9'],
    ['69 of 3 octets', '45 03 0001 01'],
    ['70 with a value', '46 01 00'],
    ['71 of 6 octets', '47 06 0001 01 80 0151'],
    ['73 of 1 octet', '49 01 00'],
    ['73: the host name exceeds the value', '49 03 05 6e 31'],
    ['73: the host name leaves no domain name', '49 03 02 6e 31'],
    ['73: the domain name exceeds the value', '49 03 00 05 6e'],
    ['73: octets after the domain name', '49 03 00 00 6e'],
  ])('malformed: %s', (_, bytes) => expect(decode(withCapabilities(bytes))).toBe('2/0'));

  test('several in several parameters, repeats kept, in order', () => {
    const body = `${FIXED} 0e 02 06 41 04 0000fde9 02 04 02 00 02 00`;
    const { capabilities } = decode(body) as Open;
    expect(capabilities.map(({ kind }) => kind)).toEqual([
      'four-octet-as',
      'route-refresh',
      'route-refresh',
    ]);
    expect(capabilityName(capabilities[1]!)).toBe('Route Refresh');
    expect(capabilityName({ kind: 'unknown', code: 75, value: hex('') })).toBe('capability 75');
  });

  test('every cut of an OPEN is an error or an OPEN, never a throw', () => {
    const all = CAPABILITIES.map(([, bytes]) => bytes).join(' ');
    const whole = hex(withCapabilities(all));
    for (let length = 10; length < whole.length; length++) {
      const cut = decodeMessage(message(1, whole.subarray(0, length)), IBGP);
      expect(cut).toHaveProperty('error.subcode', 0);
    }
  });
});

describe('RFC 9072: extended optional parameters', () => {
  test('read', () => {
    const body = `${FIXED} ff ff 0009 02 0006 41 04 00011170`;
    expect(decode(body)).toMatchObject({ as: 70000 });
  });

  test('§2: the type tells, whatever the old length says', () => {
    expect(decode(`${FIXED} 01 ff 0009 02 0006 41 04 00011170`)).toMatchObject({ as: 70000 });
  });

  test.each([
    ['length 0 means no parameters', `${FIXED} 00 ff 0000`, '2/0'],
    ['the length itself is cut', `${FIXED} ff ff 00`, '2/0'],
    ['shorter than it says', `${FIXED} ff ff 000a 02 0006 41 04 00011170`, '2/0'],
    ['a parameter is cut', `${FIXED} ff ff 0002 02 00`, '2/0'],
    ['a parameter exceeds them', `${FIXED} ff ff 0009 02 0007 41 04 00011170`, '2/0'],
    ['unknown parameter', `${FIXED} ff ff 0003 07 0000`, '2/4'],
  ])('%s', (_, body, expected) => expect(decode(body)).toBe(expected));

  test('written only where 255 octets do not suffice', () => {
    const unknown = (length: number): Capability => ({
      kind: 'unknown',
      code: 200,
      value: new Uint8Array(length),
    });
    const terms = { as: 70000, holdTime: 90, routerId: 1 };
    // 253 octets of capabilities and the parameter's two make 255.
    const short = encodeOpen({ ...terms, capabilities: [unknown(251)] });
    expect(toHex(short.subarray(28, 31))).toBe('ff02fd');
    const long = encodeOpen({ ...terms, capabilities: [unknown(250), { kind: 'route-refresh' }] });
    expect(toHex(long.subarray(28, 35))).toBe('ffff010102' + '00fe');
    for (const bytes of [short, long]) {
      expect(decodeMessage(bytes, IBGP)).toHaveProperty('message.type', 'open');
    }
  });
});

describe('encodeOpen', () => {
  const terms = { as: 65001, holdTime: 90, routerId: 1, capabilities: [] };

  test('AS_TRANS where two octets do not suffice, RFC 6793 §4.1', () => {
    expect(toHex(encodeOpen({ ...terms, as: 65536 }).subarray(19, 22))).toBe('045ba0');
    expect(toHex(encodeOpen({ ...terms, as: 65535 }).subarray(19, 22))).toBe('04ffff');
  });

  test.each([
    [{ as: 0 }, 'AS number'],
    [{ as: 2 ** 32 }, 'AS number'],
    [{ holdTime: 2 }, 'hold time 2'],
    [{ holdTime: 65536 }, 'hold time 65536'],
    [{ routerId: 0 }, 'router id 0'],
    [{ routerId: 1.5 }, 'router id 1.5'],
  ])('refuses %j', (change, text) => {
    expect(() => encodeOpen({ ...terms, ...change })).toThrow(text);
  });

  test('fills a message to the last octet', () => {
    const one = (length: number): Capability => ({
      kind: 'unknown',
      code: 200,
      value: new Uint8Array(length),
    });
    // 29 octets, RFC 9072's 3, the parameter's 3; 15 × 257 of capabilities, and one of 206.
    const capabilities = [...new Array(15).fill(one(255)), one(204)];
    expect(encodeOpen({ ...terms, capabilities })).toHaveLength(4096);
    const more = [...capabilities.slice(0, -1), one(205)];
    expect(() => encodeOpen({ ...terms, capabilities: more })).toThrow('4096');
  });

  test('refuses what no message holds', () => {
    const one: Capability = { kind: 'unknown', code: 200, value: new Uint8Array(250) };
    expect(() => encodeOpen({ ...terms, capabilities: new Array(17).fill(one) })).toThrow('4096');
    const long: Capability = { kind: 'unknown', code: 200, value: new Uint8Array(256) };
    expect(() => encodeOpen({ ...terms, capabilities: [long] })).toThrow('255');
  });

  test('a long host name is cut at a character', () => {
    const fqdn: Capability = { kind: 'fqdn', hostName: 'é'.repeat(200), domainName: 'x' };
    const decoded = decodeMessage(encodeOpen({ ...terms, capabilities: [fqdn] }), IBGP);
    expect(decoded).toHaveProperty('message.capabilities.0.hostName', 'é'.repeat(63));
  });
});
