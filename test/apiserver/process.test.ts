/** `tortie apiserver` as a process: how it starts, refuses to, stops, and how fast it writes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { IPPool } from '../../api/index.ts';
import { connect } from '../../src/datastore/index.ts';
import { pool } from './harness.ts';

const here = import.meta.dirname;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-process-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

/** Its log's last line tells why it ended, when it did before it was ready. */
async function start(...more: string[]) {
  const flags = ['--data', path('data'), '--kubeconfig-out', path('kubeconfig'), ...more];
  if (!more.includes('--listen')) flags.push('--listen', '127.0.0.1:0');
  const program = [join(here, 'run-apiserver.ts'), 'apiserver', ...flags];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(child, 'exit');
  let last = '';
  child.stderr.on('data', (text) => {
    last += text;
  });
  for await (const line of createInterface(child.stdout)) {
    last = JSON.parse(line).msg;
    if (last === 'the API server is ready') break;
  }
  return { child, exit, last };
}

test('it starts, stops on SIGTERM with exit code 0, and starts again with what it had', async () => {
  for (const count of [0, 1, 2]) {
    const { child, exit } = await start();
    const store = await connect({ kubeconfig: path('kubeconfig') });
    expect((await store.list(IPPool)).items).toHaveLength(count);
    const rack = pool(`rack-${count}`, { cidr: `10.6${count}.0.0/16` });
    await store.create(IPPool, rack as IPPool);
    store.close();
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  }
});

test('over plain HTTP, its kubeconfig is good too', async () => {
  const { child, exit } = await start('--insecure');
  const store = await connect({ kubeconfig: path('kubeconfig') });
  await store.create(IPPool, pool('rack-a') as IPPool);
  store.close();
  child.kill('SIGINT');
  expect(await exit).toEqual([0, null]);
});

test('a port that is taken, and a folder that is in use, are named', async () => {
  const { child, exit } = await start();
  const { clusters } = parse(readFileSync(path('kubeconfig'), 'utf8'));
  const { port } = new URL(clusters[0].cluster.server);
  const taken = await start('--data', path('other'), '--listen', `127.0.0.1:${port}`);
  expect(taken.last).toMatch(/cannot listen on 127.0.0.1:\d+: another program listens there/);
  expect(await taken.exit).toEqual([1, null]);
  const second = await start();
  expect(second.last).toMatch(/state.db is in use: another API server runs on this data folder/);
  expect(await second.exit).toEqual([1, null]);
  child.kill();
  await exit;
});

test.each([
  [['--listen', 'localhost:6443'], /write an address and a port/],
  [['--listen', '127.0.0.1'], /write an address and a port/],
  [['--listen', '0.0.0.0:0', '--insecure'], /plain HTTP is served on loopback only/],
])('%j is refused', async (flags, message) => {
  const { exit, last } = await start(...flags);
  const [code] = await exit;
  expect([code, last]).toEqual([1, expect.stringMatching(message)]);
});

test('20 clients that write at once share commits', async () => {
  const report = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [join(here, 'throughput.ts'), '2'], (error, out, err) =>
      error ? reject(new Error(err)) : resolve(out),
    );
  });
  console.log(`20 clients: ${report.trim()}`);
  // 2,000 and more where the machine is not busy. Judged is only that they get on.
  expect(JSON.parse(report).writesPerSecond).toBeGreaterThan(10);
});
