/** Pods of a lab: a network namespace in the node, wired by the CNI plugin as a container runtime would do it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Lab } from './lab.ts';

export interface LabPod {
  node: string;
  name: string;
  containerID: string;
  /** In the node: /run/netns/<name>. */
  netns: string;
  addresses: string[];
}

export interface Ping {
  from: LabPod;
  to: LabPod;
  address: string;
  /** Undefined: no answer. */
  milliseconds: number | undefined;
}

const CONF = JSON.stringify({ cniVersion: '1.0.0', name: 'tortie', type: 'tortie' });
const PING_DEADLINE_SECONDS = 2;

/** `pluginFolder`: where the CNI plugin is, as seen in the node. */
export async function startPod(
  lab: Lab,
  pluginFolder: string,
  node: string,
  name: string,
): Promise<LabPod> {
  const pod = { node, name, containerID: randomUUID(), netns: `/run/netns/${name}`, addresses: [] };
  await lab.mustRun(node, ['ip', 'netns', 'add', name]);
  const answer = await cni(lab, pluginFolder, 'ADD', pod);
  const { ips } = JSON.parse(answer) as { ips: { address: string }[] };
  return { ...pod, addresses: ips.map(({ address }) => address.split('/')[0]!) };
}

export async function stopPod(lab: Lab, pluginFolder: string, pod: LabPod): Promise<void> {
  await cni(lab, pluginFolder, 'DEL', pod);
  await lab.mustRun(pod.node, ['ip', 'netns', 'del', pod.name]);
}

/** What the plugin printed; an error is one that names the pod. */
export async function cni(
  lab: Lab,
  pluginFolder: string,
  command: 'ADD' | 'DEL' | 'CHECK',
  pod: Pick<LabPod, 'node' | 'name' | 'containerID' | 'netns'>,
): Promise<string> {
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod.containerID,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.name}`,
    CNI_PATH: pluginFolder,
  };
  const assignments = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  return lab.mustRun(pod.node, ['env', ...assignments, join(pluginFolder, 'tortie')], CONF);
}

/** Every pod to every other one, each family on its own; one process a source pod, all at once. */
export async function pingMatrix(lab: Lab, pods: readonly LabPod[]): Promise<Ping[]> {
  const bySource = await Promise.all(
    pods.map(async (from) => {
      const targets = pods
        .filter((to) => to !== from)
        .flatMap((to) => to.addresses.map((address) => ({ to, address })));
      const times = await pingAll(
        lab,
        from,
        targets.map(({ address }) => address),
      );
      return targets.map(({ to, address }) => ({
        from,
        to,
        address,
        milliseconds: times.get(address),
      }));
    }),
  );
  return bySource.flat();
}

/** Milliseconds by address; what did not answer is missing. */
async function pingAll(
  lab: Lab,
  from: LabPod,
  addresses: readonly string[],
): Promise<Map<string, number>> {
  const script = addresses
    .map((address) => `ping -n -c 1 -W ${PING_DEADLINE_SECONDS} ${address} &`)
    .join('\n');
  const { stdout } = await lab.run(
    from.node,
    ['ip', 'netns', 'exec', from.name, 'sh'],
    `${script}\nwait\n`,
  );
  const times = new Map<string, number>();
  for (const [, address, time] of stdout.matchAll(/from (\S+): icmp_seq=\d+ .*time=([\d.]+) ms/g))
    times.set(address!, Number(time));
  return times;
}
