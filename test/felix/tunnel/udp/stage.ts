/** Two nodes on one cable, each a network namespace of a test's own, and forwarders on them. Needs root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress } from 'net-ipaddr';
import { listenTcp, openTcp } from 'rtnetlink-ts';
import { buildForwarder } from '../../../../felix/tunnel/udp/build.ts';
import {
  askForwarder,
  type ForwarderCounters,
  type ForwarderState,
} from '../../../../felix/tunnel/udp/question.ts';
import { openPrivateNetwork, type PrivateNetwork } from '../../../rtnetlink-ts/private-network.ts';
import { until } from '../../../rtnetlink-ts/until.ts';

export const DEVICE = 'udp.tortie';
export const PORT = 8285;
/** What an Ethernet leaves for the packet in an IPv6 datagram. */
const MTU = 1500 - 40 - 8;

export interface ForwarderProcess {
  readonly pid: number;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  lastWords: string;
}

/** Node 1 is 192.0.2.1 and fd00::1 and has the blocks 10.60.1.0/24 and fd60:1::/64; so on. */
export class Node {
  readonly number: number;
  readonly network: PrivateNetwork;
  readonly #folder: string;
  readonly #started: ChildProcess[] = [];
  #forwarder: ForwarderProcess | undefined;

  constructor(number: number, network: PrivateNetwork) {
    this.number = number;
    this.network = network;
    this.#folder = mkdtempSync(join(tmpdir(), 'forwarder-'));
  }

  get socketPath(): string {
    return join(this.#folder, 'socket');
  }

  /** Its table knows the other node's blocks, or has the lines given. */
  writeTable(lines: readonly string[] = blocksOf(3 - this.number)): void {
    const { number } = this;
    const text = [`local 192.0.2.${number}`, `local fd00::${number}`, ...lines];
    const path = join(this.#folder, 'table');
    writeFileSync(`${path}.new`, `${text.join('\n')}\n`);
    renameSync(`${path}.new`, path);
  }

  removeTable(): void {
    rmSync(join(this.#folder, 'table'));
  }

  /** Runs a forwarder, and waits until it alone has the device and answers. @param options before the device. */
  async forward(...options: string[]): Promise<ForwarderProcess> {
    const started = await this.start(...options);
    await until(
      async () => {
        if (started.lastWords !== '') throw new Error(started.lastWords);
        return this.holders().join() === `${started.pid}` && (await this.state()) !== undefined;
      },
      () => `${this.holders()} have the device, not ${started.pid}`,
    );
    this.#forwarder = started;
    return started;
  }

  async start(...options: string[]): Promise<ForwarderProcess> {
    mkdirSync(this.#folder, { recursive: true });
    const { path } = await buildForwarder();
    const words = [...options, DEVICE, String(PORT), join(this.#folder, 'table'), this.socketPath];
    const child = spawn('nsenter', [`--net=${this.network.path}`, path, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
    const started: ForwarderProcess = { pid: child.pid!, ended, lastWords: '' };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      started.lastWords += text;
    });
    this.#started.push(child);
    return started;
  }

  /** Which of them have the device. */
  holders(): number[] {
    return this.#started.map(({ pid }) => pid!).filter(hasTun);
  }

  /** With the addresses and routes that felix would give it. */
  configureDevice(): void {
    const { number, network } = this;
    const ip = (...words: string[]) => network.run('ip', ...words);
    ip('address', 'add', `10.60.${number}.1/32`, 'dev', DEVICE);
    ip('address', 'add', `fd60:${number}::1/128`, 'dev', DEVICE, 'nodad');
    ip('link', 'set', DEVICE, 'mtu', String(MTU), 'up');
    ip('route', 'add', '10.60.0.0/16', 'dev', DEVICE);
    ip('route', 'add', 'fd60::/16', 'dev', DEVICE);
  }

  /** As if it had crashed. */
  async killForwarder(): Promise<void> {
    process.kill(this.#forwarder!.pid, 'SIGKILL');
    await this.#forwarder!.ended;
  }

  state(): Promise<ForwarderState | undefined> {
    return askForwarder(this.socketPath);
  }

  async counters(): Promise<ForwarderCounters> {
    const state = await this.state();
    if (state === undefined) throw new Error(`nobody answers at ${this.socketPath}`);
    return state.counters;
  }

  /** Waits until a counter has that value. */
  async counts(name: string, value: number): Promise<void> {
    let last: ForwarderCounters = {};
    await until(
      async () => {
        last = await this.counters();
        return last[name] === value;
      },
      () => `${name} is not ${value}: ${JSON.stringify(last)}`,
    );
  }

  async end(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL');
    this.network.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function hasTun(pid: number): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => readlinkSync(join(folder, fd)) === '/dev/net/tun');
  } catch {
    // It has ended, or closed one just now.
    return false;
  }
}

export function blocksOf(number: number): string[] {
  return [`10.60.${number}.0/24 192.0.2.${number}`, `fd60:${number}::/64 fd00::${number}`];
}

/** Cabled and addressed; nothing runs on them yet. */
export async function twoNodes(): Promise<[Node, Node]> {
  const [one, two] = [await openPrivateNetwork(), await openPrivateNetwork()];
  const peer = { name: 'eth0', namespace: two.path };
  one.netlink.change({ action: 'add', link: { name: 'eth0', kind: { kind: 'veth', peer } } });
  for (const [number, network] of [one, two].entries()) {
    network.run('ip', 'address', 'add', `192.0.2.${number + 1}/24`, 'dev', 'eth0');
    network.run('ip', 'address', 'add', `fd00::${number + 1}/64`, 'dev', 'eth0', 'nodad');
    network.run('ip', 'link', 'set', 'lo', 'up');
    network.run('ip', 'link', 'set', 'eth0', 'up');
  }
  return [new Node(1, one), new Node(2, two)];
}

/** By TCP to an address of node `two`. @returns what arrives there. */
export async function transfer(one: Node, two: Node, to: string, bytes: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let isEnded = false;
  const address = parseAddress(to);
  const { family } = address;
  const options = { family, netns: two.network.path, address, port: 5001 };
  const listener = listenTcp(options, {
    accepted: (fd) => {
      const socket = new Socket({ fd, readable: true, writable: true });
      socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {});
      socket.on('end', () => {
        isEnded = true;
      });
    },
    failed: (error) => {
      throw error;
    },
  });
  const client = new Socket({ fd: openTcp({ family, netns: one.network.path }) });
  try {
    client.connect(5001, to);
    await once(client, 'connect');
    client.end(bytes);
    await until(
      () => isEnded,
      () => `${chunks.length} chunks came`,
    );
    return Buffer.concat(chunks);
  } finally {
    client.destroy();
    listener.close();
  }
}
