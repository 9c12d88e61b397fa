/**
 * Writes per second of `tortie apiserver`, its own process, over TLS: 20 clients that each create
 * objects and update them, one request at a time. Prints one JSON line.
 *
 *     node test/apiserver/throughput.ts [seconds]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { IPAMHandle } from '../../api/index.ts';
import { connect } from '../../src/datastore/index.ts';

const CLIENTS = 20;
const seconds = Number(process.argv[2] ?? 3);

const folder = mkdtempSync(join(tmpdir(), 'tortie-throughput-'));
const kubeconfig = join(folder, 'kubeconfig');
const server = spawn(
  process.execPath,
  [
    join(import.meta.dirname, 'run-apiserver.ts'),
    'apiserver',
    ...['--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--kubeconfig-out', kubeconfig],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  for await (const line of createInterface(server.stdout)) if (line.includes('is ready')) break;
  const store = await connect({ kubeconfig });
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => write(client)));
  const took = (performance.now() - begin) / 1000;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => Number(latencies[Math.floor(latencies.length * q)]!.toFixed(1));
  console.log(
    JSON.stringify({
      writesPerSecond: Math.round(latencies.length / took),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
    }),
  );
  store.close();

  async function write(client: number): Promise<void> {
    for (let i = 0; performance.now() < end; i++) {
      const name = `net.client-${client}-${i}`;
      let handle: IPAMHandle = {
        apiVersion: 'projectcalico.org/v3',
        kind: 'IPAMHandle',
        metadata: { name },
        spec: { handleID: name, block: { '10.0.0.0/26': 1 } },
      };
      handle = await timed(() => store.create(IPAMHandle, handle));
      for (let count = 2; count < 5; count++) {
        handle.spec.block = { '10.0.0.0/26': count };
        handle = await timed(() => store.update(IPAMHandle, handle));
      }
    }
  }

  async function timed<T>(work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const result = await work();
    latencies.push(performance.now() - from);
    return result;
  }
} finally {
  server.kill();
  await once(server, 'exit');
  rmSync(folder, { recursive: true });
}
