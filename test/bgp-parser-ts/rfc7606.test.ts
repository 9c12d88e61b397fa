import { canonicalHex, see } from './outcome.ts';
import {
  BROKEN_BODIES,
  BROKEN_LENGTHS,
  DISCARDS,
  others,
  places,
  RESETS,
  WITHDRAWS,
} from './rfc7606-rows.ts';
import {
  AS_PATH,
  COMMUNITIES,
  hex,
  IBGP,
  MED,
  MP_REACH,
  MP_UNREACH,
  NEXT_HOP,
  ORIGIN,
  PREFIX,
  toHex,
  update,
} from './wire.ts';

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

  test.each(BROKEN_BODIES)('%s', (_, body, notification) => {
    const length = 19 + hex(body).length;
    const head = `${'ff'.repeat(16)} ${length.toString(16).padStart(4, '0')} 02`;
    const seen = see(hex(`${head} ${body}`), IBGP);
    expect(seen.outcome).toBe('session-reset');
    expect(seen.notification).toBe(notification);
  });
});

describe('RFC 7606 §4: attribute lengths', () => {
  const good = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;

  test.each(BROKEN_LENGTHS)('%s: the total length still finds the NLRI', (_, attributes) => {
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
