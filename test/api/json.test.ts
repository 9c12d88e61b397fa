import fc from 'fast-check';
import { IPAMBlock, parseJson, stringifyJson } from '../../api/index.ts';
import { withDefaults } from '../../api/validate.ts';

/** As a Calico of the future may write it: fields that we do not know, in every kind of place. */
const BLOCK =
  '{"apiVersion":"projectcalico.org/v3","kind":"IPAMBlock","metadata":{"name":"10-0-0-0-26",' +
  '"resourceVersion":"1787654321123456789","annotations":{"was":"{\\"sequenceNumber\\":1787654321123456789,\\"b\\":[1787654321123456789]}"}},' +
  '"spec":{"cidr":"10.0.0.0/26","affinity":"host:a","allocations":[0,null,1],"unallocated":[1],' +
  '"attributes":[{"handle_id":"net.c1","secondary":{"node":"a"},"futureAttr":{"at":1787654321123456791}},{}],' +
  '"sequenceNumber":1787654321123456789,"sequenceNumberForAllocation":{"0":1787654321123456788,"2":5},' +
  '"deleted":false,"strictAffinity":false,"futureList":[-9223372036854775808,18446744073709551615,1,0.1]}}';

test('a block with a sequence number of Unix nanoseconds and unknown fields is rewritten byte for byte', () => {
  const block = parseJson(BLOCK) as IPAMBlock;
  expect(block.spec.sequenceNumber).toBe(1787654321123456789n);
  expect(block.spec.sequenceNumberForAllocation).toEqual({ 0: 1787654321123456788n, 2: 5 });
  const modified = {
    ...block,
    spec: { ...block.spec, sequenceNumber: BigInt(block.spec.sequenceNumber!) + 1n },
  };
  expect(stringifyJson(modified)).toBe(
    BLOCK.replace('"sequenceNumber":1787654321123456789,', '"sequenceNumber":1787654321123456790,'),
  );
  expect(stringifyJson(parseJson(Buffer.from(BLOCK)))).toBe(BLOCK);
});

test('the schema keeps what it does not know, big integers included', () => {
  const block = parseJson(BLOCK) as IPAMBlock;
  expect(stringifyJson(withDefaults(IPAMBlock, block))).toBe(BLOCK);
});

test.each([
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', 9007199254740992n],
  ['-9007199254740993', -9007199254740993n],
  ['1787654321123456789', 1787654321123456789n],
  ['0.1', 0.1],
  ['1e3', 1000],
  ['100000000000000000000000', 100000000000000000000000n],
  ['12345678.50000000000000', 12345678.5],
])('%s is read as %p', (text, value) => {
  expect(parseJson(text)).toBe(value);
  expect(parseJson(` [ ${text} ,{"a": ${text}}]`)).toEqual([value, { a: value }]);
});

test.each(['0.12345678901234567890', '1e400', '-1e400', '[1E999]'])(
  '%s, which a double cannot hold, keeps its text',
  (text) => expect(stringifyJson(parseJson(text))).toBe(text),
);

test.each([
  '',
  '{',
  '[1787654321123456789',
  '{"a":1-787654321123456789}',
  '{"a":.12345678901234567}',
])('%p is a syntax error', (text) => expect(() => parseJson(text)).toThrow(/JSON/));

test('text that looks like numbers inside strings stays as it is', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.stringMatching(/^[\\" :,[\]{}]{0,4}-?[0-9]{14,20}[\\" :,[\]{}]{0,4}$/),
          fc.bigInt().map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value)),
          // A whole number beyond 2^53 is read as a bigint, whoever wrote it.
          fc
            .double({ noDefaultInfinity: true, noNaN: true })
            .filter((x) => !Object.is(x, -0) && (!Number.isInteger(x) || Number.isSafeInteger(x))),
        ),
      ),
      (values) => {
        const text = stringifyJson({ values, nested: { values } });
        const read = parseJson(text) as { values: unknown[]; nested: { values: unknown[] } };
        expect(read.values).toEqual(values);
        expect(read.nested.values).toEqual(values);
        expect(stringifyJson(read)).toBe(text);
      },
    ),
  );
});

test('members named __proto__ stay members', () => {
  const text = '{"__proto__":{"a":1787654321123456789},"b":{"__proto__":1787654321123456789}}';
  expect(stringifyJson(parseJson(text))).toBe(text);
});

test('an object that contains itself is refused, not looped over', () => {
  const cyclic: Record<string, unknown> = { big: 1n };
  cyclic.self = cyclic;
  expect(() => stringifyJson(cyclic)).toThrow(/circular/i);
});
