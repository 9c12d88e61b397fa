/** A lab with its agents converged and two pods on each node. Needs root; the caller closes the lab. */
import { setTimeout as sleep } from 'node:timers/promises';
import { buildCniPlugin } from '../../src/cni/build.ts';
import type { PeerJson } from '../../src/inspect/bgp-json.ts';
import { INSPECT_SOCKET, readPeers } from '../../src/inspect/client.ts';
import { Lab } from '../../src/lab/lab.ts';
import { type LabPod, type Ping, pingMatrix, startPod } from '../../src/lab/pods.ts';
import { agentsConverged } from '../../src/lab/show.ts';
import { ipRoutes } from '../ip-routes.ts';

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

/** What a node's agent tells of its peers. A program that asks would take a second to start on a busy machine. */
export function peersOf(lab: Lab, node: string): Promise<PeerJson[]> {
  return readPeers(`/proc/${lab.node(node).pid}/root${INSPECT_SOCKET}`);
}

/** Polls until `check` is true; false when the deadline passed first. */
export async function within(
  milliseconds: number,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (performance.now() < deadline) {
    if (await check()) return true;
    await sleep(100);
  }
  return false;
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

/** What is wrong with an agent's routes shows when it is there and all has been said. */
const AFTERWARDS_MS = 5_000;
/** Two seconds of pings. Ping has then waited for each answer, which it does not when it is interrupted. */
const ROUND = 'ping -n -q -i 0.02 -c 100 -W 2';

/**
 * Pings every 20 ms from each pod to each other one, over both families, while `doings` goes on and
 * `afterwardsMs` more.
 * @returns pings that lost packets, in ping's words
 */
export async function packetsLostDuring(
  lab: Lab,
  pods: readonly LabPod[],
  doings: () => Promise<void>,
  afterwardsMs: number = AFTERWARDS_MS,
): Promise<string[]> {
  const pinging = pods.flatMap((from) =>
    pods
      .filter((to) => to !== from)
      .flatMap((to) => to.addresses)
      .map((address) => {
        const end = watch(lab, from.node, (isEnough) => {
          const round = `ip netns exec ${from.name} ${ROUND} ${address}`;
          return `while ${round}; ! ${isEnough}; do :; done`;
        });
        return async () => {
          const said = await end();
          const rounds = said.match(/^.*packets transmitted.*$/gm) ?? [said];
          const lossy = rounds.filter((round) => !/ 0% packet loss/.test(round));
          return lossy.map((round) => `${from.name} → ${address}: ${round}`);
        };
      }),
  );
  await doings();
  await sleep(afterwardsMs);
  return (await Promise.all(pinging.map((end) => end()))).flat();
}

/** Of `ip -ts monitor route` on a node while `doings` goes on: lines about routes that are ours. */
export async function routesTouchedDuring(
  lab: Lab,
  node: string,
  doings: () => Promise<void>,
): Promise<string[]> {
  const listens = `/run/listens-${watches}`;
  const monitor = watch(
    lab,
    node,
    (isEnough) => `
      ip -ts monitor route &
      until grep -q " $! " /proc/net/netlink; do sleep 0.1; done; touch ${listens}
      until ${isEnough}; do sleep 0.1; done; kill $!`,
  );
  await lab.mustRun(node, ['sh', '-c', `until [ -e ${listens} ]; do sleep 0.1; done`]);
  await doings();
  return ipRoutes(await monitor()).filter((line) => /proto 80/.test(line));
}

let watches = 0;

/**
 * Starts a shell script in a node, which goes on until a test says that it is enough.
 * @returns what says so, and then returns what the script printed
 */
function watch(
  lab: Lab,
  node: string,
  script: (isEnough: string) => string,
): () => Promise<string> {
  const enough = `/run/enough-${watches++}`;
  const running = lab.run(node, ['sh', '-c', script(`[ -e ${enough} ]`)]);
  return async () => {
    await lab.mustRun(node, ['touch', enough]);
    return (await running).stdout;
  };
}

/** As packetsLostDuring: `nodes` lose their agents at once, and have them back a second later. */
export function packetsLostInRestart(
  lab: Lab,
  pods: readonly LabPod[],
  nodes: readonly string[],
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<string[]> {
  return packetsLostDuring(lab, pods, async () => {
    await sleep(1_000);
    await Promise.all(nodes.map((node) => lab.killProgram(node, signal)));
    await sleep(1_000);
    for (const node of nodes) lab.startProgram(node);
    await agentsConverged(lab, nodes, () => {});
  });
}
