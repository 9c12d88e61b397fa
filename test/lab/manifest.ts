/** A container of a Kubernetes manifest, run by podman in a node of a lab with all that the manifest grants and refuses. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Lab } from '../../src/lab/lab.ts';
import { CGROUP, podman } from './runtimes.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const ROOTFS = '/tmp/image';
/** Of what an image would hold: this machine's programs, and ours. */
const IMAGE = ['/usr', CHECKOUT].flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);

interface Manifest {
  spec: { template: { spec: PodSpec } };
}

interface PodSpec {
  hostNetwork: boolean;
  containers: {
    name: string;
    command: string[];
    securityContext: {
      runAsUser: number;
      allowPrivilegeEscalation: boolean;
      readOnlyRootFilesystem: boolean;
      capabilities: { drop: string[]; add: string[] };
    };
    volumeMounts: { name: string; mountPath: string }[];
  }[];
  volumes: { name: string; hostPath: { path: string } }[];
}

/**
 * Its name is the manifest's. Needs `prepareRuntimes`.
 * @param file below deploy/kubernetes, of one workload with one container.
 * @returns resolves when it has ended.
 */
export async function runContainer(lab: Lab, node: string, file: string): Promise<void> {
  const text = readFileSync(`${CHECKOUT}/deploy/kubernetes/${file}`, 'utf8');
  const { spec } = (parse(text) as Manifest).spec.template;
  const { name, command, securityContext, volumeMounts } = spec.containers[0]!;
  const { add, drop } = securityContext.capabilities;
  const mounts = volumeMounts.map(({ name: volume, mountPath }) => {
    const { path } = spec.volumes.find((one) => one.name === volume)!.hostPath;
    return `${path}:${mountPath}`;
  });
  const links = ['bin', 'lib', 'lib64', 'sbin'].map(
    (link) => `ln -sfn usr/${link} ${ROOTFS}/${link}`,
  );
  const script = [`mkdir -p ${ROOTFS}/etc ${ROOTFS}/dev ${ROOTFS}/proc ${ROOTFS}/sys`, ...links];
  await lab.mustRun(node, ['sh', '-c', script.join(' && ')]);
  await podman(lab, node, [
    ...['run', '--rm', '--name', name, '--cgroup-parent', `/${CGROUP}`],
    ...['--network', spec.hostNetwork ? 'host' : 'none', '--user', `${securityContext.runAsUser}`],
    ...drop.flatMap((capability) => ['--cap-drop', capability]),
    ...add.flatMap((capability) => ['--cap-add', capability]),
    ...(securityContext.allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
    ...(securityContext.readOnlyRootFilesystem ? ['--read-only'] : []),
    ...mounts.flatMap((mount) => ['-v', mount]),
    ...IMAGE,
    ...['--rootfs', ROOTFS, ...command],
  ]);
}
