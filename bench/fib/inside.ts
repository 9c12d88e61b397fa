/**
 * The benchmark itself, as the first process of namespaces of its own: whatever it leaves behind ends with it.
 * Progress goes to standard error; the results, as one JSON object, to standard output.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './command.ts';
import { converge, ENCAPSULATIONS } from './convergence.ts';
import type { Addition, Convergence, Results, Resync } from './results.ts';
import { openWays, type Way } from './ways.ts';

const options: BenchOptions = JSON.parse(process.argv[2]!);
const { routes, runs } = options;
const folder = mkdtempSync(join(tmpdir(), 'tortie-fib-'));
const loadAverages: number[] = [];
const additions: Record<string, Addition[]> = {};
const resyncs: Resync[] = [];
const convergences: Record<string, Convergence[]> = {};
execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
mkdirSync('/run/netns');
const ways = await openWays(routes, folder);
try {
  // The first round does not count.
  for (let round = 0; round <= runs; round++) {
    loadAverages.push(Number(loadavg()[0]!.toFixed(1)));
    for (const way of ways) {
      const addition = await add(way);
      tell(round, way.id, addition);
      const resync = await readAgain(way);
      if (resync !== undefined) tell(round, 'resync', resync);
      const left = way.host.countRoutes() - routes;
      await way.remove();
      await way.host.until((count) => count === left);
      if (round === 0) continue;
      additions[way.id] = [...(additions[way.id] ?? []), addition];
      if (resync !== undefined) resyncs.push(resync);
    }
    for (const encapsulation of ENCAPSULATIONS) {
      const { id, isThere } = encapsulation;
      convergences[id] ??= [];
      if (!isThere) continue;
      const convergence = await converge(encapsulation, folder);
      tell(round, id, convergence);
      if (round > 0) convergences[id].push(convergence);
    }
  }
} finally {
  for (const way of ways) way.end();
  rmSync(folder, { recursive: true, force: true });
}

const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`,
  ...{ runs, routes, loadAverages, additions, resyncs, convergences },
};
process.stdout.write(JSON.stringify(results), () => process.exit(0));

async function add(way: Way): Promise<Addition> {
  await way.figures?.();
  const all = way.host.countRoutes() + routes;
  const began = performance.now();
  await way.add();
  const seconds = (performance.now() - began) / 1000;
  await way.host.until((count) => count === all);
  const figures = await way.figures?.();
  return { seconds, ...(figures && { figures }) };
}

async function readAgain(way: Way): Promise<Resync | undefined> {
  if (way.resync === undefined) return undefined;
  await way.figures!();
  const began = performance.now();
  const written = await way.resync();
  const ms = performance.now() - began;
  return { ms, written, ...(await way.figures!()) };
}

function tell(round: number, what: string, measured: object): void {
  process.stderr.write(`run ${round} · ${what}: ${JSON.stringify(measured)}\n`);
}
