import { parseSelector } from '../../api/index.ts';

const LABELS = { rack: 'a', role: 'route-reflector', 'example.com/zone': 'eu-1', empty: '' };

test.each([
  ['', true],
  ['all()', true],
  ['global()', false],
  ['has(rack)', true],
  ['has(row)', false],
  ['!has(row)', true],
  ["rack == 'a'", true],
  ['rack == "b"', false],
  ["rack != 'b'", true],
  ["row != 'b'", true],
  ["rack in {'a', 'b'}", true],
  ['rack in {}', false],
  ["rack not in {'b'}", true],
  ["row not in {'b'}", true],
  ["row in {'b'}", false],
  ["role contains 'reflector'", true],
  ["role starts with 'route'", true],
  ["role ends with 'route'", false],
  ["example.com/zone == 'eu-1'", true],
  ["empty == ''", true],
  ["row == ''", false],
  ["has(rack) && rack == 'b' || role == 'route-reflector'", true],
  ["has(rack) && (rack == 'b' || role == 'x')", false],
  ["!(rack == 'a') || !!has(role)", true],
  ['has(constructor)', false],
  ["constructor != 'x'", true],
])('%s is %p', (text, selected) => expect(parseSelector(text)(LABELS)).toBe(selected));

test.each([
  ['rack', 'it ends at position 5, where an operator (==, !=, in,'],
  ['rack = 1', '"=" at position 6 does not belong there'],
  ['rack == a', '"a" stands at position 9, where a quoted value is expected'],
  ["rack == 'a' role", '"role" stands at position 13, where "&&", "||" or the end is expected'],
  ['(has(a)', 'where ")" is expected'],
  ['any()', 'there is no any(), only all(), global() and has(key)'],
  ["rack not 'a'", '"a" stands at position 10, where "in" is expected'],
  ["rack == 'a", '"\'" at position 9 does not belong there'],
])('%s: %s', (text, message) => expect(() => parseSelector(text)).toThrow(message));

test('deep nesting is refused before it overflows the stack', () => {
  expect(() => parseSelector(`${'('.repeat(100_000)}all()`)).toThrow('nests deeper');
});
