/** The table of payloads against RFC 6811, and against a plain, slow twin. */

import fc from 'fast-check';
import {
  containsPrefix,
  formatPrefix,
  type Prefix,
  PrefixTable,
  parsePrefix,
  prefixOf,
} from 'net-ipaddr';
import type { CoveringPrefixes } from '../../../bgp/rpki/covering.ts';
import type { PrefixPdu } from '../../../bgp/rpki/pdu.ts';
import { type Validity, VrpTable } from '../../../bgp/rpki/vrps.ts';

const NO_ORIGIN = -1;
const routes = new PrefixTable(1);

/** `192.0.2.0/24-26 AS 65001` */
function payload(text: string, announces = true): PrefixPdu {
  const [, prefixText, max, as] = /^(\S+?)(?:-(\d+))? AS (\d+)$/.exec(text)!;
  const { address, length } = parsePrefix(prefixText!);
  const view = new DataView(new Uint8Array([...address.bytes, ...new Uint8Array(12)]).buffer);
  const { family } = address;
  const w1 = family === 4 ? 0 : view.getUint32(4);
  const w2 = family === 4 ? 0 : view.getUint32(8);
  const w3 = family === 4 ? 0 : view.getUint32(12);
  return {
    type: 'Prefix',
    announces,
    family,
    w0: view.getUint32(0),
    w1,
    w2,
    w3,
    length,
    maxLength: max === undefined ? length : Number(max),
    as: Number(as),
  };
}

function tell(table: VrpTable, cache: number, ...payloads: string[]): CoveringPrefixes {
  table.begin(cache, true);
  for (const text of payloads) expect(table.apply(cache, payload(text))).toBeUndefined();
  return table.commit(cache);
}

function validity(table: VrpTable, route: string, originAs: number): Validity {
  return table.validity(routes, routes.intern(parsePrefix(route)), originAs);
}

const covers = (prefixes: CoveringPrefixes, route: string) =>
  prefixes.first(routes, routes.intern(parsePrefix(route))) >= 0;

describe('RFC 6811 §2', () => {
  const table = new VrpTable(() => 0.5);
  tell(
    table,
    0,
    '192.0.2.0/24 AS 65001',
    '198.51.100.0/24-26 AS 65001',
    '198.51.100.0/24 AS 65002',
    '198.51.0.0/16-24 AS 65003',
    '203.0.113.0/24 AS 0',
    '2001:db8::/32-48 AS 4200000001',
    '0.0.0.0/0 AS 65009',
  );

  test.each<[string, string, number, Validity]>([
    ['covered and matched', '192.0.2.0/24', 65001, 'valid'],
    ['another origin', '192.0.2.0/24', 65002, 'invalid'],
    ['more specific than the maximum length', '192.0.2.0/25', 65001, 'invalid'],
    ['as specific as the maximum length', '198.51.100.64/26', 65001, 'valid'],
    ['one bit more', '198.51.100.64/27', 65001, 'invalid'],
    ['the second payload for the prefix', '198.51.100.0/24', 65002, 'valid'],
    ['the payload of a shorter prefix', '198.51.100.0/24', 65003, 'valid'],
    ['… that allows no more than its maximum', '198.51.100.0/25', 65003, 'invalid'],
    ['no AS is AS 0', '203.0.113.0/24', 0, 'invalid'],
    ['AS 0 forbids all', '203.0.113.0/24', 65001, 'invalid'],
    [
      'a path that ends with an AS_SET has no origin, and matches nothing',
      '192.0.2.0/24',
      NO_ORIGIN,
      'invalid',
    ],
    ['four-octet AS', '2001:db8:1::/48', 4200000001, 'valid'],
    ['no payload covers it', '2001:db9::/48', 4200000001, 'not-found'],
    ['… nor with an AS_SET', '2001:db9::/48', NO_ORIGIN, 'not-found'],
    ['a default route’s payload covers its family', '10.0.0.0/8', 65001, 'invalid'],
    ['… and matches the default route', '0.0.0.0/0', 65009, 'valid'],
    ['a shorter route is not covered', '2001::/16', 4200000001, 'not-found'],
  ])('%s', (_, route, origin, expected) => expect(validity(table, route, origin)).toBe(expected));
});

describe('answers', () => {
  test('nothing of an answer counts before it is complete', () => {
    const table = new VrpTable(() => 0.5);
    tell(table, 0, '192.0.2.0/24 AS 65001');
    table.begin(0, true);
    table.apply(0, payload('192.0.2.0/24 AS 65002'));
    expect(validity(table, '192.0.2.0/24', 65001)).toBe('valid');
    expect(validity(table, '192.0.2.0/24', 65002)).toBe('invalid');
    expect(table.count(0)).toBe(1);
    table.commit(0);
    expect(validity(table, '192.0.2.0/24', 65001)).toBe('invalid');
    expect(validity(table, '192.0.2.0/24', 65002)).toBe('valid');
  });

  test('one that broke off leaves nothing behind', () => {
    const table = new VrpTable(() => 0.5);
    tell(table, 0, '192.0.2.0/24 AS 65001');
    table.begin(0, false);
    table.apply(0, payload('192.0.2.0/24 AS 65001', false));
    table.apply(0, payload('198.51.100.0/24 AS 65001'));
    table.begin(0, false);
    expect(table.commit(0).size).toBe(0);
    expect(validity(table, '192.0.2.0/24', 65001)).toBe('valid');
    expect(validity(table, '198.51.100.0/24', 65001)).toBe('not-found');
  });

  test('RFC 8210 §5.6: what comes twice, and what goes without having come, are errors', () => {
    const table = new VrpTable(() => 0.5);
    tell(table, 0, '192.0.2.0/24 AS 65001');
    table.begin(0, false);
    expect(table.apply(0, payload('192.0.2.0/24 AS 65001'))).toMatchObject({ code: 7 });
    expect(table.apply(0, payload('192.0.2.0/24-25 AS 65001', false))).toMatchObject({ code: 6 });
    expect(table.apply(1, payload('192.0.2.0/24 AS 65001', false))).toMatchObject({ code: 6 });
    expect(table.apply(0, payload('192.0.2.0/24 AS 65001', false))).toBeUndefined();
    expect(table.apply(0, payload('192.0.2.0/24 AS 65001', false))).toMatchObject({ code: 6 });
  });

  test('a payload counts while any cache holds it', () => {
    const table = new VrpTable(() => 0.5);
    tell(table, 0, '192.0.2.0/24 AS 65001', '198.51.100.0/24 AS 65001');
    expect(tell(table, 5, '192.0.2.0/24 AS 65001').size).toBe(0);
    const changed = table.flush(0);
    expect(validity(table, '192.0.2.0/24', 65001)).toBe('valid');
    expect(validity(table, '198.51.100.0/24', 65001)).toBe('not-found');
    expect(covers(changed, '198.51.100.128/25')).toBe(true);
    expect(covers(changed, '192.0.2.0/24')).toBe(false);
    expect(covers(changed, '198.51.0.0/16')).toBe(false);
    expect([0, 5].map((cache) => table.count(cache))).toEqual([0, 1]);
  });
});

/** The same as a list, judged by the words of RFC 6811. */
class Twin {
  readonly held = new Map<number, Map<string, { prefix: Prefix; max: number; as: number }>>();

  validity(route: Prefix, originAs: number): Validity {
    const all = [...this.held.values()].flatMap((one) => [...one.values()]);
    const covering = all.filter(
      ({ prefix }) =>
        prefix.address.family === route.address.family && containsPrefix(prefix, route),
    );
    if (covering.length === 0) return 'not-found';
    const matches = covering.some(
      ({ max, as }) => as !== 0 && as === originAs && route.length <= max,
    );
    return matches ? 'valid' : 'invalid';
  }
}

describe('against the twin', () => {
  // Few bits and few numbers, so that prefixes cover one another and payloads meet.
  const prefix4 = fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 6 }))
    .map(([bits, length]) =>
      prefixOf({ family: 4, bytes: Uint8Array.of(bits << 5, bits << 2, 0, 0) }, length * 2),
    );
  const prefix6 = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 30, 33, 64, 65, 97, 120, 128))
    .map(([bits, length]) =>
      prefixOf({ family: 6, bytes: new Uint8Array(16).fill(bits & 0x81) }, length),
    );
  const prefix = fc.oneof(prefix4, prefix6);
  const as = fc.integer({ min: 0, max: 3 });
  const vrp = fc
    .record({ prefix, more: fc.integer({ min: 0, max: 3 }), as })
    .map(({ prefix, more, as }) => {
      const max = Math.min(prefix.length + more, prefix.address.family === 4 ? 32 : 128);
      return `${formatPrefix(prefix)}-${max} AS ${as}`;
    });
  const answer = fc.record({
    cache: fc.integer({ min: 0, max: 2 }),
    isEverything: fc.boolean(),
    isComplete: fc.boolean(),
    payloads: fc.array(fc.tuple(fc.boolean(), vrp), { maxLength: 12 }),
  });

  test('the same validity after any answers, and only below what changed is it another', () =>
    fc.assert(
      fc.property(
        fc.array(answer, { maxLength: 12 }),
        fc.array(fc.tuple(prefix, fc.integer({ min: -1, max: 3 })), {
          minLength: 20,
          maxLength: 40,
        }),
        (answers, questions) => {
          const table = new VrpTable(() => 0.25);
          const twin = new Twin();
          for (const { cache, isEverything, isComplete, payloads } of answers) {
            const before = questions.map(([route, origin]) => twin.validity(route, origin));
            const held = new Map(isEverything ? [] : twin.held.get(cache));
            table.begin(cache, isEverything);
            for (const [announces, text] of payloads) {
              const pdu = payload(text, announces);
              const error = table.apply(cache, pdu);
              expect(error === undefined).toBe(held.has(text) !== announces);
              const max = pdu.maxLength;
              if (!announces) held.delete(text);
              else held.set(text, { prefix: parsePrefix(text.split('-')[0]!), max, as: pdu.as });
            }
            if (!isComplete) continue;
            const changed = table.commit(cache);
            twin.held.set(cache, held);
            expect(table.count(cache)).toBe(held.size);
            questions.forEach(([route, origin], index) => {
              const now = twin.validity(route, origin);
              expect(validity(table, formatPrefix(route), origin)).toBe(now);
              if (now !== before[index]) expect(covers(changed, formatPrefix(route))).toBe(true);
            });
          }
        },
      ),
      { numRuns: 100, seed: 6811 },
    ));
});
