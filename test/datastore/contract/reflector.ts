import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { IPPool } from '../../../api/index.ts';
import type { Log } from '../../../ports.ts';
import { connect, type Datastore, Reflector } from '../../../src/datastore/index.ts';
import { systemClock } from '../../../src/system.ts';
import type { Contract } from '../contract.ts';
import { pool } from './samples.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export function reflectorContract(contract: Contract): void {
  const { fresh } = contract;
  let folder: string;
  let proxy: Relay;
  /** Reaches the server through the proxy. */
  let store: Datastore;
  let reflector: Reflector<IPPool> | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tortie-proxy-'));
    const config = parse(readFileSync(contract.server.kubeconfig, 'utf8'));
    const { cluster } = config.clusters[0];
    const target = new URL(cluster.server);
    proxy = await Relay.open(target);
    target.port = String(proxy.port);
    cluster.server = target.href;
    const ca = cluster['certificate-authority'];
    if (ca?.startsWith('.'))
      throw new Error('this test moves the file: its paths must be absolute');
    const kubeconfig = join(folder, 'config');
    writeFileSync(kubeconfig, stringify(config));
    // Short, since a connection may be swallowed while it is being made.
    store = await connect({ kubeconfig, deadlineMs: 3000 });
  });
  afterEach(async () => {
    reflector?.close();
    store.close();
    await proxy.close();
    rmSync(folder, { recursive: true });
  });

  function reflect(group: string, options: { silenceMs?: number; pageSize?: number } = {}) {
    const seen: string[] = [];
    const mine = new Reflector<IPPool>({
      store,
      type: IPPool,
      labelSelector: `group=${group}`,
      clock: systemClock,
      random: Math.random,
      log: quiet,
      onChange: (kind, { metadata }) => seen.push(`${kind} ${metadata.name}`),
      onSynced: () => seen.push('synced'),
      ...options,
    });
    reflector = mine;
    return { seen, reflector: mine };
  }

  const create = (group: string, name: string) =>
    contract.store.create(IPPool, pool(`${group}-${name}`, { labels: { group } }));

  test('follows what happens', async () => {
    const group = fresh('follow');
    for (const name of ['a', 'b', 'c']) await create(group, name);
    const { seen, reflector } = reflect(group, { pageSize: 2 });
    await until(() => reflector.synced);
    expect(seen).toEqual([`added ${group}-a`, `added ${group}-b`, `added ${group}-c`, 'synced']);
    await create(group, 'd');
    await contract.store.patch(IPPool, `${group}-a`, { spec: { disabled: true } });
    await contract.store.delete(IPPool, `${group}-b`);
    await until(() => seen.length >= 7);
    expect(seen.slice(4)).toEqual([`added ${group}-d`, `updated ${group}-a`, `deleted ${group}-b`]);
    expect(reflector.get(`${group}-a`)).toEqual(await contract.store.get(IPPool, `${group}-a`));
  });

  test('misses nothing of what happens while the connection is cut', async () => {
    const group = fresh('cut');
    await create(group, 'a');
    await create(group, 'b');
    const { seen, reflector } = reflect(group);
    await until(() => reflector.synced);
    proxy.refuse();
    await contract.store.delete(IPPool, `${group}-a`);
    await create(group, 'c');
    await sleep(300);
    proxy.accept();
    await until(() => seen.includes(`added ${group}-c`));
    expect(seen.slice(3)).toEqual([`deleted ${group}-a`, `added ${group}-c`]);
    expect(reflector.size).toBe(2);
  });

  test('notices a connection that went silent without a word', async () => {
    const group = fresh('silent');
    const { seen, reflector } = reflect(group, { silenceMs: 1000 });
    await until(() => reflector.synced);
    proxy.swallow();
    await create(group, 'a');
    await until(() => seen.includes(`added ${group}-a`));
  });

  test('starts while the server is away, and syncs when it comes', async () => {
    const group = fresh('late');
    await create(group, 'a');
    proxy.refuse();
    const { seen, reflector } = reflect(group);
    await sleep(300);
    expect(reflector.synced).toBe(false);
    proxy.accept();
    await until(() => reflector.synced);
    expect(seen).toEqual([`added ${group}-a`, 'synced']);
  });
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('what was awaited did not happen within 30 s');
    await sleep(20);
  }
}

/** Carries bytes to the server, until a test cuts it, or makes it swallow them. */
class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  #refusing = false;

  static async open(target: URL): Promise<Relay> {
    const proxy = new Relay(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  constructor({ hostname: host, port }: URL) {
    this.#server = createServer((near) => {
      near.on('error', () => {});
      if (this.#refusing) {
        near.resetAndDestroy();
        return;
      }
      const far = dial({ host, port: Number(port) });
      far.on('error', () => near.destroy());
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
      near.on('close', () => {
        far.destroy();
        this.#pairs.delete(pair);
      });
      far.on('close', () => near.destroy());
      near.pipe(far);
      far.pipe(near);
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Resets every connection, and new ones. */
  refuse(): void {
    this.#refusing = true;
    for (const [near] of this.#pairs) near.resetAndDestroy();
  }

  accept(): void {
    this.#refusing = false;
  }

  /** Present connections stay open and carry nothing; new ones work. */
  swallow(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far);
      far.unpipe(near);
      near.resume();
      far.resume();
    }
  }

  async close(): Promise<void> {
    for (const [near] of this.#pairs) near.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
