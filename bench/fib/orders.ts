/** A program of ours under orders of the benchmark, and what it takes for them. */
import { TurnWatch } from '../turns.ts';
import type { Figures } from './results.ts';

const DONE = 'done';
const US_PER_MS = 1000;
const KIB_PER_MIB = 1024;

/** An order is answered with what it resolves to. */
export type Orders = Readonly<Record<string, () => unknown>>;

/** Tells that it is ready, and obeys for as long as the process lives. */
export function obey(orders: Orders): void {
  const turns = new TurnWatch();
  let since = process.cpuUsage();
  const figures = (): Figures => {
    const { user, system } = process.cpuUsage(since);
    since = process.cpuUsage();
    return {
      cpuMs: (user + system) / US_PER_MS,
      peakRssMiB: process.resourceUsage().maxRSS / KIB_PER_MIB,
      turns: turns.take(),
    };
  };
  const all: Orders = { ...orders, figures };
  process.on('message', async (order: string) => {
    process.send!((await all[order]!()) ?? DONE);
  });
  process.send!('ready');
}
