import { Interfaces } from '../../felix/interfaces.ts';

/** `+2 eth0 up` is told of, `-2 eth0 up` is gone. */
function hear(interfaces: Interfaces, text: string): string {
  const [, sign, index, name, state] = /^([+-])(\d+) (\S+) (up|down)$/.exec(text)!;
  return interfaces.hear({ index: Number(index), name: name!, up: state === 'up' }, sign === '-');
}

test.each<[what: string, told: string[], changes: string[]]>([
  ['it comes, and comes up', ['+2 eth0 down', '+2 eth0 up'], ['appeared', 'up']],
  ['it flaps', ['+2 eth0 up', '+2 eth0 down', '+2 eth0 up'], ['appeared', 'down', 'up']],
  ['it is told of twice', ['+2 eth0 up', '+2 eth0 up'], ['appeared', 'none']],
  ['it goes', ['+2 eth0 up', '-2 eth0 up', '-2 eth0 up'], ['appeared', 'gone', 'none']],
  ['it is renamed', ['+2 eth0 up', '+2 wan0 up'], ['appeared', 'appeared']],
  [
    'it is made anew before the old one is told gone',
    ['+2 cali1 up', '+3 cali1 down', '-2 cali1 up', '+3 cali1 up'],
    ['appeared', 'appeared', 'none', 'up'],
  ],
])('%s', (_, told, changes) => {
  const interfaces = new Interfaces();
  expect(told.map((text) => hear(interfaces, text))).toEqual(changes);
});

test('names and indices follow', () => {
  const interfaces = new Interfaces();
  hear(interfaces, '+2 eth0 up');
  hear(interfaces, '+2 wan0 up');
  hear(interfaces, '+3 eth0 up');
  expect([interfaces.indexOf('wan0'), interfaces.indexOf('eth0')]).toEqual([2, 3]);
  expect([interfaces.nameOf(2), interfaces.nameOf(3)]).toEqual(['wan0', 'eth0']);
  hear(interfaces, '-2 wan0 up');
  expect([interfaces.indexOf('wan0'), interfaces.nameOf(2)]).toEqual([undefined, undefined]);
  expect(interfaces.names()).toEqual(['eth0']);
});

test('a dump tells what was missed', () => {
  const interfaces = new Interfaces();
  for (const text of ['+1 lo up', '+2 eth0 up', '+3 cali1 up', '+4 cali2 up'])
    hear(interfaces, text);
  interfaces.beginDump();
  expect(
    interfaces.replaceAll([
      { index: 1, name: 'lo', up: true },
      { index: 2, name: 'eth0', up: false },
      { index: 5, name: 'cali2', up: true },
      { index: 6, name: 'cali3', up: true },
    ]),
  ).toEqual([
    { index: 3, name: 'cali1', change: 'gone' },
    { index: 4, name: 'cali2', change: 'gone' },
    { index: 2, name: 'eth0', change: 'down' },
    { index: 5, name: 'cali2', change: 'appeared' },
    { index: 6, name: 'cali3', change: 'appeared' },
  ]);
});

const link = (index: number, name: string) => ({ index, name, up: true });

test('what was told while the dump was under way is newer than the dump', () => {
  const interfaces = new Interfaces();
  interfaces.replaceAll([link(1, 'lo'), link(2, 'cali1')]);
  interfaces.beginDump();
  // The kernel was read before a pod was wired and another one's interface was removed.
  interfaces.hear(link(3, 'cali2'), false);
  interfaces.hear(link(2, 'cali1'), true);
  expect(interfaces.replaceAll([link(1, 'lo'), link(2, 'cali1')])).toEqual([]);
  expect(interfaces.names()).toEqual(['lo', 'cali2']);
  // The next dump counts for all again.
  interfaces.beginDump();
  expect(interfaces.replaceAll([link(1, 'lo')])).toEqual([
    { index: 3, name: 'cali2', change: 'gone' },
  ]);
});
