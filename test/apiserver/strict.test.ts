/** What a writer wrote twice. */
import { performance } from 'node:perf_hooks';
import { duplicateFields } from '../../src/apiserver/strict.ts';

test.each([
  ['{"a":1,"b":2}', []],
  ['{"a":1,"a":2}', ['a']],
  ['{"spec":{"cidr":"x","mode":1,"cidr":"y"},"cidr":1}', ['spec.cidr']],
  ['{"l":[{"a":1},{"a":1,"a":2}],"a":3}', ['l[1].a']],
  ['{"l":[[{"a":{"b":1,"b":2}}]],"l":1}', ['l[0][0].a.b', 'l']],
  ['{"a":{"x":1},"b":{"x":1}}', []],
  ['{"a":["a","a"],"b":"a"}', []],
  ['{"a":"{\\"a\\":1,\\"a\\":2}","b":"],["}', []],
  ['{"a\\u0062":1, "ab" : 2}', ['ab']],
  ['[{"a":1},{"a":2}]', []],
  ['{"a":1,"a":2,"a":3}', ['a']],
  ['{}', []],
])('%s', (text, fields) => {
  expect(duplicateFields(text)).toEqual(fields.map((field) => `duplicate field "${field}"`));
});

test('three megabytes of anything take no time to speak of', () => {
  const begin = performance.now();
  const size = 3_000_000;
  for (const text of [
    `{"a":"${'x'.repeat(size)}"}`,
    `{"a":"${'\\"'.repeat(size / 2)}"}`,
    `{${'"a":1,'.repeat(size / 6)}"b":1}`,
    `${'['.repeat(500)}${'1,'.repeat(size / 2)}1`,
    '"'.repeat(size),
    `{"${'\\\\'.repeat(size / 2)}`,
  ])
    duplicateFields(text);
  expect(performance.now() - begin).toBeLessThan(20_000);
});
