/** The three patches, each against its specification. */
import { parseJson, stringifyJson } from '../../api/index.ts';
import type { Members } from '../../src/apiserver/objects.ts';
import { applyJsonPatch } from '../../src/apiserver/patches/json-patch.ts';
import { applyMergePatch } from '../../src/apiserver/patches/merge-patch.ts';
import { applyStrategicMergePatch } from '../../src/apiserver/patches/strategic-merge-patch.ts';
import { AS_SET } from '../../src/apiserver/served.ts';

describe('JSON merge patch', () => {
  // RFC 7396, appendix A.
  test.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('RFC 7396: %s with %s', (target, patch, result) => {
    const before = JSON.parse(target);
    expect(applyMergePatch(before, JSON.parse(patch))).toEqual(JSON.parse(result));
    expect(before).toEqual(JSON.parse(target));
  });

  test('__proto__ is a name like any other', () => {
    const result = applyMergePatch({}, JSON.parse('{"__proto__":{"x":1}}'));
    expect((result as { x?: number }).x).toBeUndefined();
    expect(JSON.stringify(result)).toBe('{"__proto__":{"x":1}}');
  });
});

describe('JSON patch', () => {
  // RFC 6902, appendix A, by its numbers.
  test.each([
    [
      'A.1',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/baz","value":"qux"}]',
      '{"foo":"bar","baz":"qux"}',
    ],
    [
      'A.2',
      '{"foo":["bar","baz"]}',
      '[{"op":"add","path":"/foo/1","value":"q"}]',
      '{"foo":["bar","q","baz"]}',
    ],
    ['A.3', '{"baz":"qux","foo":"bar"}', '[{"op":"remove","path":"/baz"}]', '{"foo":"bar"}'],
    [
      'A.4',
      '{"foo":["bar","qux","baz"]}',
      '[{"op":"remove","path":"/foo/1"}]',
      '{"foo":["bar","baz"]}',
    ],
    ['A.5', '{"baz":"qux"}', '[{"op":"replace","path":"/baz","value":"boo"}]', '{"baz":"boo"}'],
    [
      'A.6',
      '{"foo":{"bar":1,"w":2},"qux":{}}',
      '[{"op":"move","from":"/foo/w","path":"/qux/t"}]',
      '{"foo":{"bar":1},"qux":{"t":2}}',
    ],
    [
      'A.7',
      '{"foo":["a","b","c","d"]}',
      '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
      '{"foo":["a","c","d","b"]}',
    ],
    [
      'A.8',
      '{"baz":"qux","foo":["a",2]}',
      '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
      '{"baz":"qux","foo":["a",2]}',
    ],
    [
      'A.10',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/child","value":{"g":{}}}]',
      '{"foo":"bar","child":{"g":{}}}',
    ],
    [
      'A.11',
      '{"foo":"bar"}',
      '[{"op":"add","path":"/baz","value":"q","xyz":123}]',
      '{"foo":"bar","baz":"q"}',
    ],
    ['A.14', '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"/":9,"~1":10}'],
    [
      'A.16',
      '{"foo":["bar"]}',
      '[{"op":"add","path":"/foo/-","value":["abc"]}]',
      '{"foo":["bar",["abc"]]}',
    ],
    ['the whole document', '{"a":1}', '[{"op":"replace","path":"","value":{"b":2}}]', '{"b":2}'],
    [
      'copy is no alias',
      '{"a":{"b":1}}',
      '[{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b","value":2}]',
      '{"a":{"b":1},"c":{"b":2}}',
    ],
  ])('RFC 6902 %s', (_, target, patch, result) => {
    const before = JSON.parse(target);
    expect(applyJsonPatch(before, JSON.parse(patch))).toEqual(JSON.parse(result));
    expect(before).toEqual(JSON.parse(target));
  });

  test.each([
    ['A.9: a test that fails', 422, '[{"op":"test","path":"/a","value":2}]'],
    ['A.12: a parent that is not there', 422, '[{"op":"add","path":"/baz/bat","value":1}]'],
    ['A.15: 10 is not "10"', 422, '[{"op":"test","path":"/a","value":"1"}]'],
    ['what is not there cannot be removed', 422, '[{"op":"remove","path":"/b"}]'],
    ['nor replaced', 422, '[{"op":"replace","path":"/b","value":1}]'],
    ['nor copied', 422, '[{"op":"copy","from":"/b","path":"/c"}]'],
    ['an index beyond the end', 422, '[{"op":"add","path":"/l/3","value":1}]'],
    ['an index with a leading zero', 422, '[{"op":"replace","path":"/l/01","value":1}]'],
    ['"-" is no element', 422, '[{"op":"remove","path":"/l/-"}]'],
    ['into itself', 422, '[{"op":"move","from":"/o","path":"/o/x"}]'],
    [
      'inherited members are not there',
      422,
      '[{"op":"test","path":"/constructor/name","value":"Object"}]',
    ],
    ['the whole object', 422, '[{"op":"remove","path":""}]'],
    ['an unknown op', 400, '[{"op":"merge","path":"/a"}]'],
    ['no value', 400, '[{"op":"add","path":"/a"}]'],
    ['no pointer', 400, '[{"op":"add","path":"a","value":1}]'],
    ['no list', 400, '{"op":"add","path":"/a","value":1}'],
    ['no operation', 400, '[1]'],
  ])('%s', (_, code, patch) => {
    const target = { a: 1, l: [1, 2], o: {} };
    expect(() => applyJsonPatch(target, JSON.parse(patch))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test.each([
    ['doublings', (i: number) => ({ op: 'copy', from: '', path: `/c${i}` })],
    ['a long text', (i: number) => ({ op: 'copy', from: '/a', path: `/c${i}` })],
  ])('copies of %s end at a bound', (_, operation) => {
    const patch = Array.from({ length: 5000 }, (_, i) => operation(i));
    expect(() => applyJsonPatch({ a: 'x'.repeat(1000) }, patch)).toThrow(
      expect.objectContaining({ code: 413 }),
    );
  });

  test('64-bit numbers stay what they are', () => {
    const target = parseJson('{"n":1787654321123456789}');
    const patch = parseJson(
      '[{"op":"test","path":"/n","value":1787654321123456789},{"op":"add","path":"/m","value":1787654321123456790}]',
    );
    expect(stringifyJson(applyJsonPatch(target, patch))).toBe(
      '{"n":1787654321123456789,"m":1787654321123456790}',
    );
    expect(() =>
      applyJsonPatch(target, parseJson('[{"op":"test","path":"/n","value":1787654321123456788}]')),
    ).toThrow();
  });
});

describe('strategic merge patch', () => {
  const keys = { list: 'name', 'list.inner': 'id', set: AS_SET, 'o.list': 'name' } as const;
  const target = {
    list: [
      { name: 'a', v: 1, inner: [{ id: 1 }] },
      { name: 'b', v: 2 },
    ],
    set: ['x', 'y'],
    atomic: [1, 2],
    o: { p: 1, q: 2 },
  };

  test.each<[string, Members, Members]>([
    [
      'elements are merged by key, new ones added',
      { list: [{ name: 'b', w: 3 }, { name: 'c' }] },
      { list: [target.list[0], { name: 'b', v: 2, w: 3 }, { name: 'c' }] },
    ],
    [
      'lists in lists too',
      { list: [{ name: 'a', inner: [{ id: 2 }] }] },
      { list: [{ name: 'a', v: 1, inner: [{ id: 1 }, { id: 2 }] }, target.list[1]] },
    ],
    [
      'an element is deleted by its key',
      { list: [{ $patch: 'delete', name: 'a' }] },
      { list: [target.list[1]] },
    ],
    [
      'a list is replaced',
      { list: [{ $patch: 'replace' }, { name: 'z' }] },
      { list: [{ name: 'z' }] },
    ],
    [
      'an element is replaced',
      { list: [{ $patch: 'replace', name: 'a', w: 1 }] },
      { list: [{ name: 'a', w: 1 }, target.list[1]] },
    ],
    ['null removes', { o: { p: null }, atomic: null }, { o: { q: 2 }, atomic: undefined }],
    ['a list without a key is replaced', { atomic: [3] }, { atomic: [3] }],
    ['a set grows', { set: ['y', 'z', 'z'] }, { set: ['x', 'y', 'z'] }],
    ['a set shrinks', { '$deleteFromPrimitiveList/set': ['x'] }, { set: ['y'] }],
    ['an object is replaced', { o: { $patch: 'replace', r: 1 } }, { o: { r: 1 } }],
    ['an object is deleted', { o: { $patch: 'delete' } }, { o: undefined }],
    ['only the retained members stay', { o: { $retainKeys: ['q'], q: 3 } }, { o: { q: 3 } }],
    [
      'elements are put in order',
      {
        list: [{ name: 'c' }],
        '$setElementOrder/list': [{ name: 'c' }, { name: 'b' }, { name: 'a' }],
      },
      { list: [{ name: 'c' }, target.list[1], target.list[0]] },
    ],
    [
      'what the order does not know keeps its place',
      { '$setElementOrder/list': [{ name: 'b' }] },
      { list: target.list },
    ],
    [
      'a set is put in order',
      { set: ['w'], '$setElementOrder/set': ['w', 'y', 'x'] },
      { set: ['w', 'y', 'x'] },
    ],
    [
      'a list that was not there',
      { o: { list: [{ name: 'n' }] } },
      { o: { p: 1, q: 2, list: [{ name: 'n' }] } },
    ],
  ])('%s', (_, patch, changes) => {
    const before = structuredClone(target);
    const expected: Members = { ...target, ...changes };
    for (const name of Object.keys(expected))
      if (expected[name] === undefined) delete expected[name];
    expect(applyStrategicMergePatch(target, patch, keys)).toEqual(expected);
    expect(target).toEqual(before);
  });

  test.each<[string, unknown]>([
    ['an element without its key', { list: [{ v: 1 }] }],
    ['an element that is no object', { list: [1] }],
    ['an unknown directive', { o: { $patch: 'merge-it' } }],
    ['a list', []],
    ['$retainKeys that is no list', { o: { $retainKeys: 'p' } }],
    ['$deleteFromPrimitiveList that is no list', { '$deleteFromPrimitiveList/set': 'x' }],
  ])('%s is refused', (_, patch) => {
    expect(() => applyStrategicMergePatch(target, patch, keys)).toThrow(
      expect.objectContaining({ code: 400 }),
    );
  });
});
