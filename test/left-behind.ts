/**
 * What tests can leave on a machine, each trace a line that names it. Tests work in namespaces that they make: what the
 * machine's own have afterwards, and had not before, was forgotten. Needs ip; nft where the kernel has it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A variable that marks a run of the tests: by it the processes are found that it started, and that inherited it. */
export const RUN_VARIABLE = 'TORTIE_TEST_RUN';

/** What is compiled here and, like the UDP tunnel's forwarder, may be started without our environment. */
const COMPILED = fileURLToPath(new URL('../build/', import.meta.url));

const POLL_MS = 100;

/** A line of its output, as far as the pattern goes, is a trace. */
const ASKED: readonly (readonly [what: string, command: string, pattern: RegExp])[] = [
  // What comes with a kernel's module stays: down, and without an address.
  ['link', 'ip -br addr', /^(?!(?:tunl0|ifb[01])(?:@\S+)? +DOWN *$)[^ @]+/],
  // Addresses are among them: each has a local route. Without those that others keep up: they come and go.
  ['route', 'ip route show table all', /^(?!.* proto (dhcp|ra)).+/],
  ['route', 'ip -6 route show table all', /^(?!.* proto (dhcp|ra)).+/],
  ['rule', 'ip rule', /.+/],
  ['rule', 'ip -6 rule', /.+/],
  ['nexthop', 'ip nexthop', /.+/],
  ['nftables', 'nft list tables', /.+/],
];

/** Each file in them is a trace. */
const FOLDERS = ['/run/netns', '/run/tortie', '/var/lib/tortie'];
/** What an agent puts where others look for it: see ARCHITECTURE.md. */
const FILES = [
  '/etc/cni/net.d/10-tortie.conflist',
  '/etc/NetworkManager/conf.d/90-tortie.conf',
  '/etc/systemd/network/05-tortie.network',
  '/etc/systemd/networkd.conf.d/90-tortie.conf',
  '/opt/cni/bin/tortie',
  '/opt/cni/bin/tortie-ipam',
];

/** @param run the value of RUN_VARIABLE */
export function traces(run: string): Set<string> {
  return new Set([...ASKED.flatMap(answers), ...files(), ...processes(run)]);
}

/** What is there and was not before, once it is nothing more or the deadline has passed: what ends may need a moment. */
export async function leftBehind(
  before: ReadonlySet<string>,
  run: string,
  deadlineMs: number,
): Promise<string[]> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const left = [...traces(run).difference(before)];
    if (left.length === 0 || performance.now() >= deadline) return left;
    await sleep(POLL_MS);
  }
}

function answers([what, command, pattern]: (typeof ASKED)[number]): string[] {
  const [program, ...args] = command.split(' ');
  const { stdout } = spawnSync(program!, args, { encoding: 'utf8' });
  const lines = (stdout ?? '').split('\n').map((line) => line.replace(/ expires \S+/, ''));
  return lines.flatMap((line) => {
    const found = pattern.exec(line)?.[0].trim();
    return found ? [`${what} ${found}`] : [];
  });
}

function files(): string[] {
  const inFolders = FOLDERS.filter(existsSync).flatMap((folder) =>
    readdirSync(folder).map((name) => join(folder, name)),
  );
  return [...inFolders, ...FILES.filter(existsSync)].map((path) => `file ${path}`);
}

function processes(run: string): string[] {
  const marked = `${RUN_VARIABLE}=${run}`;
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0');
      const isOurs =
        read('environ').includes(marked) || readlinkSync(`/proc/${pid}/exe`).startsWith(COMPILED);
      const command = read('cmdline').join(' ').replace(/\s+/g, ' ').trim();
      return isOurs ? [`process ${pid} ${command}`] : [];
    } catch {
      // It ended since the folder was read, or is the kernel's own.
      return [];
    }
  });
}
