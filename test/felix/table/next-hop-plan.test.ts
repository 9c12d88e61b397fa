import type { NextHopObject } from 'rtnetlink-ts';
import { KnownNextHops } from '../../../felix/table/known-next-hops.ts';
import { plan } from '../../../felix/table/next-hop-plan.ts';

/** `1 2` are members, `10=1/2` is a group of both. */
function objects(text: string): KnownNextHops {
  const each = text.split(' ').map((word): NextHopObject => {
    const [id, group] = word.split('=');
    return group === undefined
      ? { id: Number(id), oif: 2 }
      : { id: Number(id), group: shares(group) };
  });
  return new KnownNextHops(each);
}

function shares(text: string): { id: number }[] {
  return text.split('/').map((id) => ({ id: Number(id) }));
}

function shown({ group, id }: NextHopObject): string {
  return group ? `${id}=${group.map((share) => share.id).join('/')}` : `${id}`;
}

test.each<[what: string, actual: string, wanted: string, unused: number[], then: string[]]>([
  ['as it should be', '1 2 10=2/1', '10=1/2', [], []],
  ['a new group', '1 2', '10=1/2', [], ['add 10=1/2']],
  ['another gateway', '1 2 10=1', '10=2', [], ['replace 10=2', 'delete 1']],
  ['one more', '1 2 10=1 11=2', '10=1/2 11=2', [], ['replace 10=1/2']],
  ['a dead one leaves all groups by itself', '1 2 10=1/2 11=2/1', '10=2 11=2', [], ['delete 1']],
  ['unless it lives on in another group', '1 2 10=1/2 11=1', '10=2 11=1', [], ['replace 10=2']],
  [
    'nor is a group left without',
    '1 2 3 10=1 11=1/2',
    '10=3 11=2',
    [],
    ['replace 10=3', 'delete 1'],
  ],
  ['a group stays that is nobody’s but may have routes', '1 2 10=1 11=2', '11=2', [], []],
  [
    'an unused one goes, before its members',
    '1 2 10=1 11=2',
    '11=2',
    [10],
    ['delete 10', 'delete 1'],
  ],
])('%s', (_, actual, wanted, unused, then) => {
  const present = objects(actual);
  const groups = wanted.split(' ').map((word) => {
    const [id, members] = word.split('=');
    return { id: Number(id), members: shares(members!).map((share) => share.id) };
  });
  const { adds, moves } = plan(groups, present, new Set(unused));
  const changes = [...adds.map((nextHop) => ({ action: 'add', nextHop }) as const), ...moves];
  expect(changes.map(({ action, nextHop }) => `${action} ${shown(nextHop)}`)).toEqual(then);

  // Once it is done there is nothing left to do.
  for (const change of changes) present.apply(change);
  expect(plan(groups, present, new Set())).toEqual({ adds: [], moves: [] });
});

test('what somebody has weighed otherwise is replaced', () => {
  const present = objects('1 2 10=1/2');
  const weighed = [
    { id: 1, weight: 1 },
    { id: 2, weight: 9 },
  ];
  present.apply({ action: 'replace', nextHop: { id: 10, group: weighed } });
  expect(plan([{ id: 10, members: [1, 2] }], present, new Set()).moves).toMatchObject([
    { action: 'replace', nextHop: { id: 10, group: [{ id: 1 }, { id: 2 }] } },
  ]);
});

test('with its last member goes a group', () => {
  const present = objects('1 2 10=1 11=1/2');
  present.apply({ action: 'delete', nextHop: { id: 1 } });
  expect([...present.values()].map(shown)).toEqual(['2', '11=2']);
});
