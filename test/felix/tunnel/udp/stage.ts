/** Two nodes on one cable, each a network namespace of a test's own, and forwarders on them. Needs root. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildForwarder } from '../../../../felix/tunnel/udp/build.ts';
import { openPrivateNetwork, type PrivateNetwork } from '../../../rtnetlink-ts/private-network.ts';
import { until } from '../../../rtnetlink-ts/until.ts';

export const DEVICE = 'udp.tortie';
export const PORT = 8285;
/** What an Ethernet leaves for the packet in an IPv6 datagram. */
const MTU = 1500 - 40 - 8;

/** Node 1 is 192.0.2.1 and fd00::1 and has the blocks 10.60.1.0/24 and fd60:1::/64; so on. */
export class Node {
  readonly number: number;
  readonly network: PrivateNetwork;
  readonly #folder: string;
  #forwarder: ChildProcess | undefined;

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

  /** Runs a forwarder and waits until it answers. */
  async forward(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const program = await buildForwarder();
    const words = [program, DEVICE, String(PORT), join(this.#folder, 'table'), this.socketPath];
    this.#forwarder = spawn('nsenter', [`--net=${this.network.path}`, ...words], {
      stdio: 'ignore',
    });
    await until(
      () => this.counters().then(Boolean, () => false),
      () => `no forwarder answers at ${this.socketPath}`,
    );
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
    const forwarder = this.#forwarder!;
    if (forwarder.exitCode !== null || forwarder.signalCode !== null) return;
    const ended = once(forwarder, 'exit');
    forwarder.kill('SIGKILL');
    await ended;
  }

  /** What the forwarder says when it is asked. */
  counters(): Promise<Record<string, number>> {
    return new Promise((resolve, reject) => {
      let text = '';
      const client = connect(this.socketPath, () => client.write('?'));
      client.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (!text.endsWith('\n\n')) return;
        const lines = text.trim().split('\n');
        resolve(Object.fromEntries(lines.map(readCounter)));
        client.destroy();
      });
      client.on('error', reject).on('close', () => reject(new Error('closed without an answer')));
    });
  }

  /** Waits until a counter has that value. */
  async counts(name: string, value: number): Promise<void> {
    let last: Record<string, number> = {};
    await until(
      async () => {
        last = await this.counters();
        return last[name] === value;
      },
      () => `${name} is not ${value}: ${JSON.stringify(last)}`,
    );
  }

  async end(): Promise<void> {
    if (this.#forwarder) await this.killForwarder();
    this.network.close();
    rmSync(this.#folder, { recursive: true, force: true });
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

function readCounter(line: string): [string, number] {
  const [name = '', value] = line.split(' ');
  return [name, Number(value)];
}
