import { Interfaces } from '../../felix/interfaces.ts';

const link = (index: number, name: string, up = true) => ({ index, name, up });

test('a dump tells what appeared, what is gone, what went up or down', () => {
  const interfaces = new Interfaces();
  interfaces.replaceAll([link(1, 'lo'), link(2, 'eth0'), link(3, 'cali1')]);
  interfaces.beginDump();
  const changes = interfaces.replaceAll([link(1, 'lo'), link(2, 'eth0', false), link(4, 'cali2')]);
  expect(changes).toEqual([
    { index: 3, name: 'cali1', change: 'gone' },
    { index: 2, name: 'eth0', change: 'down' },
    { index: 4, name: 'cali2', change: 'appeared' },
  ]);
  expect(interfaces.names()).toEqual(['lo', 'eth0', 'cali2']);
});

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
