/**
 * The ways between two hosts that are compared. Each host is a network namespace, `one` and `two`, with a cable of an
 * MTU of 1500 between them, and with an inner address on lo that the other one reaches by the encapsulation.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildForwarder } from '../../felix/tunnel/udp/build.ts';

export type Host = 'one' | 'two';
export const HOSTS: readonly Host[] = ['one', 'two'];
const OUTER = { one: '192.0.2.1', two: '192.0.2.2' };
export const INNER = { one: '10.60.1.1', two: '10.60.2.1' };
const MACS = { one: '66:00:00:00:00:01', two: '66:00:00:00:00:02' };
const BLOCKS = { one: '10.60.1.0/24', two: '10.60.2.0/24' };
const UDP_MTU = 1500 - 20 - 8;
const PORT = '8285';
const DEADLINE_MS = 10_000;

export interface Encapsulation {
  readonly id: string;
  readonly title: string;
  /** Makes the device of one of the hosts and the route by it; @returns the processes that carry its packets. */
  open(host: Host, loop: string): Promise<ChildProcess[]>;
}

export const OURS = 'udp';
export const MEASURE = 'loop';

export const ENCAPSULATIONS: readonly Encapsulation[] = [
  {
    id: 'none',
    title: 'no encapsulation',
    async open(host) {
      ip(host, `route add ${BLOCKS[other(host)]} via ${OUTER[other(host)]} src ${INNER[host]}`);
      return [];
    },
  },
  {
    id: 'vxlan',
    title: 'VXLAN',
    async open(host) {
      const peer = other(host);
      const id = `vxlan id 4096 local ${OUTER[host]} dev eth0 dstport 4789 nolearning`;
      ip(host, `link add vxlan0 address ${MACS[host]} mtu 1450 type ${id}`);
      ip(host, 'link set vxlan0 up');
      ip(host, `neigh add ${INNER[peer]} lladdr ${MACS[peer]} dev vxlan0 nud permanent`);
      run(host, `bridge fdb add ${MACS[peer]} dev vxlan0 dst ${OUTER[peer]}`);
      const way = `${BLOCKS[peer]} via ${INNER[peer]} dev vxlan0 onlink src ${INNER[host]}`;
      ip(host, `route add ${way}`);
      return [];
    },
  },
  {
    id: OURS,
    title: 'UDP, our forwarder',
    async open(host) {
      const folder = mkdtempSync('/run/forwarder-');
      const [table, socket] = [join(folder, 'table'), join(folder, 'socket')];
      const peer = other(host);
      writeFileSync(table, `local ${OUTER[host]}\n${BLOCKS[peer]} ${OUTER[peer]}\n`);
      const { path } = await buildForwarder();
      const forwarder = start(host, [path, 'udp0', PORT, table, socket]);
      await until(() => answers(socket), 'the forwarder answers');
      route(host);
      return [forwarder];
    },
  },
  {
    id: MEASURE,
    title: 'UDP, one packet a system call',
    async open(host, loop) {
      const process = start(host, [loop, 'udp0', PORT, OUTER[other(host)]]);
      await until(async () => has(host, 'udp0'), 'the device is there');
      route(host);
      return [process];
    },
  },
];

/** The hosts and the cable, with nothing by which the inner addresses are reached. */
export function makeHosts(): void {
  for (const host of HOSTS) execFileSync('ip', ['netns', 'add', host]);
  const cable = 'link add name eth0 netns one type veth peer name eth0 netns two';
  execFileSync('ip', cable.split(' '));
  for (const host of HOSTS) {
    ip(host, `addr add ${OUTER[host]}/24 dev eth0`);
    ip(host, `addr add ${INNER[host]}/32 dev lo`);
    for (const link of ['lo', 'eth0']) ip(host, `link set ${link} up`);
  }
}

export function removeHosts(): void {
  for (const host of HOSTS) execFileSync('ip', ['netns', 'del', host]);
}

export function inHost(host: Host, command: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${host}`, ...command];
}

function route(host: Host): void {
  ip(host, `link set udp0 mtu ${UDP_MTU} up`);
  ip(host, `route add ${BLOCKS[other(host)]} dev udp0 src ${INNER[host]}`);
}

function other(host: Host): Host {
  return host === 'one' ? 'two' : 'one';
}

function start(host: Host, command: readonly string[]): ChildProcess {
  const [program = '', ...args] = inHost(host, command);
  return spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function run(host: Host, command: string): void {
  const [program = '', ...args] = inHost(host, command.split(' '));
  execFileSync(program, args);
}

function ip(host: Host, command: string): void {
  run(host, `ip ${command}`);
}

function has(host: Host, link: string): boolean {
  const [program = '', ...args] = inHost(host, ['ip', '-br', 'link']);
  return execFileSync(program, args, { encoding: 'utf8' }).includes(`${link} `);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; !(await isSo()); await sleep(10))
    if (performance.now() > end) throw new Error(`waited ${DEADLINE_MS / 1000} s until ${what}`);
}
