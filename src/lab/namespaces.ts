/**
 * The lab's containers, made of Linux namespaces and nothing else.
 *
 * One parent (network, mount, PID and UTS namespaces) holds the bridges; every node is the same again, below it, on
 * an overlay of this machine's root whose upper layer is in memory. So nothing is made in the host's own namespaces
 * or files, and when the parent's first process ends, the kernel ends every process of every node, and with them
 * their namespaces, links and mounts. That first process ends when its standard input does: also on a kill -9 of us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** The first process of a set of namespaces; `pid` as this process sees it. */
export interface Namespaces {
  name: string;
  pid: number;
}

export interface Parent extends Namespaces {
  close(): Promise<void>;
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

const READY_DEADLINE_MS = 20_000;
const COMMAND_DEADLINE_MS = 120_000;
const CLOSE_DEADLINE_MS = 10_000;
const MAX_OUTPUT_BYTES = 16 << 20;

/** Marks the first processes in the process list: by it a lab is found again, without a file left behind. */
const MARK = 'tortie-lab';

export const CLAB_DIR = '/mnt/clab';

/**
 * /proc is still the host's when the script begins, so that a shell's own stat line has the pid that the host sees.
 * The name of the script ($0) carries the mark.
 */
const REPORT_PID = 'read -r pid rest < /proc/self/stat';

const PARENT_SCRIPT = `
set -e
${REPORT_PID}
mount -t tmpfs tmpfs /mnt
mkdir ${CLAB_DIR} /mnt/node
ip link set lo up
echo "$pid"
exec 3<&0 </dev/null >/dev/null
cat <&3 &
wait $!
`;

/** A shell is a good first process here: waiting for its sleep, it also reaps what is orphaned to it. */
const NODE_SCRIPT = `
set -e
${REPORT_PID}
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt/node
cd /mnt/node
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/run
mount -t tmpfs tmpfs root/tmp
mkdir -p "root$PROJECT" && mount --rbind "$PROJECT" "root$PROJECT"
mkdir -p root${CLAB_DIR} && mount --rbind ${CLAB_DIR} root${CLAB_DIR}
mount -t sysfs sysfs root/sys
mount -t proc proc root/proc
mkdir -p root/run/netns root/mnt/old
hostname "$NODE_NAME"
pivot_root root root/mnt/old
cd /
eval "$BINDS"
umount -l /mnt/old
ip link set lo up
eval "$SYSCTLS"
for program in tortie tortiectl; do
  eval "entry=\\$entry_$program"
  printf '#!/bin/sh\\nexec "%s" --disable-warning=ExperimentalWarning "%s" "$@"\\n' "$NODE" "$entry" > /usr/local/bin/$program
  chmod 755 /usr/local/bin/$program
done
echo "$pid"
exec </dev/null >/dev/null 2>&1
while :; do sleep infinity & wait $!; done
`;

const UNSHARE = ['unshare', '--net', '--mount', '--pid', '--uts', '--fork', '--kill-child'];

export async function startParent(labName: string): Promise<Parent> {
  const [command, ...args] = UNSHARE;
  const child = spawn(command!, [...args, '--', 'sh', '-c', PARENT_SCRIPT, mark(labName)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A Ctrl-C at the terminal is for us, who then close in order; it must not reach the namespaces first.
    detached: true,
  });
  const pid = await firstLine(child, `the namespaces of lab ${labName}`);
  return {
    name: labName,
    pid,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'exit', { signal: AbortSignal.timeout(CLOSE_DEADLINE_MS) });
      child.stdin!.end();
      await closed.catch(() => child.kill('SIGKILL'));
    },
  };
}

export interface NodeNamespaceOptions {
  name: string;
  /** `host`: shares the parent's network namespace. */
  ownNetwork: boolean;
  /** Bind mounts: absolute source and target. */
  binds: { source: string; target: string; readOnly: boolean }[];
  sysctls: Record<string, string>;
  /** The checkout, visible in every node at its own path, and the programs in it. */
  project: string;
  programs: { tortie: string; tortiectl: string };
}

export async function startNode(
  parent: Namespaces,
  options: NodeNamespaceOptions,
): Promise<Namespaces> {
  const unshare = options.ownNetwork ? UNSHARE : UNSHARE.filter((word) => word !== '--net');
  const args = [...enter(parent), ...unshare, '--', 'sh', '-c', NODE_SCRIPT];
  const child = spawn('nsenter', [...args, mark(`${parent.name}/${options.name}`)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      PATH: process.env.PATH,
      NODE: process.execPath,
      NODE_NAME: options.name,
      PROJECT: options.project,
      BINDS: options.binds.map(bindCommand).join('\n'),
      SYSCTLS: Object.entries(options.sysctls).map(sysctlCommand).join('\n'),
      entry_tortie: options.programs.tortie,
      entry_tortiectl: options.programs.tortiectl,
    },
  });
  const pid = await firstLine(child, `the namespaces of node ${options.name}`);
  child.unref();
  return { name: options.name, pid };
}

/** The arguments with which nsenter runs what follows in these namespaces. */
function enter(target: Namespaces): string[] {
  return ['-t', String(target.pid), '-n', '-m', '-p', '-u', '--'];
}

export function spawnIn(
  target: Namespaces,
  argv: readonly string[],
  options: { env?: Record<string, string>; stdio?: 'inherit' | 'ignore' | 'pipe' } = {},
): ChildProcess {
  return spawn('nsenter', [...enter(target), ...argv], {
    stdio: options.stdio ?? 'pipe',
    env: { PATH: process.env.PATH, HOME: '/root', TERM: process.env.TERM, ...options.env },
  });
}

/** Never rejects on a command's failure: its code says it. Rejects when it cannot be started at all. */
export async function runIn(
  target: Namespaces,
  argv: readonly string[],
  options: { env?: Record<string, string>; input?: string } = {},
): Promise<CommandResult> {
  const child = spawnIn(target, argv, options.env ? { env: options.env } : {});
  const deadline = setTimeout(() => child.kill('SIGKILL'), COMMAND_DEADLINE_MS);
  // A command that reads no input closes the pipe while we write: its exit code tells what matters.
  child.stdin!.on('error', () => {});
  child.stdin!.end(options.input ?? '');
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ]);
  clearTimeout(deadline);
  return { code: code ?? 137, stdout, stderr };
}

/** The labs that run on this machine, each with its nodes, from the process list. */
export function runningLabs(): { parent: Namespaces; nodes: Namespaces[] }[] {
  const labs = new Map<string, { parent?: Namespaces; nodes: Namespaces[] }>();
  for (const { pid, argv } of processes()) {
    // The shell that runs the script, not the unshare and nsenter that wait for it: their $0 stands at the end, too.
    if (argv[0] !== 'sh' || !argv[3]?.startsWith(`${MARK}/`)) continue;
    const [, labName, nodeName] = argv[3].split('/');
    const lab = labs.get(labName!) ?? { nodes: [] };
    labs.set(labName!, lab);
    if (nodeName === undefined) lab.parent = { name: labName!, pid };
    else lab.nodes.push({ name: nodeName, pid });
  }
  return [...labs.values()].filter((lab) => lab.parent !== undefined) as {
    parent: Namespaces;
    nodes: Namespaces[];
  }[];
}

function* processes(): Iterable<{ pid: number; argv: string[] }> {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      yield { pid, argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
    } catch {
      // It ended since the folder was read.
    }
  }
}

function mark(path: string): string {
  return `${MARK}/${path}`;
}

function bindCommand(bind: { source: string; target: string; readOnly: boolean }): string {
  const source = quote(`/mnt/old${bind.source}`);
  const target = quote(bind.target);
  const option = bind.readOnly ? '-o bind,ro' : '--rbind';
  return [
    `mkdir -p "$(dirname ${target})"`,
    `if [ -d ${source} ]; then mkdir -p ${target}; else [ -e ${target} ] || : > ${target}; fi`,
    `mount ${option} ${source} ${target}`,
  ].join('\n');
}

function sysctlCommand([name, value]: [string, string]): string {
  return `echo ${quote(value)} > ${quote(`/proc/sys/${name.replaceAll('.', '/')}`)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The pid that a first process prints when all is ready; its error output when it ends before. */
async function firstLine(child: ChildProcess, what: string): Promise<number> {
  const deadline = setTimeout(() => child.kill('SIGKILL'), READY_DEADLINE_MS);
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    errors = (errors + chunk).slice(-4096);
  });
  try {
    let line = '';
    for await (const chunk of child.stdout!.setEncoding('utf8')) {
      line += chunk;
      if (line.includes('\n')) return Number(line);
    }
    throw new Error(`cannot make ${what}: ${errors.trim() || 'it ended at once'}`);
  } finally {
    clearTimeout(deadline);
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let collected = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) if (collected.length < MAX_OUTPUT_BYTES) collected += chunk;
  return collected;
}
