/** A node that joins a cluster of a thousand, by each way in which pools' packets travel. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCKS_A_NODE, NODES } from './cluster.ts';
import { Host, kernelHas } from './host.ts';
import { OwnProcess } from './own-process.ts';
import type { Convergence } from './results.ts';

export interface Encapsulation {
  readonly id: string;
  /** Of the pool. */
  readonly modes: object;
  readonly isThere: boolean;
}

export const ENCAPSULATIONS: readonly Encapsulation[] = [
  { id: 'none', modes: {}, isThere: true },
  { id: 'vxlan', modes: { vxlanMode: 'Always' }, isThere: kernelHas('vxlan') },
  { id: 'udp', modes: { udpMode: 'Always' }, isThere: true },
  { id: 'ipip', modes: { ipipMode: 'Always' }, isThere: kernelHas('ipip') },
];

/** By a process that has just been started, into a kernel that has nothing. @param folder for its files */
export async function converge({ modes }: Encapsulation, folder: string): Promise<Convergence> {
  const host = new Host('node');
  const state = mkdtempSync(join(folder, 'node-'));
  const node = await OwnProcess.start(host, 'node-process.ts', JSON.stringify(modes), state);
  try {
    const all = host.countRoutes() + NODES * BLOCKS_A_NODE;
    await node.figures();
    const began = performance.now();
    await node.ask('join');
    await host.until((count) => count >= all);
    const seconds = (performance.now() - began) / 1000;
    const figures = await node.figures();
    const faults = await node.ask<unknown[]>('faults');
    if (faults.length > 0) throw new Error(`not converged: ${JSON.stringify(faults.slice(0, 3))}`);
    return { seconds, ...figures };
  } finally {
    node.end();
    host.end();
  }
}
