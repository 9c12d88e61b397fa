/** One forwarder takes the place of another while packets pass. Needs root: makes namespaces of its own. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { until } from '../../../rtnetlink-ts/until.ts';
import { DEVICE, type ForwarderProcess, type Node, transfer, twoNodes } from './stage.ts';

let one: Node;
let two: Node;
/** Node one's. */
let first: ForwarderProcess;

beforeEach(async () => {
  [one, two] = await twoNodes();
  for (const node of [one, two]) {
    node.writeTable();
    const started = await node.forward();
    if (node === one) first = started;
    node.configureDevice();
  }
});
afterEach(async () => {
  await one?.end();
  await two?.end();
});

/** Of pings a millisecond apart, how many are not answered: a single one in 5 s, the last of several in two round trips. */
async function pingsLost(count: number): Promise<number> {
  const options = ['-q', '-i', '0.001', '-c', `${count}`, '-W', '5', '10.60.2.1'];
  const words = [`--net=${one.network.path}`, 'ping', ...options];
  const { stdout } = await promisify(execFile)('nsenter', words);
  return count - Number(/(\d+) received/.exec(stdout)![1]);
}

const PINGS = 1500;
const TIMES = 5;

test('of pings every millisecond none is lost, and a TCP transfer is whole', async () => {
  const bytes = randomBytes(64 << 20);
  const traffic = Promise.all([pingsLost(PINGS), transfer(one, two, 'fd60:2::1', bytes)]);
  for (let times = 0, before = first; times < TIMES; times++) {
    await sleep(200);
    const next = await one.forward();
    expect([await before.ended, before.lastWords]).toEqual([0, '']);
    before = next;
  }
  const [lost, came] = await traffic;
  expect(came.equals(bytes)).toBe(true);
  // The queues go over with device and sockets: only what more than fills them, on a machine with much else to do, is lost.
  expect(lost).toBeLessThan(PINGS / 100);
}, 60_000);

test('one that runs apart takes an agent’s place, and gives it only to another that does', async () => {
  const apart = await one.forward('--apart');
  expect(await first.ended).toBe(0);
  expect(await one.state()).toMatchObject({ isApart: true });

  const child = await one.start();
  expect(await child.ended).toBe(1);
  expect(child.lastWords).toBe('another forwarder has the device, and keeps it\n');

  const next = await one.forward('--apart');
  // Started again, it would take the place back: it waits to be ended.
  expect(await Promise.race([apart.ended, sleep(300, 'waits')])).toBe('waits');
  process.kill(apart.pid, 'SIGTERM');
  expect(await apart.ended).toBe(0);
  expect(one.holders()).toEqual([next.pid]);
  expect(await pingsLost(1)).toBe(0);
}, 60_000);

test('one that runs apart begins when there is a table, and ends with its device', async () => {
  one.removeTable();
  one.network.run('ip', 'link', 'delete', DEVICE);
  expect(await first.ended).toBe(1);
  const apart = await one.start('--apart');
  expect(await Promise.race([apart.ended, sleep(300, 'waits')])).toBe('waits');
  expect(one.network.run('ip', 'link')).not.toContain(DEVICE);
  one.writeTable();
  await until(
    () => one.holders().includes(apart.pid),
    () => 'it does not begin',
  );
  one.configureDevice();
  expect(await pingsLost(1)).toBe(0);
  one.network.run('ip', 'link', 'delete', DEVICE);
  expect(await apart.ended).toBe(1);
  expect(apart.lastWords).toBe(`cannot read from ${DEVICE}: File descriptor in bad state\n`);
}, 60_000);

test('one that cannot use the table leaves the place to the one that has another', async () => {
  one.writeTable(['format 2']);
  const next = await one.start();
  expect(await next.ended).toBe(1);
  expect(next.lastWords).toMatch(
    /line \d+ is of a format that this forwarder does not know\nanother forwarder has the device/,
  );
  expect(one.holders()).toEqual([first.pid]);
  expect(await pingsLost(1)).toBe(0);
}, 60_000);

test('who asks for the place and is gone, or asks anything else, changes nothing', async () => {
  process.kill(first.pid, 'SIGSTOP');
  const client = connect(one.socketPath);
  await once(client, 'connect');
  client.write('c');
  client.destroy();
  await once(client, 'close');
  process.kill(first.pid, 'SIGCONT');
  const stranger = connect(one.socketPath);
  stranger.on('error', () => {}).write('x');
  await once(stranger.resume(), 'close');
  expect(one.holders()).toEqual([first.pid]);
  expect(await pingsLost(1)).toBe(0);
}, 60_000);
