/** Who looks after the forwarder, with one that is played: why it does not run, and when it is tried again. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Forwarder } from '../../../../felix/tunnel/udp/forwarder.ts';
import { TABLE_FORMAT } from '../../../../felix/tunnel/udp/table.ts';
import { eventually } from '../../namespace.ts';
import { realClock, TestLog } from '../../ports.ts';

let folder: string;
let log: TestLog;
let forwarder: Forwarder;
let server: Server | undefined;
let clients: Socket[];
/** Of each start, its arguments. */
let starts: (readonly string[])[];
/** How often it was told that one answers. */
let answers: number;
/** Why the kernel is said to lack such tunnels. */
let lacks: string[];
/** Why the next ones end at once; undefined: they run. */
let lastWords: string | undefined;
/** Before our version is told. */
let whileBuilt: () => Promise<void>;

const OURS = 'ours';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forwarder-'));
  log = new TestLog();
  [answers, starts, clients, lacks, lastWords] = [0, [], [], [], undefined];
  whileBuilt = async () => {};
  const program = { version: () => whileBuilt().then(() => OURS), start };
  const given = { folder, program, clock: realClock, random: () => 0, log };
  const onLack = (reason: string) => lacks.push(reason);
  forwarder = new Forwarder({ ...given, onAnswer: () => answers++, onLack });
});

afterEach(() => {
  forwarder.release();
  die();
  rmSync(folder, { recursive: true });
});

/** A new one takes the place of one that runs. */
async function start(args: readonly string[]) {
  starts.push(args);
  if (lastWords !== undefined) return { ended: Promise.resolve(lastWords) };
  die();
  play(`program ${OURS}\napart 0\nformat ${TABLE_FORMAT}`);
  return { ended: new Promise<string>(() => {}) };
}

/** One that runs, and says this of itself. */
function play(state: string): void {
  server = createServer((client) => {
    clients.push(client);
    const answer = `${state}\nsent 3\nreceived 2\n\n`;
    client.on('data', () => client.write(answer)).on('error', () => {});
  });
  server.listen(join(folder, 'socket'));
}

/** As if it was killed. */
function die(): void {
  server?.close();
  for (const client of clients.splice(0)) client.destroy();
}

test('it is started with its device, port, table and socket, and tells its counters', async () => {
  await forwarder.run('local 192.0.2.1\n');
  await eventually(async () => (await forwarder.counters())?.sent === 3);
  const files = ['table', 'socket'].map((name) => join(folder, name));
  expect(starts).toEqual([['udp.tortie', '8285', ...files]]);
});

test('where it cannot run the reason is a problem, told once, and it is tried again', async () => {
  lastWords = 'cannot open /dev/net/tun: No such file or directory';
  await forwarder.run('');
  await eventually(() => forwarder.problem !== undefined);
  expect(forwarder.problem).toBe(`the UDP forwarder does not run: ${lastWords}`);
  await eventually(() => starts.length > 2);
  expect(log.lines.filter((line) => line.includes('/dev/net/tun'))).toHaveLength(1);
  expect(lacks).toEqual([forwarder.problem]);
  expect([forwarder.hasAnswered, answers]).toEqual([false, 0]);
  lastWords = undefined;
  await eventually(async () => (await forwarder.counters()) !== undefined);
  await eventually(() => forwarder.problem === undefined);
});

test('one that ends is started again at once; one that nobody needs any more is not', async () => {
  await forwarder.run('');
  await eventually(() => clients.length > 0);
  die();
  await eventually(() => starts.length === 2 && clients.length > 0);
  expect([forwarder.hasAnswered, answers]).toEqual([true, 1]);
  forwarder.release();
  expect(forwarder.hasAnswered).toBe(false);
  die();
  await forwarder.run('');
  // Released and wanted again: it looks first, and finds none.
  await eventually(() => starts.length === 3);
});

test('one that is released while its table is written is not started', async () => {
  const running = forwarder.run('local 192.0.2.1\n');
  forwarder.release();
  await running;
  await setTimeout(200);
  expect(starts).toEqual([]);
});

test('one that ends between its answer and being watched is started again', async () => {
  play(`program ${OURS}\napart 0\nformat ${TABLE_FORMAT}`);
  whileBuilt = async () => {
    whileBuilt = async () => {};
    const [client] = clients;
    die();
    await once(client!, 'close');
    // Its end has reached us, too.
    await setTimeout(100);
  };
  await forwarder.run('');
  await eventually(() => starts.length === 1 && clients.length > 0);
});

const isSaid = (what: string) => () => log.lines.some((line) => line.includes(what));

test.each([
  ['one of our version that runs', `program ${OURS}\napart 0\nformat ${TABLE_FORMAT}`],
  [
    'one that runs apart from the agent, of whatever version,',
    `program other\napart 1\nformat ${TABLE_FORMAT}`,
  ],
])('%s is taken over', async (_what, state) => {
  play(state);
  await forwarder.run('');
  await eventually(isSaid('is taken over'));
  expect(starts).toEqual([]);
  expect(forwarder.problem).toBeUndefined();
});

test('in the place of one of another version comes ours', async () => {
  play(`program other\napart 0\nformat ${TABLE_FORMAT}`);
  await forwarder.run('');
  await eventually(isSaid('is replaced by ours'));
  expect(starts).toHaveLength(1);
});

test('one of another version that can’t be replaced stays, and that is a problem until it is', async () => {
  play(`program other\napart 0\nformat ${TABLE_FORMAT}`);
  lastWords = 'no memory';
  await forwarder.run('');
  await eventually(() => forwarder.problem !== undefined);
  expect(forwarder.problem).toBe(
    'the UDP forwarder that runs here is of another version, and stays: no memory',
  );
  expect(await forwarder.counters()).toMatchObject({ sent: 3 });
  expect(lacks).toEqual([]);
  lastWords = undefined;
  await eventually(isSaid('is replaced by ours'));
  await eventually(() => forwarder.problem === undefined);
});

test('one that runs apart and takes tables of another form is named, with the cure', async () => {
  play('program other\napart 1\nformat 7');
  await forwarder.run('');
  await eventually(() => forwarder.problem !== undefined);
  expect(forwarder.problem).toMatch(
    /^the UDP forwarder that runs apart .* of format 7, .* writes \d+: give both the same version$/,
  );
});

test('when none is needed there is no table, without which none that runs apart begins', async () => {
  await forwarder.run('local 192.0.2.1\n');
  expect(existsSync(join(folder, 'table'))).toBe(true);
  await forwarder.dismiss();
  expect(existsSync(join(folder, 'table'))).toBe(false);
  await forwarder.run('local 192.0.2.1\n');
  expect(existsSync(join(folder, 'table'))).toBe(true);
});
