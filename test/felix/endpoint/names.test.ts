import { faultOfContainerID, faultOfInterfaceName } from '../../../felix/endpoint/names.ts';

test.each(['3f2a', 'a.b_c-d', 'A'.repeat(200)])('container id %p is fine', (id) => {
  expect(faultOfContainerID(id)).toBeUndefined();
});

test.each([
  ['', /empty/],
  ['A'.repeat(201), /longer than 200/],
  ['../etc', /characters other than/],
  ['.hidden', /characters other than/],
  ['a/b', /characters other than/],
  ['a@b', /characters other than/],
  ['a\n', /characters other than/],
  ['a\0', /characters other than/],
])('container id %p is not', (id, fault) => {
  expect(faultOfContainerID(id)).toMatch(fault);
});

test.each(['eth0', 'net1-a.b', 'x'.repeat(15)])('interface name %p is fine', (name) => {
  expect(faultOfInterfaceName(name)).toBeUndefined();
});

test.each([
  ['', /no interface name/],
  ['.', /no interface name/],
  ['..', /no interface name/],
  ['x'.repeat(16), /longer than 15/],
  ['a/b', /"\/"/],
  ['a b', /space/],
  ['a:1', /":"/],
  ['eth0@if3', /"@"/],
  ['eth0\n', /beyond|space/],
  ['étoile', /ASCII/],
])('interface name %p is not', (name, fault) => {
  expect(faultOfInterfaceName(name)).toMatch(fault);
});
