/** Label and field selectors, in kube's grammar. */
import {
  fieldRequirement,
  parseFieldSelector,
  parseLabelSelector,
  type Selectable,
} from '../../src/apiserver/selectors.ts';

const object: Selectable = {
  labels: { app: 'web', tier: '', weight: '7', 'example.com/x': 'y', in: 'in' },
  fields: { 'metadata.name': 'n1', 'spec.nodeName': '', odd: 'a,b=c\\' },
};

const matches = (selector: string) =>
  parseLabelSelector(selector).every((requirement) => requirement(object));

test.each([
  ['', true],
  ['app', true],
  ['other', false],
  ['!other', true],
  ['! app', false],
  ['app=web', true],
  ['app==web', true],
  [' app = web ', true],
  ['app=db', false],
  ['app!=db', true],
  ['app!=web', false],
  ['other!=web', true],
  ['other=', false],
  ['tier=', true],
  ['tier=,app=web', true],
  ['app in (web, db)', true],
  ['app in(db)', false],
  ['app notin (db)', true],
  ['other notin (db)', true],
  ['app notin (db,web)', false],
  ['tier in (,a)', true],
  ['weight>6', true],
  ['weight > 7', false],
  ['weight<8', true],
  ['app>1', false],
  ['other<1', false],
  ['example.com/x=y,app,!z', true],
  ['in in (in)', true],
])('labels: %j is %s', (selector, expected) => {
  expect(matches(selector)).toBe(expected);
});

test.each([
  'app web',
  'app in web',
  'app in (web',
  'app=a,',
  ',app',
  '=a',
  '!',
  'app=we$b',
  'a/b/c',
  'weight>x',
  'app=a=b',
  '-a=b',
])('labels: %j is refused', (selector) => {
  expect(() => parseLabelSelector(selector)).toThrow(/unable to parse label selector/);
});

const supported = Object.keys(object.fields);
const selects = (selector: string) =>
  parseFieldSelector(selector, supported).every((term) => fieldRequirement(term)(object));

test.each([
  ['', true],
  ['metadata.name=n1', true],
  ['metadata.name==n2', false],
  ['metadata.name!=n2,spec.nodeName=', true],
  ['spec.nodeName!=', false],
  ['odd=a\\,b\\=c\\\\', true],
])('fields: %j is %s', (selector, expected) => {
  expect(selects(selector)).toBe(expected);
});

test('fields: one that the resource is not selected by is refused, and the others named', () => {
  expect(() => selects('spec.cidr=x')).toThrow(
    /field label not supported: spec.cidr \(supported here: metadata.name, /,
  );
  expect(() => selects('metadata.name')).toThrow(/invalid selector/);
});

test('a selector of a million commas, brackets or letters is refused at once', () => {
  for (const letter of [',', '(', 'a', '!', '\\', ' '])
    expect(() => parseLabelSelector(`a=b,${letter.repeat(1_000_000)}`)).toThrow(/unable to parse/);
});
