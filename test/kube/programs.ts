/**
 * Finds a real kube-apiserver, its etcd and a current kubectl, or builds the first and the last.
 * A suite that needs them asks at load time and is skipped, with the reason, where it cannot have them.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Programs {
  kubeApiserver: string;
  kubectl: string;
  etcd: string;
}

const here = import.meta.dirname;

/** The programs' paths, or `missing`: what is not there and what to install. */
export function findPrograms(): Programs | { missing: string } {
  const fromEnvtest = inFolder(process.env.KUBEBUILDER_ASSETS);
  if (fromEnvtest) return fromEnvtest;
  const etcd = ['/usr/bin/etcd', '/usr/local/bin/etcd'].find(isProgram);
  if (!etcd) return { missing: 'etcd: install the Debian package etcd-server' };
  const cache = cacheFolder();
  const built = (name: string) => join(cache, name);
  for (const name of ['kube-apiserver', 'kubectl']) {
    if (isProgram(built(name))) continue;
    const failure = build(name, cache);
    if (failure) return { missing: failure };
  }
  return { kubeApiserver: built('kube-apiserver'), kubectl: built('kubectl'), etcd };
}

/** A folder as controller-runtime's envtest lays it out; undefined unless all three are there. */
function inFolder(folder: string | undefined): Programs | undefined {
  if (!folder) return undefined;
  const [kubeApiserver, kubectl, etcd] = ['kube-apiserver', 'kubectl', 'etcd'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  return [kubeApiserver, kubectl, etcd].every(isProgram)
    ? { kubeApiserver, kubectl, etcd }
    : undefined;
}

function cacheFolder(): string {
  const root = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(root, 'tortie', `kubernetes-${kubernetesVersion()}`);
}

function kubernetesVersion(): string {
  const [, version] = /^require k8s\.io\/kubernetes v(\S+)/m.exec(
    readFileSync(join(here, 'go.mod'), 'utf8'),
  )!;
  return version!;
}

/** Undefined when it was built, else why not. */
function build(name: string, cache: string): string | undefined {
  const wanted = `${name} ${kubernetesVersion()}: set KUBEBUILDER_ASSETS to a folder with kube-apiserver, kubectl and etcd, or install Go 1.26 or later, which builds it`;
  if (spawnSync('go', ['version']).status !== 0) return wanted;
  console.error(`building ${name} ${kubernetesVersion()} into ${cache}: once, some minutes`);
  mkdirSync(cache, { recursive: true });
  const unfinished = join(cache, `.${name}.${process.pid}`);
  const done = spawnSync(
    'go',
    ['build', `-ldflags=${linkerFlags()}`, '-o', unfinished, `k8s.io/kubernetes/cmd/${name}`],
    // Never fetches another toolchain: a Go that is too old says so, and the suite is skipped.
    {
      cwd: here,
      env: { ...process.env, GOTOOLCHAIN: 'local' },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  if (done.status !== 0) return `${wanted}; go build failed, see above`;
  // Renamed when whole, so that a build that was interrupted is not taken for a program.
  renameSync(unfinished, join(cache, name));
  return undefined;
}

/** Without symbols; with the version that a release's own build puts in, since kubectl refuses to be none. */
function linkerFlags(): string {
  const [major, minor] = kubernetesVersion().split('.');
  const set = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
  return [
    '-s -w',
    set('gitVersion', `v${kubernetesVersion()}`),
    set('gitMajor', major!),
    set('gitMinor', minor!),
  ].join(' ');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
