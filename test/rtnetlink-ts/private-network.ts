/**
 * A network namespace of a test's own (needs root). It lives in a child that reads from a pipe of
 * ours, and so ends with us, however we end.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { parseAddress } from 'net-ipaddr';
import { openNetlink, type Rtnetlink } from 'rtnetlink-ts';

export interface PrivateNetwork {
  /** Path of the namespace. */
  readonly path: string;
  readonly netlink: Rtnetlink;
  /** What iproute2 says, as the oracle: `ip('route', 'show')`. */
  // biome-ignore lint/suspicious/noExplicitAny: iproute2's JSON has no types
  ip(...args: string[]): any[];
  /** Any other command inside. Returns its standard output. */
  run(command: string, ...args: string[]): string;
  close(): void;
}

export async function openPrivateNetwork(): Promise<PrivateNetwork> {
  const holder: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'unshare',
    ['--net', 'sh', '-c', 'echo ready; exec cat'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  const path = `/proc/${holder.pid}/ns/net`;
  const netlink = openNetlink({ netns: path });
  const run = (command: string, ...args: string[]) =>
    execFileSync('nsenter', [`--net=${path}`, command, ...args], { encoding: 'utf8' });
  return {
    path,
    netlink,
    run,
    ip: (...args) => JSON.parse(run('ip', '-j', '-d', ...args) || '[]'),
    close() {
      netlink.close();
      holder.kill('SIGKILL');
    },
  };
}

/** Two veths, `a` and `b`, up, without IPv6 addresses of their own. Returns their indexes. */
export function addPair({ path, netlink, run }: PrivateNetwork): { a: number; b: number } {
  netlink.change({
    action: 'add',
    link: { name: 'a', kind: { kind: 'veth', peer: { name: 'b' } } },
  });
  run('sysctl', '-qw', 'net.ipv6.conf.a.addr_gen_mode=1', 'net.ipv6.conf.b.addr_gen_mode=1');
  netlink.change(
    { action: 'change', link: { name: 'lo', up: true } },
    { action: 'change', link: { name: 'a', up: true } },
    { action: 'change', link: { name: 'b', up: true } },
  );
  const [a, b] = [netlink.link('a'), netlink.link('b')];
  if (!a || !b) throw new Error(`no veth pair in ${path}`);
  return { a: a.index, b: b.index };
}

/** The same with addresses: 10.0.0.1/24 and fd00::1/64 on `a`, 10.0.1.1/24 on `b`. */
export function addPairWithAddresses(network: PrivateNetwork): { a: number; b: number } {
  const { a, b } = addPair(network);
  const ip = parseAddress;
  network.netlink.change(
    { action: 'add', address: { link: a, address: ip('10.0.0.1'), length: 24 } },
    { action: 'add', address: { link: a, address: ip('fd00::1'), length: 64, noDad: true } },
    { action: 'add', address: { link: b, address: ip('10.0.1.1'), length: 24 } },
  );
  return { a, b };
}
