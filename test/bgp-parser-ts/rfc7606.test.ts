import type { WireContext } from 'bgp-parser-ts';
import { canonicalHex, see } from './outcome.ts';
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

/** 65001, as a 2-octet speaker has it. */
const OLD_PATH = '40 02 04 02 01 fde9';

/** The well-formed attributes of a message in which `code` is the broken one. */
function others(code: number, context: WireContext): string[] {
  const path = context.as4 ? AS_PATH : OLD_PATH;
  return [
    [1, ORIGIN] as const,
    [2, path] as const,
    [3, NEXT_HOP] as const,
    [4, MED] as const,
    [8, COMMUNITIES] as const,
  ]
    .filter(([one]) => one !== code)
    .map(([, attribute]) => attribute);
}

type Row = readonly [name: string, context: WireContext, attribute: string];

const WITHDRAWS: readonly Row[] = [
  ['§7.1 ORIGIN of 0 octets', IBGP, '40 01 00'],
  ['§7.1 ORIGIN of 2 octets', IBGP, '40 01 02 0000'],
  ['§7.1 ORIGIN 3', IBGP, '40 01 01 03'],
  ['§3.c ORIGIN marked optional', IBGP, 'c0 01 01 00'],
  ['§3.c ORIGIN marked non-transitive', IBGP, '00 01 01 00'],
  ['§7.2 AS_PATH: unknown segment type', IBGP, '40 02 06 05 01 0000fde9'],
  ['§7.2 AS_PATH: segment type 0', IBGP, '40 02 06 00 01 0000fde9'],
  ['§7.2 AS_PATH: overrun', IBGP, '40 02 06 02 02 0000fde9'],
  ['§7.2 AS_PATH: a single octet is left', IBGP, '40 02 07 02 01 0000fde9 02'],
  ['§7.2 AS_PATH: segment of length 0', IBGP, '40 02 08 02 01 0000fde9 02 00'],
  ['§7.2 AS_PATH: overrun of 2-octet numbers', OLD, '40 02 04 02 02 fde9'],
  ['§7.2 AS_PATH: 4-octet numbers from a 2-octet speaker', OLD, '40 02 06 02 01 0000fde9'],
  ['RFC 7607 §2: AS 0 in AS_PATH', IBGP, '40 02 0a 02 02 0000fde9 00000000'],
  ['RFC 7607 §2: AS 0 in AS_PATH of 2 octets', OLD, '40 02 06 02 02 fde9 0000'],
  ['RFC 5065 §5: AS_CONFED_SEQUENCE from outside', EBGP, '40 02 06 03 01 0000fde9'],
  ['RFC 5065 §5: AS_CONFED_SET from outside', EBGP, '40 02 06 04 01 0000fde9'],
  ['§3.c AS_PATH marked optional', IBGP, 'c0 02 06 02 01 0000fde9'],
  ['§7.3 NEXT_HOP of 0 octets', IBGP, '40 03 00'],
  ['§7.3 NEXT_HOP of 3 octets', IBGP, '40 03 03 c00002'],
  ['§7.3 NEXT_HOP of 16 octets', IBGP, `40 03 10 ${'20'.repeat(16)}`],
  ['RFC 4271 §6.3 NEXT_HOP 0.0.0.0', IBGP, '40 03 04 00000000'],
  ['RFC 4271 §6.3 NEXT_HOP 224.0.0.1', IBGP, '40 03 04 e0000001'],
  ['RFC 4271 §6.3 NEXT_HOP 255.255.255.255', IBGP, '40 03 04 ffffffff'],
  ['§3.c NEXT_HOP marked optional', IBGP, 'c0 03 04 c0000201'],
  ['§7.4 MED of 0 octets', IBGP, '80 04 00'],
  ['§7.4 MED of 3 octets', IBGP, '80 04 03 000000'],
  ['§7.4 MED of 5 octets', IBGP, '80 04 05 0000000000'],
  ['§3.c MED marked transitive', IBGP, 'c0 04 04 00000000'],
  ['§7.5 LOCAL_PREF of 3 octets from inside', IBGP, '40 05 03 000000'],
  ['§7.5 LOCAL_PREF of 0 octets from inside', IBGP, '40 05 00'],
  ['§3.c LOCAL_PREF marked optional', IBGP, 'c0 05 04 00000064'],
  ['§3.c ATOMIC_AGGREGATE marked optional', IBGP, 'c0 06 00'],
  ['§3.c AGGREGATOR marked non-transitive', IBGP, '80 07 08 0000fde9 c0000201'],
  ['§7.8 COMMUNITIES of 0 octets', IBGP, 'c0 08 00'],
  ['§7.8 COMMUNITIES of 5 octets', IBGP, 'c0 08 05 fde9000100'],
  ['§3.c COMMUNITIES marked non-transitive', IBGP, '80 08 04 fde90001'],
  ['§7.9 ORIGINATOR_ID of 3 octets from inside', IBGP, '80 09 03 c00002'],
  ['§7.10 CLUSTER_LIST of 0 octets from inside', IBGP, '80 0a 00'],
  ['§7.10 CLUSTER_LIST of 6 octets from inside', IBGP, '80 0a 06 c00002010000'],
  ['§7.14 EXTENDED COMMUNITIES of 0 octets', IBGP, 'c0 10 00'],
  ['§7.14 EXTENDED COMMUNITIES of 12 octets', IBGP, 'c0 10 0c 0002fde9000000010002fde9'],
  ['RFC 8092 §6 LARGE COMMUNITIES of 0 octets', IBGP, 'c0 20 00'],
  ['RFC 8092 §6 LARGE COMMUNITIES of 8 octets', IBGP, 'c0 20 08 0000fde900000001'],
  ['RFC 9234 §5 OTC of 3 octets', EBGP, 'c0 23 03 00fde9'],
  ['RFC 9234 §5 OTC of 8 octets', EBGP, 'c0 23 08 0000fde90000fde9'],
];

const DISCARDS: readonly Row[] = [
  ['§7.5 LOCAL_PREF from outside', EBGP, LOCAL_PREF],
  ['§7.5 LOCAL_PREF of 3 octets from outside', EBGP, '40 05 03 000000'],
  ['§7.6 ATOMIC_AGGREGATE of 1 octet', IBGP, '40 06 01 00'],
  ['§7.7 AGGREGATOR of 6 octets between 4-octet speakers', IBGP, 'c0 07 06 fde9 c0000201'],
  ['§7.7 AGGREGATOR of 8 octets from a 2-octet speaker', OLD, 'c0 07 08 0000fde9 c0000201'],
  ['§7.7 AGGREGATOR of 0 octets', IBGP, 'c0 07 00'],
  ['RFC 7607 §2: AS 0 in AGGREGATOR', IBGP, 'c0 07 08 00000000 c0000201'],
  ['RFC 7607 §2: AS 0 in AGGREGATOR of 2 octets', OLD, 'c0 07 06 0000 c0000201'],
  ['§7.9 ORIGINATOR_ID from outside', EBGP, '80 09 04 c0000201'],
  ['§7.9 ORIGINATOR_ID of 3 octets from outside', EBGP, '80 09 03 c00002'],
  ['§7.10 CLUSTER_LIST from outside', EBGP, '80 0a 04 c0000201'],
  ['RFC 6793 §4.1 AS4_PATH from a 4-octet speaker', EBGP, 'c0 11 06 02 01 00011170'],
  ['RFC 6793 §4.1 AS4_AGGREGATOR from a 4-octet speaker', EBGP, 'c0 12 08 00011170 c0000201'],
  ['RFC 6793 §6 AS4_PATH of 0 octets', OLD, 'c0 11 00'],
  ['RFC 6793 §6 AS4_PATH below 6 octets', OLD, 'c0 11 04 02 01 fde9'],
  ['RFC 6793 §6 AS4_PATH of odd length', OLD, 'c0 11 07 02 01 00011170 00'],
  ['RFC 6793 §6 AS4_PATH: segment of length 0', OLD, 'c0 11 08 02 01 00011170 02 00'],
  ['RFC 6793 §6 AS4_PATH: overrun', OLD, 'c0 11 06 02 02 00011170'],
  ['RFC 6793 §6 AS4_PATH: unknown segment type', OLD, 'c0 11 06 07 01 00011170'],
  ['RFC 7607 §2: AS 0 in AS4_PATH', OLD, 'c0 11 06 02 01 00000000'],
  ['RFC 6793 §6 AS4_AGGREGATOR of 6 octets', OLD, 'c0 12 06 fde9 c0000201'],
  ['RFC 7607 §2: AS 0 in AS4_AGGREGATOR', OLD, 'c0 12 08 00000000 c0000201'],
];

const RESETS: readonly Row[] = [
  ['§3.c and §5.3 MP_REACH_NLRI marked well-known', IBGP, MP_REACH.replace('80', '00')],
  ['§3.c and §5.3 MP_REACH_NLRI marked transitive', IBGP, MP_REACH.replace('80', 'c0')],
  ['§5.3 MP_UNREACH_NLRI marked transitive', IBGP, MP_UNREACH.replace('80', 'c0')],
  ['§5.3 MP_REACH_NLRI of 0 octets', IBGP, '80 0e 00'],
  ['§5.3 MP_REACH_NLRI of 4 octets', IBGP, '80 0e 04 0002 01 00'],
  ['§5.3 MP_UNREACH_NLRI of 0 octets', IBGP, '80 0f 00'],
  ['§5.3 MP_UNREACH_NLRI of 2 octets', IBGP, '80 0f 02 0002'],
  ['§7.11 next hop longer than the attribute', IBGP, '80 0e 09 0002 01 10 2001 0db8 00'],
  [
    '§7.11 next hop up to the end: no reserved octet',
    IBGP,
    `80 0e 14 0002 01 10 ${'20'.repeat(16)}`,
  ],
  ['§7.11 IPv6 next hop of 4 octets', IBGP, '80 0e 0e 0002 01 04 c0000201 00 20 20010db8'],
  ['§7.11 IPv6 next hop of 0 octets', IBGP, '80 0e 0a 0002 01 00 00 20 20010db8'],
  [
    '§7.11 IPv6 next hop of 24 octets',
    IBGP,
    `80 0e 22 0002 01 18 ${'20'.repeat(24)} 00 20 20010db8`,
  ],
  [
    '§7.11 IPv4 next hop of 16 octets, RFC 8950 not negotiated',
    IBGP,
    `80 0e 18 0001 01 10 ${'20'.repeat(16)} 00 10 0a01`,
  ],
  [
    '§5.3 IPv6 prefix of 129 bits',
    IBGP,
    `80 0e 26 0002 01 10 ${'20'.repeat(16)} 00 81 ${'20'.repeat(16)}`,
  ],
  ['§5.3 IPv4 prefix of 33 bits in MP_UNREACH_NLRI', IBGP, '80 0f 09 0001 01 21 0a00000000'],
  [
    '§5.3 prefix exceeds MP_REACH_NLRI',
    IBGP,
    `80 0e 19 0002 01 10 ${'20'.repeat(16)} 00 20 20010d`,
  ],
  ['§5.3 prefix exceeds MP_UNREACH_NLRI', IBGP, '80 0f 09 0002 01 30 20010db800'],
  ['§3.g MP_REACH_NLRI twice', IBGP, `${MP_REACH} ${MP_REACH}`],
  ['§3.g MP_UNREACH_NLRI twice', IBGP, `${MP_UNREACH} ${MP_UNREACH}`],
  [
    '§3.g MP_REACH_NLRI twice, of a family that is ignored',
    IBGP,
    '80 0e 05 0019 41 00 00 80 0e 05 0019 41 00 00',
  ],
  ['RFC 4271 §6.3 unknown well-known attribute', IBGP, '40 63 01 00'],
];

/** All places that the broken attribute can have among the others. */
function places(row: Row): string[] {
  const [, context, attribute] = row;
  const rest = others(hex(attribute)[1]!, context);
  return rest
    .map((_, at) => [...rest.slice(0, at), attribute, ...rest.slice(at)].join(' '))
    .concat([...rest, attribute].join(' '));
}

describe('RFC 7606: treat-as-withdraw', () => {
  test.each(WITHDRAWS)('%s', (...row) => {
    for (const attributes of places(row)) {
      const seen = see(update('10 0a01', attributes, PREFIX), row[1]);
      expect(seen.outcome).toBe('treat-as-withdraw');
      expect(seen.withdrawn).toEqual(['10.1.0.0/16', '198.51.100.0/24']);
      expect(seen.announced).toEqual([]);
      expect(seen.errors).toHaveLength(1);
    }
  });

  test.each(WITHDRAWS.filter(([, context]) => context.as4))(
    '%s: what MP_REACH_NLRI announces is withdrawn too',
    (_, context, attribute) => {
      const isNextHop = hex(attribute)[1] === 3;
      for (const attributes of [`${MP_REACH} ${attribute}`, `${attribute} ${MP_REACH}`]) {
        const all = `${others(hex(attribute)[1]!, context).join(' ')} ${attributes}`;
        const seen = see(update('', all, ''), context);
        // NEXT_HOP means nothing there, see below; but its flags do.
        const isIgnored = isNextHop && hex(attribute)[0] === 0x40;
        expect(seen.outcome).toBe(isIgnored ? 'attribute-discard' : 'treat-as-withdraw');
        expect(isIgnored ? seen.announced : seen.withdrawn).toEqual(['2001:db8::/32']);
      }
    },
  );

  test.each(WITHDRAWS)('§5.2: %s, and no reachable NLRI: reset', (...row) => {
    const [, context, attribute] = row;
    for (const attributes of places(row)) {
      for (const bytes of [
        update('', attributes, ''),
        update('10 0a01', attributes, ''),
        update('', `${attributes} ${MP_UNREACH}`, ''),
      ]) {
        const seen = see(bytes, context);
        expect(seen.outcome).toBe('session-reset');
        // The attribute is the data, from its flags on.
        expect(seen.notification).toMatch(new RegExp(`^3/\\d+ ${toHex(hex(attribute))}$`));
      }
    }
  });
});

describe('RFC 7606: attribute discard', () => {
  test.each(DISCARDS)('%s', (...row) => {
    const [, context, attribute] = row;
    const clean = canonicalHex(update('', others(0, context).join(' '), PREFIX), context);
    for (const attributes of places(row)) {
      const seen = see(update('', attributes, PREFIX), context);
      expect(seen.outcome).toBe('attribute-discard');
      expect(seen.announced).toEqual(['198.51.100.0/24']);
      expect(seen.errors).toHaveLength(1);
      // Nothing of it is left behind.
      expect(canonicalHex(update('', attributes, PREFIX), context)).toBe(clean);
    }
    expect(see(update('', attribute, ''), context).outcome).toBe('attribute-discard');
  });
});

describe('RFC 7606: session reset', () => {
  test.each(RESETS)('%s', (...row) => {
    for (const attributes of places(row)) {
      const seen = see(update('10 0a01', attributes, PREFIX), row[1]);
      expect(seen.outcome).toBe('session-reset');
    }
  });

  test.each([
    ['§3.b withdrawn routes exceed the message', 'ffff 0000', '3/1'],
    ['§3.b withdrawn routes leave no attribute length', '0002 0000', '3/1'],
    ['§3.b withdrawn routes leave one octet', '0001 00 00', '3/1'],
    ['§3.b attributes exceed the message', '0000 0001', '3/1'],
    [
      '§3.b attributes and withdrawn routes exceed it together',
      '0003 10 0a01 0005 40 01 01 00',
      '3/1',
    ],
    ['§5.3 withdrawn prefix of 33 bits', '0006 21 0a00000000 0000', '3/10'],
    ['§5.3 withdrawn prefix exceeds its field', '0002 10 0a 0000', '3/10'],
    ['§5.3 withdrawn prefix would reach into the attributes', '0001 08 0000', '3/10'],
    ['§5.3 NLRI of 33 bits', '0000 0000 21 0a00000000', '3/10'],
    ['§5.3 NLRI exceeds the message', '0000 0000 18 0a00', '3/10'],
    ['§5.3 second NLRI exceeds the message', '0000 0000 08 0a 18', '3/10'],
  ])('%s', (_, body, notification) => {
    const length = 19 + hex(body).length;
    const head = `${'ff'.repeat(16)} ${length.toString(16).padStart(4, '0')} 02`;
    const seen = see(hex(`${head} ${body}`), IBGP);
    expect(seen.outcome).toBe('session-reset');
    expect(seen.notification).toBe(notification);
  });
});

describe('RFC 7606 §4: attribute lengths', () => {
  const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

  test.each([
    ['the last attribute exceeds the attributes', `${good} 80 04 05 00000000`],
    ['the last attribute exceeds them by its extended length', `${good} 90 04 ffff 00000000`],
    ['one octet is left', `${good} 80`],
    ['two octets are left', `${good} 80 04`],
    ['three octets are left, and the length is extended', `${good} 90 04 00`],
    ['a length swallows the attributes behind it', `${ORIGIN} 40 02 ff 02 01 0000fde9 ${NEXT_HOP}`],
  ])('%s: the total length still finds the NLRI', (_, attributes) => {
    const seen = see(update('', attributes, PREFIX), IBGP);
    expect(seen.outcome).toBe('treat-as-withdraw');
    expect(seen.withdrawn).toEqual(['198.51.100.0/24']);
    expect(see(update('', attributes, ''), IBGP).outcome).toBe('session-reset');
  });

  test.each([
    ['MP_REACH_NLRI', `${good} 80 0e ff 0002 01 10`],
    ['MP_UNREACH_NLRI', `${good} 80 0f 20 0002 01`],
    ['MP_REACH_NLRI, of which two octets are left', `${good} 80 0e`],
  ])('§3.j: %s itself is cut: its routes cannot be withdrawn', (_, attributes) => {
    expect(see(update('', attributes, PREFIX), IBGP).outcome).toBe('session-reset');
  });

  test('AS_PATH may be empty', () => {
    const seen = see(update('', `${ORIGIN} 40 02 00 ${NEXT_HOP}`, PREFIX), IBGP);
    expect(seen.outcome).toBe('ok');
  });

  test('the extended form may be used for short values', () => {
    const seen = see(update('', `50 01 0001 00 ${AS_PATH} ${NEXT_HOP}`, PREFIX), IBGP);
    expect(seen.outcome).toBe('ok');
  });
});

describe('RFC 7606 §3', () => {
  test.each([
    ['ORIGIN', `${AS_PATH} ${NEXT_HOP}`],
    ['AS_PATH', `${ORIGIN} ${NEXT_HOP}`],
    ['NEXT_HOP', `${ORIGIN} ${AS_PATH}`],
    ['all attributes (FRR CVE-2023-41358)', ''],
  ])('§3.d: %s missing', (_, attributes) => {
    const seen = see(update('', attributes, PREFIX), IBGP);
    expect(seen.outcome).toBe('treat-as-withdraw');
    expect(seen.withdrawn).toEqual(['198.51.100.0/24']);
  });

  test('§3.d: ORIGIN and AS_PATH are mandatory along MP_REACH_NLRI, NEXT_HOP is not', () => {
    expect(see(update('', `${MP_REACH} ${AS_PATH}`, ''), IBGP).outcome).toBe('treat-as-withdraw');
    expect(see(update('', `${MP_REACH} ${ORIGIN}`, ''), IBGP).outcome).toBe('treat-as-withdraw');
    expect(see(update('', `${MP_REACH} ${ORIGIN} ${AS_PATH}`, ''), IBGP).outcome).toBe('ok');
  });

  test('LOCAL_PREF from inside may be missing: the receiver has a default', () => {
    expect(see(update('', `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, PREFIX), IBGP).outcome).toBe('ok');
  });

  test.each([
    ['known', MED, '80 04 04 00000009'],
    ['unknown', 'c0 63 01 aa', 'c0 63 01 bb'],
    ['discarded itself', '40 06 01 00', '40 06 00'],
    ['malformed in the repeat', MED, '80 04 01 00'],
  ])('§3.g: repeated, %s: the first counts', (_, first, second) => {
    const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
    const bytes = update('', `${good} ${first} ${second} ${COMMUNITIES}`, PREFIX);
    expect(see(bytes, IBGP).outcome).toBe('attribute-discard');
    const once = update('', `${good} ${first} ${COMMUNITIES}`, PREFIX);
    expect(canonicalHex(bytes, IBGP)).toBe(canonicalHex(once, IBGP));
  });

  test('§3.h: the strongest action wins, in any order', () => {
    const discard = '40 06 01 00';
    const withdraw = '80 04 01 00';
    const reset = '80 0f 00';
    const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
    const outcome = (attributes: string) =>
      see(update('', `${good} ${attributes}`, PREFIX), IBGP).outcome;
    expect(outcome(`${discard} ${withdraw}`)).toBe('treat-as-withdraw');
    expect(outcome(`${withdraw} ${discard}`)).toBe('treat-as-withdraw');
    expect(outcome(`${discard} ${withdraw} ${reset}`)).toBe('session-reset');
    expect(outcome(`${reset} ${withdraw} ${discard}`)).toBe('session-reset');
  });

  test('§3.h: an NLRI field that cannot be read outweighs attribute errors', () => {
    expect(see(update('', '40 01 01 07', '21 00'), IBGP).notification).toBe('3/10');
  });

  test('§3.c: Partial and the unused flag bits are not compared', () => {
    const bytes = update('', `6f 01 01 00 ${AS_PATH} ${NEXT_HOP} e0 08 04 fde90001`, PREFIX);
    expect(see(bytes, IBGP).outcome).toBe('ok');
  });
});

describe('RFC 7606 §5', () => {
  test('§5.2: withdrawals alone may come with MP_UNREACH_NLRI and no error', () => {
    const seen = see(update('10 0a01', MP_UNREACH, ''), IBGP);
    expect(seen.outcome).toBe('ok');
    expect(seen.withdrawn).toEqual(['10.1.0.0/16', '2001:db8:1::/48']);
  });

  test('§5.2: attributes without NLRI and without error are nothing', () => {
    const seen = see(update('', `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, ''), IBGP);
    expect(seen).toEqual({ outcome: 'ok', withdrawn: [], announced: [], errors: [] });
  });

  test('§5.2: MP_REACH_NLRI without prefixes reaches nothing', () => {
    const empty = `80 0e 15 0002 01 10 ${'20'.repeat(16)} 00`;
    expect(see(update('', `${empty} ${ORIGIN}`, ''), IBGP).outcome).toBe('ok');
    expect(see(update('', `${empty} 40 01 01 07`, ''), IBGP).outcome).toBe('session-reset');
  });

  test('§5.1: all four fields in one message, wherever MP attributes stand', () => {
    const attributes = `${ORIGIN} ${MP_UNREACH} ${AS_PATH} ${MP_REACH} ${NEXT_HOP}`;
    const seen = see(update('10 0a01', attributes, PREFIX), IBGP);
    expect(seen.withdrawn).toEqual(['10.1.0.0/16', '2001:db8:1::/48']);
    expect(seen.announced).toEqual(['2001:db8::/32', '198.51.100.0/24']);
  });

  test('all four fields are withdrawn together', () => {
    const attributes = `${ORIGIN} ${MP_UNREACH} 40 02 01 00 ${MP_REACH} ${NEXT_HOP}`;
    const seen = see(update('10 0a01', attributes, PREFIX), IBGP);
    expect(seen.withdrawn).toEqual([
      '10.1.0.0/16',
      '2001:db8:1::/48',
      '2001:db8::/32',
      '198.51.100.0/24',
    ]);
  });
});

describe('next hops beside NLRI that they are not for', () => {
  const path = `${ORIGIN} ${AS_PATH}`;

  test.each([
    ['of 3 octets', '40 03 03 c00002'],
    ['0.0.0.0', '40 03 04 00000000'],
  ])('RFC 4760 §3: NEXT_HOP %s is ignored beside MP_REACH_NLRI alone', (_, hop) => {
    const seen = see(update('', `${MP_REACH} ${path} ${hop}`, ''), IBGP);
    expect(seen.outcome).toBe('attribute-discard');
    expect(seen.announced).toEqual(['2001:db8::/32']);
    expect(see(update('', `${hop} ${path} ${MP_REACH}`, PREFIX), IBGP)).toMatchObject({
      outcome: 'treat-as-withdraw',
      withdrawn: ['2001:db8::/32', '198.51.100.0/24'],
    });
  });

  test.each([
    ['::', '00'.repeat(16)],
    ['multicast', `ff02${'00'.repeat(13)}01`],
  ])('§3.e: %s as the next hop in MP_REACH_NLRI', (_, hop) => {
    const reach = `80 0e 1a 0002 01 10 ${hop} 00 20 20010db8`;
    const seen = see(update('', `${reach} ${path}`, ''), IBGP);
    expect(seen.outcome).toBe('treat-as-withdraw');
    expect(seen.withdrawn).toEqual(['2001:db8::/32']);
  });
});

test.each([
  ['IPv4 10.0.0.0', '40 03 04 0a000000', 'ok'],
  ['IPv4 0.0.0.1', '40 03 04 00000001', 'ok'],
  ['IPv4 223.255.255.255', '40 03 04 dfffffff', 'ok'],
  ['IPv4 127.0.0.1: neighbours on one machine', '40 03 04 7f000001', 'ok'],
  ['IPv6 ::1', `80 0e 1a 0002 01 10 ${'00'.repeat(15)}01 00 20 20010db8`, 'ok'],
  ['IPv6 e000::', `80 0e 1a 0002 01 10 e0${'00'.repeat(15)} 00 20 20010db8`, 'ok'],
  ['IPv6 fe80::1 alone', `80 0e 1a 0002 01 10 fe80${'00'.repeat(13)}01 00 20 20010db8`, 'ok'],
  [
    'IPv4 in MP_REACH_NLRI 224.0.0.1',
    '80 0e 0d 0001 01 04 e0000001 00 18 c63364',
    'treat-as-withdraw',
  ],
  [
    'IPv4 in MP_REACH_NLRI 0.0.0.0',
    '80 0e 0d 0001 01 04 00000000 00 18 c63364',
    'treat-as-withdraw',
  ],
  [
    'IPv4 in MP_REACH_NLRI 255.0.0.1',
    '80 0e 0d 0001 01 04 ff000001 00 18 c63364',
    'treat-as-withdraw',
  ],
])('RFC 4271 §6.3: next hop %s', (_, attribute, outcome) => {
  const nlri = attribute.startsWith('40') ? PREFIX : '';
  const bytes = update('', `${attribute} ${ORIGIN} ${AS_PATH}`, nlri);
  expect(see(bytes, IBGP).outcome).toBe(outcome);
});

test('the NOTIFICATION is about the first of the strongest errors', () => {
  const seen = see(update('', '40 06 01 00 80 04 01 aa 40 01 01 07', ''), IBGP);
  expect(seen.notification).toBe('3/5 800401aa');
});

describe('families that were not negotiated', () => {
  const only4 = { ...IBGP, ipv6: undefined };
  const only6 = { ...IBGP, ipv4: undefined };
  const path = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

  test('their routes are left out, the others stay', () => {
    const bytes = update('10 0a01', `${path} ${MP_REACH} ${MP_UNREACH}`, PREFIX);
    expect(see(bytes, only4)).toMatchObject({
      outcome: 'ok',
      withdrawn: ['10.1.0.0/16'],
      announced: ['198.51.100.0/24'],
    });
    expect(see(bytes, only6)).toMatchObject({
      withdrawn: ['2001:db8:1::/48'],
      announced: ['2001:db8::/32'],
    });
  });

  test('another SAFI is not unicast, and its NLRI is not read', () => {
    const vpn = '80 0e 0b 0002 80 04 ffffffff 00 ff ff';
    const seen = see(update('', `${path} ${vpn}`, PREFIX), IBGP);
    expect(seen).toMatchObject({ outcome: 'ok', announced: ['198.51.100.0/24'] });
  });

  test('§5.2: what they announce is reachable NLRI nevertheless', () => {
    const bytes = update('', `${MP_REACH} ${AS_PATH} 40 01 01 07`, '');
    expect(see(bytes, only4)).toMatchObject({ outcome: 'treat-as-withdraw', withdrawn: [] });
  });

  test('a frame that cannot be read resets all the same', () => {
    expect(see(update('', '80 0e 05 0002 01 01 00', ''), only4).outcome).toBe('session-reset');
  });
});

test('errors without end: 16 are told, all are counted, the strongest is among them', () => {
  const repeats = '40 06 00 '.repeat(1000);
  const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
  const seen = see(update('', `${good} ${repeats} 80 04 00`, PREFIX), IBGP);
  expect(seen.outcome).toBe('treat-as-withdraw');
  expect(seen.errors).toHaveLength(16);
  expect(seen.errors[15]).toMatch(/^MULTI_EXIT_DISC: must be 4 octets \(RFC 7606 §7.4\); got 0/);
});

test('a NOTIFICATION shows at most as much of an attribute as 4096 octets hold', () => {
  const long = `d0 08 0fa5 ${'00'.repeat(4005)}`;
  const seen = see(update('', long, ''), IBGP);
  expect(seen.notification).toHaveLength('3/9 '.length + 2 * 4000);
});
