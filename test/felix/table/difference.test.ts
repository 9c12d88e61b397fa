import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import { difference, type Slot } from '../../../felix/table/difference.ts';

const PREFIX = parsePrefix('10.60.1.0/26');

/** `A` by gateway 192.0.2.10, `B` by .11, and so on; a digit after it is its metric, 1024 without one. */
function route(name: string): RouteSpec {
  const hop = name.charCodeAt(0) - 'A'.charCodeAt(0) + 10;
  return {
    destination: PREFIX,
    table: 254,
    protocol: 80,
    type: 'unicast',
    metric: name.length > 1 ? Number(name.slice(1)) : 1024,
    gateway: parseAddress(`192.0.2.${hop}`),
  };
}

function nameOf({ gateway, metric }: RouteSpec): string {
  const letter = String.fromCharCode(gateway!.bytes[3]! - 10 + 'A'.charCodeAt(0));
  return metric === 1024 ? letter : `${letter}${metric}`;
}

function slot(desired: string, ours: string, stranger: string): Slot {
  return {
    prefix: PREFIX,
    desired: desired ? route(desired) : undefined,
    ours: ours.split(' ').filter(Boolean).map(route),
    stranger: stranger ? { ...route(stranger), protocol: 4 } : undefined,
  };
}

test.each<[what: string, desired: string, ours: string, stranger: string, then: string]>([
  ['nothing wanted, nothing there', '', '', '', ''],
  ['nothing wanted, a stranger’s there', '', '', 'S', ''],
  ['ours is not wanted', '', 'A', '', 'delete A'],
  ['ours is not wanted, beside a stranger’s', '', 'A', 'S', 'delete A'],
  ['several of ours are not wanted', '', 'A B A0', '', 'delete A, delete B, delete A0'],
  ['it is missing', 'A', '', '', 'add A'],
  ['it is there', 'A', 'A', '', ''],
  ['it is there, and so is a stranger’s', 'A', 'A', 'S', ''],
  ['it is there, and another of ours too', 'A', 'B A', '', 'delete B'],
  ['it is there, and with another metric too', 'A', 'A0 A', '', 'delete A0'],
  ['it is another now', 'B', 'A', '', 'replace B'],
  ['it has another metric now: first the new one', 'A', 'A0', '', 'add A, delete A0'],
  ['both', 'B', 'A A0', '', 'replace B, delete A0'],
  ['two of ours in its place: which one would be replaced?', 'C', 'A B', '', 'delete A, delete B'],
  ['a stranger’s has its place', 'A', '', 'S', 'blocked'],
  ['it is another now, and a stranger’s came beside the old', 'B', 'A', 'S', 'delete A, blocked'],
  ['a stranger’s has its place, ours of another metric goes', 'A', 'A0', 'S', 'delete A0, blocked'],
])('%s', (_, desired, ours, stranger, then) => {
  const plan = difference([slot(desired, ours, stranger)], () => true);
  const shown = plan.steps.map(({ action, route: one }) => `${action} ${nameOf(one)}`);
  if (plan.blocked.length > 0) shown.push('blocked');
  expect(shown.join(', ')).toBe(then);
});

test('what may not go yet stays; what is wanted elsewhere is not asked about', () => {
  const asked: string[] = [];
  const plan = difference([slot('', 'A B', ''), slot('A', 'A0', '')], (_, one) => {
    asked.push(nameOf(one));
    return nameOf(one) === 'B';
  });
  expect(asked).toEqual(['A', 'B']);
  expect(plan.steps.map(({ action, route: one }) => `${action} ${nameOf(one)}`)).toEqual([
    'add A',
    'delete B',
    'delete A0',
  ]);
});

test('of many prefixes, all that comes is there before anything goes', () => {
  const slots = ['10.60.1.0/26', '10.60.2.0/26', '10.60.3.0/26'].map((text, i) => ({
    ...slot(i === 1 ? 'A' : '', i === 1 ? '' : 'A', ''),
    prefix: parsePrefix(text),
  }));
  expect(
    difference(slots, () => true).steps.map(
      ({ action, slot: { prefix }, route: { gateway } }) =>
        `${action} ${formatPrefix(prefix)} ${formatAddress(gateway!)}`,
    ),
  ).toEqual([
    'add 10.60.2.0/26 192.0.2.10',
    'delete 10.60.1.0/26 192.0.2.10',
    'delete 10.60.3.0/26 192.0.2.10',
  ]);
});
