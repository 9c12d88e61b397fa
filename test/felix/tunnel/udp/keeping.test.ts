/** Who looks after the forwarder, with one that is played: why it does not run, and when it is tried again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Forwarder } from '../../../../felix/tunnel/udp/forwarder.ts';
import { eventually } from '../../namespace.ts';
import { realClock, TestLog } from '../../ports.ts';

let folder: string;
let log: TestLog;
let forwarder: Forwarder;
let server: Server | undefined;
let clients: Socket[];
/** Of each start, its arguments. */
let starts: (readonly string[])[];
/** Why the next ones end at once; undefined: they run. */
let lastWords: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'forwarder-'));
  log = new TestLog();
  [starts, clients, lastWords] = [[], [], undefined];
  forwarder = new Forwarder({ folder, start, clock: realClock, random: () => 0, log });
});

afterEach(() => {
  forwarder.release();
  die();
  rmSync(folder, { recursive: true });
});

async function start(args: readonly string[]) {
  starts.push(args);
  if (lastWords !== undefined) return { ended: Promise.resolve(lastWords) };
  server = createServer((client) => {
    clients.push(client);
    client.on('data', () => client.write('sent 3\nreceived 2\n\n')).on('error', () => {});
  });
  server.listen(args.at(-1));
  return { ended: new Promise<string>(() => {}) };
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
  lastWords = undefined;
  await eventually(async () => (await forwarder.counters()) !== undefined);
  await eventually(() => forwarder.problem === undefined);
});

test('one that ends is started again at once; one that nobody needs any more is not', async () => {
  await forwarder.run('');
  await eventually(() => clients.length > 0);
  die();
  await eventually(() => starts.length === 2 && clients.length > 0);
  forwarder.release();
  die();
  await forwarder.run('');
  // Released and wanted again: it looks first, and finds none.
  await eventually(() => starts.length === 3);
});

test('one that runs is taken over, whoever started it', async () => {
  await start([join(folder, 'socket')]);
  starts = [];
  await forwarder.run('');
  await eventually(() => log.lines.some((line) => line.includes('is taken over')));
  expect(starts).toEqual([]);
});
