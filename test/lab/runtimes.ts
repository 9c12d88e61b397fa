/** Container runtimes in a node of a lab: containerd and podman, with a root file system of busybox. Needs root. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Lab } from '../../src/lab/lab.ts';

const run = promisify(execFile);

/** Where in the machine's hierarchies containers are put, so that what is left of them can be found. */
export const CGROUP = `tortie-test-${process.pid}`;
export const ROOTFS = '/tmp/rootfs';
const PAUSE = 'localhost/pause:1';

const CONTAINERD_CONF = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  # Lowering it takes CAP_SYS_RESOURCE, which containers of a CI lack.
  restrict_oom_score_adj = true
`;

const CONTAINERS_CONF = `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
`;

const STORAGE_CONF = `[storage]
driver = "vfs"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers"
`;

/** The machine's control groups, which the node's own /sys covers. */
function cgroupMounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, folder, type, options] =
        /^(?:\S+ ){4}(\S+) .* - (cgroup2?) \S+ (\S+)/.exec(line) ?? [];
      if (folder === undefined) return [];
      const hierarchy = type === 'cgroup' ? ['-o', options!.replace('rw,', '')] : [];
      return [`mkdir -p ${folder}`, ['mount', '-t', type, ...hierarchy, 'none', folder].join(' ')];
    });
}

/** An image in Docker's form: one layer, one configuration, one manifest. Its command only waits. */
const MAKE_PAUSE = `
  w=$(mktemp -d)
  tar -C ${ROOTFS} -cf $w/layer.tar .
  layer=$(sha256sum $w/layer.tar | cut -d' ' -f1)
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sleep","1000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $layer > $w/config.json
  printf '[{"Config":"config.json","RepoTags":["${PAUSE}"],"Layers":["layer.tar"]}]' > $w/manifest.json
  tar -C $w -cf /tmp/pause.tar .`;

/** Ends with the lab. */
export async function prepareRuntimes(lab: Lab, node: string): Promise<void> {
  const script = [
    'set -e',
    'mount -t tmpfs none /sys/fs/cgroup',
    ...cgroupMounts(),
    // The node's root is an overlay, which no overlay can be made of.
    'for folder in /var/lib/containerd /var/lib/containers /etc/containerd /dev/shm; do',
    '  mkdir -p $folder; mount -t tmpfs none $folder; done',
    `mkdir -p ${ROOTFS}/bin ${ROOTFS}/proc ${ROOTFS}/sys ${ROOTFS}/dev ${ROOTFS}/etc ${ROOTFS}/tmp`,
    `cp /bin/busybox ${ROOTFS}/bin`,
    `for name in sh ip sleep ping; do ln -s busybox ${ROOTFS}/bin/$name; done`,
    MAKE_PAUSE,
    `cat > /etc/containerd/config.toml <<'END'\n${CONTAINERD_CONF}END`,
    `cat > /tmp/containers.conf <<'END'\n${CONTAINERS_CONF}END`,
    `cat > /tmp/storage.conf <<'END'\n${STORAGE_CONF}END`,
    'ln -s /usr/lib/cni/loopback /opt/cni/bin',
    'setsid containerd < /dev/null > /var/log/containerd.log 2>&1 &',
    'i=0; until ctr version > /dev/null 2>&1; do',
    '  i=$((i + 1)); [ $i -lt 300 ] || { cat /var/log/containerd.log; exit 1; }; sleep 0.1; done',
    'ctr -n k8s.io images import /tmp/pause.tar',
  ].join('\n');
  await lab.mustRun(node, ['sh', '-c', script]);
}

/**
 * What the runtimes left of their containers in the machine's control groups. After the lab has ended, whose
 * processes may take a moment to be gone.
 */
export async function removeCgroups(): Promise<void> {
  const script = `find /sys/fs/cgroup -depth -type d -path '*/${CGROUP}*' -exec rmdir {} +`;
  await run('sh', ['-c', `for i in $(seq 200); do ${script} && exit; sleep 0.1; done; exit 1`]);
}

export function podman(lab: Lab, node: string, args: readonly string[]): Promise<string> {
  const env = ['CONTAINERS_CONF=/tmp/containers.conf', 'CONTAINERS_STORAGE_CONF=/tmp/storage.conf'];
  return lab.mustRun(node, ['env', ...env, 'podman', ...args]);
}

/** As the kubelet does it. @returns the sandbox's id */
export async function runSandbox(lab: Lab, node: string, pod: string): Promise<string> {
  return (await cri(lab, node, 'run', pod, CGROUP)).trim();
}

export async function removeSandbox(lab: Lab, node: string, id: string): Promise<void> {
  await cri(lab, node, 'remove', id);
}

function cri(lab: Lab, node: string, ...args: string[]): Promise<string> {
  const script = join(import.meta.dirname, 'cri.ts');
  return lab.mustRun(node, [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    script,
    ...args,
  ]);
}
