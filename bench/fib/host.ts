/** A host whose kernel is filled: a network namespace with one link, on which all gateways are. */
import {
  type ChildProcess,
  execFileSync,
  type SpawnOptions,
  spawn,
  spawnSync,
} from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from 'rtnetlink-ts';

export const LINK = 'eth0';
/** All nodes are in it. */
export const NETWORK = '10.1.0.0/16';
export const LENGTH = 16;
export const OWN_ADDRESS = '10.1.0.1';
export const GATEWAY = '10.1.0.2';

const POLL_MS = 5;
const DEADLINE_MS = 60_000;

export class Host {
  readonly #netns: string;

  /** @param name of its namespace */
  constructor(name: string) {
    this.#netns = `/run/netns/${name}`;
    const ip = (command: string) => execFileSync('ip', command.split(' '));
    ip(`netns add ${name}`);
    inNamespace(this.#netns, () => {
      ip(`link add name ${LINK} mtu 1500 type veth peer name far`);
      ip(`addr add ${OWN_ADDRESS}/${LENGTH} dev ${LINK}`);
      for (const link of ['lo', LINK, 'far']) ip(`link set ${link} up`);
    });
  }

  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    // A child begins in the namespace of the thread that starts it.
    return inNamespace(this.#netns, () =>
      spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options }),
    );
  }

  /** @throws when it ends with a failure; it has said why on standard error */
  async run(program: string, args: readonly string[]): Promise<void> {
    const [status] = await once(this.spawn(program, args), 'exit');
    if (status !== 0) throw new Error(`${program} ended with ${status}; see above`);
  }

  /** How many prefixes its IPv4 table has: for 100,000 that takes some milliseconds, and disturbs nobody. */
  countRoutes(): number {
    const path = '/proc/thread-self/net/fib_triestat';
    const text = inNamespace(this.#netns, () => readFileSync(path, 'utf8'));
    // The tables main and local are one, shown under either name, for as long as nobody makes a rule.
    return Number(/^\tPrefixes:\s+(\d+)/m.exec(text)?.[1]);
  }

  /** Resolves some milliseconds after `isSo` of its number of routes. */
  async until(isSo: (count: number) => boolean): Promise<void> {
    for (
      const end = performance.now() + DEADLINE_MS;
      !isSo(this.countRoutes());
      await sleep(POLL_MS)
    )
      if (performance.now() > end)
        throw new Error(`after ${DEADLINE_MS / 1000} s it has ${this.countRoutes()} routes`);
  }

  end(): void {
    execFileSync('ip', ['netns', 'del', basename(this.#netns)]);
  }
}

/** Whether the kernel has tunnels of this kind. */
export function kernelHas(kind: 'vxlan' | 'ipip'): boolean {
  const details = {
    vxlan: 'vxlan id 1 dstport 4789',
    ipip: 'ipip remote 192.0.2.1 local 192.0.2.2',
  };
  const add = `link add probe type ${details[kind]}`.split(' ');
  const { status } = spawnSync('ip', add);
  if (status === 0) execFileSync('ip', ['link', 'del', 'probe']);
  return status === 0;
}
