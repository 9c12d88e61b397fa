/** CNI plugins on the nodes of a lab, by turns, with one sandbox at a time and with twenty. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lab } from '../../src/lab/lab.ts';
import { compile } from '../compile.ts';

export const AT_A_TIME = [1, 20] as const;
export const COMMANDS = ['ADD', 'DEL'] as const;
/** Of a round. A block of 64 addresses has room for them. */
const SANDBOXES = 40;
const READY_DEADLINE_MS = 60_000;

export interface Contestant {
  readonly name: string;
  readonly node: string;
  readonly plugin: string;
  readonly conf: Readonly<Record<string, unknown>>;
}

const OURS = { plugin: '/opt/cni/bin/tortie', conf: { type: 'tortie' } };

export const CONTESTANTS: readonly Contestant[] = [
  { name: 'Tortie, pod CIDRs', node: 'cidr', ...OURS },
  { name: 'Tortie, blocks on the embedded API server', node: 'blocks', ...OURS },
  {
    name: 'ptp + host-local',
    node: 'reference',
    plugin: '/usr/lib/cni/ptp',
    conf: {
      type: 'ptp',
      ipMasq: false,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/24' }]] },
    },
  },
];

/** Milliseconds, by `ADD 20` and the like. */
export type Times = Map<string, number[]>;

/** @returns times by the contestant's name. */
export async function measure(rounds: number): Promise<Map<string, Times>> {
  const lab = await Lab.start({
    topologyFile: join(import.meta.dirname, 'nodes.clab.yml'),
    environment: { LAB_NAME: `bench-${process.pid}` },
    onStep: () => {},
  });
  try {
    await prepare(lab);
    const results = new Map(CONTESTANTS.map(({ name }) => [name, new Map<string, number[]>()]));
    // The first does not count: caches are cold, and the first block is to be claimed.
    for (let round = 0; round <= rounds; round++)
      for (const contestant of CONTESTANTS)
        for (const atATime of AT_A_TIME)
          for (const command of COMMANDS) {
            const times = await run(lab, contestant, command, atATime);
            if (round === 0) continue;
            const all = results.get(contestant.name)!;
            const key = `${command} ${atATime}`;
            all.set(key, [...(all.get(key) ?? []), ...times]);
          }
    return results;
  } finally {
    await lab.close();
  }
}

const sandboxes = Array.from({ length: SANDBOXES }, (_, index) => `sandbox${index}`);
const runtime = () => join(compile(import.meta.dirname, { runtime: ['runtime.c'] }), 'runtime');

async function prepare(lab: Lab): Promise<void> {
  await lab.mustRun('api', ['sh', '-c', GIVE_POD_CIDR]);
  for (const { node } of CONTESTANTS) {
    const made = sandboxes.map((name) => `ip netns add ${name}`).join(' && ');
    await lab.mustRun(node, ['sh', '-c', made]);
  }
  for (const contestant of CONTESTANTS) {
    const { conf, name, node } = contestant;
    const text = JSON.stringify({ cniVersion: '1.0.0', name: 'bench', ...conf });
    await lab.mustRun(node, ['sh', '-c', `cat > ${confFile(name)}`], text);
  }
  const deadline = performance.now() + READY_DEADLINE_MS;
  for (const { node } of CONTESTANTS.filter(({ plugin }) => plugin === OURS.plugin))
    while ((await status(lab, node)).code !== 0) {
      if (performance.now() > deadline)
        throw new Error(`${node} is not ready: ${(await status(lab, node)).stdout}`);
      await sleep(200);
    }
}

function status(lab: Lab, node: string): ReturnType<Lab['run']> {
  const conf = JSON.stringify({ cniVersion: '1.1.0', name: 'bench', type: 'tortie' });
  return lab.run(node, ['env', 'CNI_COMMAND=STATUS', OURS.plugin], conf);
}

/** As kube-controller-manager does; waits for the agent to have made its Node. */
const GIVE_POD_CIDR = `
  token=$(sed -n 's/^ *token: //p' /etc/tortie/admin.kubeconfig | tr -d '"')
  exec curl -sSk --fail-with-body --retry 30 --retry-delay 1 --retry-all-errors -X PATCH \\
    -H "Authorization: Bearer $token" -H 'Content-Type: application/merge-patch+json' \\
    -d '{"spec":{"podCIDR":"10.66.1.0/24","podCIDRs":["10.66.1.0/24"]}}' \\
    https://172.20.20.10:6443/api/v1/nodes/cidr`;

async function run(
  lab: Lab,
  { name, node, plugin }: Contestant,
  command: string,
  atATime: number,
): Promise<number[]> {
  const argv = [runtime(), plugin, command, confFile(name), String(atATime), ...sandboxes];
  return (await lab.mustRun(node, argv)).trim().split('\n').map(Number);
}

function confFile(contestant: string): string {
  return `/run/${contestant.replaceAll(/\W+/g, '-')}.conf`;
}
