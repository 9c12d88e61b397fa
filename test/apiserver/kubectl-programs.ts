/** The kubectls of this machine that are current enough to speak field validation (1.27 and later). */
import { spawnSync } from 'node:child_process';
import { findPrograms } from '../kube/programs.ts';

export interface Kubectl {
  path: string;
  /** `1.37.2` */
  version: string;
}

const OLDEST_MINOR = 27;

/** Newest first, each version once: the one that was built, or is built now where that is possible, and the machine's own. */
export function findKubectls(): Kubectl[] {
  const programs = findPrograms();
  const paths = 'kubectl' in programs ? [programs.kubectl, 'kubectl'] : ['kubectl'];
  const versions = new Map(paths.flatMap(current).map((one) => [one.version, one]));
  return [...versions.values()].sort((a, b) => minorOf(b.version) - minorOf(a.version));
}

function current(path: string): Kubectl[] {
  const { status, stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], {
    encoding: 'utf8',
  });
  if (status !== 0) return [];
  const [, version] = /"gitVersion": "v(\d+\.\d+\.\d+)/.exec(stdout) ?? [];
  return version !== undefined && minorOf(version) >= OLDEST_MINOR ? [{ path, version }] : [];
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
