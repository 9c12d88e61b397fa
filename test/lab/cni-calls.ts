/** The CNI plugin of a lab's nodes, called as a container runtime calls it. Needs root. */
import { join } from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';
import { send } from './lab-api.ts';

/** Where Debian's containernetworking-plugins has the reference plugins. */
export const DEBIANS = '/usr/lib/cni';
/** Where the agent puts its own. */
const OURS = '/opt/cni/bin';
export const OUR_IPAM = join(OURS, 'tortie-ipam');
export const CONF = { cniVersion: '1.1.0', name: 'tortie', type: 'tortie' };

/** The plugin's exit code and the JSON that it printed. */
export async function callPlugin(
  lab: Lab,
  node: string,
  command: string,
  variables: Record<string, string> = {},
  conf: object = CONF,
  program = join(OURS, 'tortie'),
) {
  const CNI_PATH = `${DEBIANS}:${OURS}`;
  const assignments = Object.entries({ CNI_COMMAND: command, CNI_PATH, ...variables });
  const env = assignments.map(([key, value]) => `${key}=${value}`);
  const { code, stdout } = await lab.run(node, ['env', ...env, program], JSON.stringify(conf));
  return { code, answer: stdout === '' ? undefined : JSON.parse(stdout) };
}

export const variablesOf = (pod: string, ifname = 'eth0') => ({
  CNI_CONTAINERID: `c-${pod}`,
  CNI_NETNS: `/run/netns/${pod}`,
  CNI_IFNAME: ifname,
  CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
});

/** A Pod with Calico's annotations, and its namespace on the node; ADD's answer. */
export async function addPod(
  lab: Lab,
  node: string,
  pod: string,
  annotations: Record<string, string>,
) {
  await send(lab, 'POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [
          `cni.projectcalico.org/${name}`,
          value,
        ]),
      ),
    },
    spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }] },
  });
  await lab.mustRun(node, ['ip', 'netns', 'add', pod]);
  return await callPlugin(lab, node, 'ADD', variablesOf(pod));
}

export const addressesOf = ({ answer }: { answer: { ips: { address: string }[] } }) =>
  answer.ips.map(({ address }) => address);

/** From a pod's namespace; waits for routes that BGP has yet to bring. */
export async function answers(
  lab: Lab,
  node: string,
  pod: string,
  address: string,
): Promise<boolean> {
  const deadline = performance.now() + 30_000;
  do {
    const ping = ['ip', 'netns', 'exec', pod, 'ping', '-n', '-c', '1', '-W', '1', address];
    if ((await lab.run(node, ping)).code === 0) return true;
  } while (performance.now() < deadline);
  return false;
}

/** Who holds addresses: NETWORK.CONTAINER, a line each. */
export function handles(lab: Lab): Promise<string> {
  return lab.mustRun('api', ['tortiectl', 'get', 'ipamhandles']);
}
