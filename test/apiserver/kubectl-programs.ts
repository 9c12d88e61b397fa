/** The kubectls of this machine that are current enough to speak field validation (1.27 and later). */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findPrograms } from '../kube/programs.ts';

export interface Kubectl {
  path: string;
  /** `1.37.2` */
  version: string;
}

const OLDEST_MINOR = 27;

/** Newest first, each version once; when there is none, one is built where that is possible. */
export function findKubectls(): Kubectl[] {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const found = [
    ...globSync(join(cache, 'tortie/kube-*/kubectl')),
    ...(process.env.KUBEBUILDER_ASSETS ? [join(process.env.KUBEBUILDER_ASSETS, 'kubectl')] : []),
    'kubectl',
  ].flatMap(current);
  if (found.length === 0) {
    const programs = findPrograms();
    if ('kubectl' in programs) found.push(...current(programs.kubectl));
  }
  const versions = new Map(found.map((one) => [one.version, one]));
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
