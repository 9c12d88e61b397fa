/** A host whose kernel is filled: a network namespace with one link, on which all gateways are. */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace } from 'rtnetlink-ts';

export const LINK = 'eth0';
export const OWN_ADDRESS = '10.1.0.1';
export const GATEWAY = '10.1.0.2';
/** Of the network that all nodes are in. */
export const LENGTH = 16;

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

  /** How many prefixes its IPv4 table has: for 100,000 that takes some milliseconds, and disturbs nobody. */
  countRoutes(): number {
    const path = '/proc/thread-self/net/fib_triestat';
    const text = inNamespace(this.#netns, () => readFileSync(path, 'utf8'));
    // The tables main and local are one, shown under either name, for as long as nobody makes a rule.
    return Number(/^\tPrefixes:\s+(\d+)/m.exec(text)?.[1]);
  }

  /** Resolves some milliseconds after it has just so many. */
  async untilRoutes(count: number): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    while (this.countRoutes() !== count) {
      if (performance.now() > end)
        throw new Error(
          `after ${DEADLINE_MS / 1000} s it has ${this.countRoutes()} routes, not ${count}`,
        );
      await sleep(POLL_MS);
    }
  }
}
