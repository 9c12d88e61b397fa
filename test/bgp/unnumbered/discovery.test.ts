/** Who is found on a link, when that is told, and when we speak. */

import { Discovery } from '../../../bgp/unnumbered/discovery.ts';
import { ADVERTISEMENT, SOLICITATION } from '../../../bgp/unnumbered/messages.ts';
import { heard, NOBODY } from '../../../bgp/unnumbered/neighbor.ts';
import { recordingLog, World } from '../session/world.ts';
import { Ether } from './ether.ts';

test.each([
  ['the first that speaks', 'a', 'a'],
  ['another that speaks once', 'aab', 'a'],
  ['one that took its place, as it speaks twice', 'aabb', 'b'],
  ['two that both speak: the first stays', 'aababab', 'a'],
  ['two of which one speaks more often: still the first', 'aba' + 'bba', 'b'],
  ['a third and a fourth', 'abcbc', 'a'],
])('the neighbour is %s', (_, speakers, expected) => {
  expect([...speakers].reduce(heard, NOBODY).address).toBe(expected);
});

let world: World;
let ether: Ether;
let found: (string | undefined)[];
const logged: string[] = [];
beforeEach(() => {
  world = new World();
  ether = new Ether(world);
  found = [];
  logged.length = 0;
});

function discover(address: string, isUp = true) {
  const links = ether.station(address, isUp);
  const { clock, random } = world;
  const log = recordingLog(logged);
  const discovery = new Discovery('eth1', { links, clock, random, log }, (one) => found.push(one));
  return { discovery, links };
}

/** What was sent from `since` on, without the time. */
function sent(name: string): number[] {
  return ether.sent.filter((text) => text.includes(name)).map((text) => Number.parseInt(text, 10));
}

test('RFC 4861 §6.3.7: three solicitations, 4 s apart, and advertisements in the rhythm of §6.2.1', () => {
  discover('fe80::a');
  world.run(120_000);
  expect(sent('solicitation')).toEqual([0, 4_000, 8_000]);
  expect(ether.sent[0]).toBe('0 solicitation to ff02::2');
  const times = sent('advertisement');
  expect(ether.sent[1]).toBe('0 advertisement to ff02::1');
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  expect(gaps.length).toBeGreaterThan(10);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3_300);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
});

test('who is found is not looked for any more', () => {
  discover('fe80::a');
  world.run(1_000);
  ether.say('fe80::1', ADVERTISEMENT);
  world.run(60_000);
  expect(found).toEqual(['fe80::1%eth1']);
  expect(sent('solicitation')).toEqual([0]);
});

test('RFC 4861 §6.2.6: an answer within 0.5 s, never within 3 s of the last, and one for many', () => {
  discover('fe80::a');
  world.run(3_100);
  for (let i = 0; i < 50; i++) ether.say('fe80::1', SOLICITATION);
  world.run(500);
  const times = sent('advertisement');
  expect(times.length).toBe(2);
  expect(times[1]).toBeLessThanOrEqual(3_600);
  ether.say('fe80::1', SOLICITATION);
  world.run(3_000);
  const gap = sent('advertisement')[2]! - times[1]!;
  expect(gap).toBeGreaterThanOrEqual(2_999);
});

test('solicitations without end put no advertisement off, and bring no flood', () => {
  discover('fe80::a');
  for (let i = 0; i < 600; i++) {
    ether.say('fe80::1', SOLICITATION);
    world.run(100);
  }
  const times = sent('advertisement');
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_999);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(3_600);
});

test('two of us find each other at once', () => {
  discover('fe80::a');
  discover('fe80::b');
  world.run(1);
  expect(found.toSorted()).toEqual(['fe80::a%eth1', 'fe80::b%eth1']);
});

test('a link that goes down takes the neighbour with it; when it is up we look again', () => {
  const { links } = discover('fe80::a', false);
  world.run(10_000);
  expect(ether.sent).toEqual([]);
  links.up();
  world.run(1);
  ether.say('fe80::1', ADVERTISEMENT);
  links.down();
  expect(found).toEqual(['fe80::1%eth1', undefined]);
  const count = ether.sent.length;
  world.run(60_000);
  expect(ether.sent.length).toBe(count);
  links.up();
  ether.say('fe80::2', ADVERTISEMENT);
  expect(found).toEqual(['fe80::1%eth1', undefined, 'fe80::2%eth1']);
  expect(ether.sent.at(-2)).toMatch(/solicitation/);
});

test('a third router on the link is said once', () => {
  discover('fe80::a');
  world.run(1);
  for (const from of ['fe80::1', 'fe80::2', 'fe80::1', 'fe80::2']) ether.say(from, ADVERTISEMENT);
  expect(found).toEqual(['fe80::1%eth1']);
  expect(logged).toEqual([
    'warn more than one router advertises on this link: the session stays with the first that did {"neighbor":"fe80::1%eth1","other":"fe80::2%eth1"}',
  ]);
});

test('nothing is sent and nothing told after the end', () => {
  const { discovery } = discover('fe80::a');
  world.run(1);
  discovery.close();
  const count = ether.sent.length;
  ether.say('fe80::1', ADVERTISEMENT);
  world.run(60_000);
  expect([found, ether.sent.length]).toEqual([[], count]);
});
