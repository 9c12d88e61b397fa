/** Network namespaces for tests: each lives as long as a sleeping child of this process. Needs root. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ipRoutes } from '../ip-routes.ts';

const run = promisify(execFile);
/** The kernel makes none while it clears up others: for seconds where these had many routes or links. */
const MAKE_DEADLINE_MS = 30_000;

export class TestNamespace {
  readonly #child: ChildProcess;
  readonly path: string;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.path = `/proc/${child.pid}/ns/net`;
  }

  /** A new one, with lo up. */
  static async make(): Promise<TestNamespace> {
    const child = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
    const namespace = new TestNamespace(child);
    const own = readlinkSync('/proc/self/ns/net');
    const end = performance.now() + MAKE_DEADLINE_MS;
    while (performance.now() < end) {
      await sleep(2);
      // The child shares ours until unshare(2) is done.
      if (readlinkSync(namespace.path) !== own) {
        await namespace.ip('link set lo up');
        return namespace;
      }
    }
    namespace.end();
    throw new Error('unshare made no network namespace in 30 s; is this root?');
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  /** Runs a command inside; its standard output. Words are split at spaces. */
  async run(command: string): Promise<string> {
    const { stdout } = await run('nsenter', [`--net=${this.path}`, ...command.split(' ')]);
    return stdout;
  }

  ip(command: string): Promise<string> {
    return this.run(`ip ${command}`);
  }

  /** A cable, `name` and `name`p, both ends in here and up. @param addresses of `name`, with their lengths */
  async addCable(name: string, ...addresses: string[]): Promise<void> {
    await this.ip(`link add ${name} type veth peer name ${name}p`);
    await this.ip(`link set ${name}p up`);
    await this.ip(`link set ${name} up`);
    for (const address of addresses)
      await this.ip(`addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`);
  }

  /** Lines of `ip route` in both families. */
  async routes(match: RegExp = /./): Promise<string[]> {
    const shown = (await this.ip('-4 route show')) + (await this.ip('-6 route show'));
    return ipRoutes(shown).filter((line) => match.test(line));
  }
}

/** Waits until `isSo` holds; throws with what `tell` says when it doesn't within thirty seconds. */
export async function eventually(
  isSo: () => boolean | Promise<boolean>,
  tell: () => unknown = () => '',
): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await isSo())) {
    if (performance.now() > end)
      throw new Error(`not within 30 s: ${JSON.stringify(await tell())}`);
    await sleep(20);
  }
}
