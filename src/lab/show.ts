/** The lab as `npm run lab` shows it: up, converged, pods, tables, the ping matrix. */
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildCniPlugin } from '../cni/build.ts';
import type { AgentStatus } from '../inspect/agent-status.ts';
import { INSPECT_SOCKET, readAgentStatus } from '../inspect/client.ts';
import { Lab } from './lab.ts';
import { type LabPod, pingMatrix, startPod } from './pods.ts';
import { blocksReport, pingReport, sessionsReport } from './report.ts';
import { PODS_LABEL } from './topology/topology.ts';

const AGENTS_DEADLINE_MS = 60_000;
const MATRIX_DEADLINE_MS = 20_000;
const POLL_MS = 100;

export type Print = (text: string) => void;

/** Brings the lab up and shows it. `answered`: whether every ping was; true where there are no pods to ping. */
export async function showLab(
  topologyFile: string,
  print: Print,
  onLab: (lab: Lab) => void,
): Promise<{ answered: boolean }> {
  const startedAt = performance.now();
  const step = (text: string) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    print(`${seconds.padStart(6)} s  ${text}`);
  };
  print(`lab ${relative(process.cwd(), topologyFile)}`);
  const plugin = buildCniPlugin();
  const lab = await Lab.start({ topologyFile, environment: process.env, onStep: step });
  onLab(lab);
  const agents = agentNodes(lab);
  if (agents.length === 0) {
    step('no node runs tortie agent: nothing more to show');
    return { answered: true };
  }
  const converged = await agentsConverged(lab, agents, step);
  step(
    `every BGP session is established: ${seconds(convergenceMs(converged))} after the last agent's start`,
  );
  const pods = await startPods(lab, plugin, step);
  const answered = await showPods(lab, agents, pods, print, step);
  return { answered };
}

function agentNodes(lab: Lab): string[] {
  return lab.topology.nodes.filter((node) => node.cmd[0] === 'agent').map((node) => node.name);
}

/** The status of each agent, once all are ready, know one another and have all their sessions. */
export async function agentsConverged(
  lab: Lab,
  agents: readonly string[],
  step: Print,
): Promise<AgentStatus[]> {
  const deadline = performance.now() + AGENTS_DEADLINE_MS;
  let ready = 0;
  for (;;) {
    const statuses = await agentStatuses(lab, agents);
    const present = statuses.filter((status) => status !== undefined);
    const nowReady = present.filter((status) => status.notReady.length === 0).length;
    if (nowReady > ready) step(`${nowReady} of ${agents.length} agents are ready`);
    ready = Math.max(ready, nowReady);
    if (present.length === agents.length && present.every((status) => isConverged(status, agents)))
      return present;
    for (const name of lab.topology.nodes.map((node) => node.name)) {
      const failure = await lab.programFailure(name);
      if (failure) throw new Error(failure);
    }
    if (performance.now() > deadline)
      throw new Error(
        `the lab did not converge in ${AGENTS_DEADLINE_MS / 1000} s:\n${missing(agents, statuses, agents.length)}`,
      );
    await sleep(POLL_MS);
  }
}

export function agentStatuses(
  lab: Lab,
  agents: readonly string[],
): Promise<(AgentStatus | undefined)[]> {
  return Promise.all(
    agents.map((name) =>
      // Through the node's own root folder: a Unix socket is reached by path, from any namespace.
      readAgentStatus(`/proc/${lab.node(name).pid}/root${INSPECT_SOCKET}`).catch(() => undefined),
    ),
  );
}

function isConverged(status: AgentStatus, agents: readonly string[]): boolean {
  return (
    status.notReady.length === 0 &&
    agents.every((name) => status.knownNodes.includes(name)) &&
    status.sessions.every((session) => session.state === 'Established')
  );
}

function missing(
  agents: readonly string[],
  statuses: readonly (AgentStatus | undefined)[],
  count: number,
): string {
  return agents
    .map((name, index) => {
      const status = statuses[index];
      if (!status)
        return `${name}: no answer; see: npx tortie lab exec ${name} cat /var/log/${name}.log`;
      const down = status.sessions.filter((session) => session.state !== 'Established');
      const reasons = [
        ...status.notReady,
        ...status.problems,
        ...down.map((one) => `session with ${one.address} is ${one.state} ${one.lastError ?? ''}`),
        ...(status.knownNodes.length < count ? [`knows only ${status.knownNodes.join(', ')}`] : []),
      ];
      return `${name}: ${reasons.join('; ') || 'converged'}`;
    })
    .join('\n');
}

function convergenceMs(agents: readonly AgentStatus[]): number {
  const lastStart = Math.max(...agents.map((agent) => agent.startedAt));
  const lastSession = Math.max(
    ...agents.flatMap((agent) => agent.sessions.map((one) => one.since)),
  );
  return Math.max(0, lastSession - lastStart);
}

async function startPods(lab: Lab, plugin: string, step: Print): Promise<LabPod[]> {
  const before = performance.now();
  const byNode = await Promise.all(
    lab.topology.nodes.map(async (node) => {
      const pods: LabPod[] = [];
      for (let index = 1; index <= Number(node.labels[PODS_LABEL] ?? 0); index++)
        pods.push(await startPod(lab, plugin, node.name, `${node.name}-pod${index}`));
      return pods;
    }),
  );
  const pods = byNode.flat();
  step(`${pods.length} pods wired by the CNI plugin in ${seconds(performance.now() - before)}`);
  return pods;
}

async function showPods(
  lab: Lab,
  agents: readonly string[],
  pods: readonly LabPod[],
  print: Print,
  step: Print,
): Promise<boolean> {
  const deadline = performance.now() + MATRIX_DEADLINE_MS;
  let pings = await pingMatrix(lab, pods);
  while (pings.some((ping) => ping.milliseconds === undefined) && performance.now() < deadline)
    pings = await pingMatrix(lab, pods);
  const lost = pings.filter((ping) => ping.milliseconds === undefined).length;
  step(lost === 0 ? `all ${pings.length} pings answered` : `${lost} of ${pings.length} pings LOST`);
  const statuses = (await agentStatuses(lab, agents)).filter((status) => status !== undefined);
  const [shown] = agents;
  const routes = await lab.mustRun(shown!, ['sh', '-c', 'ip route; ip -6 route']);
  print(`\nBGP sessions\n${sessionsReport(statuses)}`);
  print(`\nIPAM blocks\n${blocksReport(statuses)}`);
  print(`\nKernel routes of ${shown}\n${routes.trimEnd()}`);
  if (pods.length > 0)
    print(`\nPing, IPv4 and IPv6, from each pod (line) to each other\n${pingReport(pods, pings)}`);
  return lost === 0;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
