/** A lab with its agents converged and two pods on each node. Needs root; the caller closes the lab. */
import { buildCniPlugin } from '../../src/cni/build.ts';
import { Lab } from '../../src/lab/lab.ts';
import { type LabPod, startPod } from '../../src/lab/pods.ts';
import { agentsConverged } from '../../src/lab/show.ts';

export interface LabWithPods {
  lab: Lab;
  /** The folder that holds the CNI plugin. */
  plugin: string;
  pods: LabPod[];
}

export async function startLabWithPods(
  topologyFile: string,
  nodes: readonly string[],
): Promise<LabWithPods> {
  const plugin = buildCniPlugin();
  // A name of its own, so that the test does not meet a lab that somebody keeps running.
  const environment = { LAB_NAME: `test-${process.pid}` };
  const lab = await Lab.start({ topologyFile, environment, onStep: () => {} });
  try {
    await agentsConverged(lab, nodes, () => {});
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
