/** A lab with its agents converged and two pods on each node. Needs root; the caller closes the lab. */
import { setTimeout as sleep } from 'node:timers/promises';
import { buildCniPlugin } from '../../src/cni/build.ts';
import { Lab } from '../../src/lab/lab.ts';
import { type LabPod, type Ping, pingMatrix, startPod } from '../../src/lab/pods.ts';
import { agentsConverged } from '../../src/lab/show.ts';

export interface LabWithPods {
  lab: Lab;
  /** The folder that holds the CNI plugin. */
  plugin: string;
  pods: LabPod[];
}

/** @param others Nodes that are to converge too, and have no pods. */
export async function startLabWithPods(
  topologyFile: string,
  nodes: readonly string[],
  others: readonly string[] = [],
): Promise<LabWithPods> {
  const plugin = buildCniPlugin();
  // A name of its own, so that the test does not meet a lab that somebody keeps running.
  const environment = { LAB_NAME: `test-${process.pid}` };
  const lab = await Lab.start({ topologyFile, environment, onStep: () => {} });
  try {
    await agentsConverged(lab, [...nodes, ...others], () => {});
    const pods: LabPod[] = [];
    for (const node of nodes)
      for (const index of [1, 2])
        pods.push(await startPod(lab, plugin, node, `${node}-pod${index}`));
    return { lab, plugin, pods };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

export function onePodANode(pods: readonly LabPod[]): LabPod[] {
  return [...Map.groupBy(pods, ({ node }) => node).values()].map(([first]) => first!);
}

/** What is still not answered when the deadline has passed; returns as soon as that is nothing. */
export async function lostPings(
  lab: Lab,
  pods: readonly LabPod[],
  deadlineMs: number,
): Promise<Ping[]> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const lost = (await pingMatrix(lab, pods)).filter((ping) => ping.milliseconds === undefined);
    if (lost.length === 0 || performance.now() > deadline) return lost;
  }
}

const PING_INTERVAL_MS = 20;
/** An agent is there and its routes are in after five; then what is wrong with them shows. */
const RESTART_SECONDS = 25;

/**
 * Pings every 20 ms from each pod to each other one, over both families, while `doings` goes on and
 * some time after.
 * @returns pings that lost packets, in ping's words
 */
export async function packetsLostDuring(
  lab: Lab,
  pods: readonly LabPod[],
  seconds: number,
  doings: () => Promise<void>,
): Promise<string[]> {
  const count = String((seconds * 1000) / PING_INTERVAL_MS);
  const options = ['-n', '-q', '-i', String(PING_INTERVAL_MS / 1000), '-c', count, '-W', '2'];
  const pinging = pods.flatMap((from) =>
    pods
      .filter((to) => to !== from)
      .flatMap((to) => to.addresses)
      .map(async (address) => {
        const ping = ['ip', 'netns', 'exec', from.name, 'ping', ...options, address];
        const { stdout } = await lab.run(from.node, ping);
        const [summary = stdout] = /^.*packets transmitted.*$/m.exec(stdout) ?? [];
        return {
          isWhole: / 0% packet loss/.test(summary),
          text: `${from.name} → ${address}: ${summary}`,
        };
      }),
  );
  const [results] = await Promise.all([Promise.all(pinging), doings()]);
  return results.filter(({ isWhole }) => !isWhole).map(({ text }) => text);
}

/** As packetsLostDuring: `nodes` lose their agents at once, and have them back a second later. */
export function packetsLostInRestart(
  lab: Lab,
  pods: readonly LabPod[],
  nodes: readonly string[],
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<string[]> {
  return packetsLostDuring(lab, pods, RESTART_SECONDS, async () => {
    await sleep(1_000);
    await Promise.all(nodes.map((node) => lab.killProgram(node, signal)));
    await sleep(1_000);
    for (const node of nodes) lab.startProgram(node);
    await agentsConverged(lab, nodes, () => {});
  });
}
