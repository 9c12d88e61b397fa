/** A node's felix on the real kernel, in a network namespace of its own. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { Felix } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { realClock, TestLog } from './ports.ts';

export class OneNode {
  readonly host: TestNamespace;
  readonly stateDir: string;
  /** The host's first, then the pods'. */
  readonly namespaces: TestNamespace[];
  log = new TestLog();
  kernel: Kernel;
  felix: Felix;

  private constructor(host: TestNamespace, stateDir: string) {
    this.host = host;
    this.namespaces = [host];
    this.stateDir = stateDir;
    this.kernel = openKernel(host.path);
    this.felix = this.#newFelix();
  }

  /** Its felix is not started. */
  static async make(): Promise<OneNode> {
    const host = await TestNamespace.make();
    return new OneNode(host, await mkdtemp(join(tmpdir(), 'felix-')));
  }

  /** Ends with the node. */
  async makeNamespace(): Promise<TestNamespace> {
    const namespace = await TestNamespace.make();
    this.namespaces.push(namespace);
    return namespace;
  }

  /** An interface with addresses of both families. */
  async addUplink(): Promise<void> {
    await this.host.addCable('eth0', '192.0.2.1/24', '2001:db8::1/64');
  }

  /** Felix is started, and may write. */
  async run(): Promise<void> {
    await this.felix.start();
    this.felix.setDatastoreInSync();
    await eventually(() => this.felix.inspect().inSync);
  }

  /** Ends this one as a kill would, and starts another on what it left. */
  async restart(options: { learnedDeadlineMs?: number } = {}): Promise<void> {
    await this.felix.close();
    this.kernel.host.close();
    this.kernel = openKernel(this.host.path);
    this.log = new TestLog();
    this.felix = this.#newFelix(options);
    await this.felix.start();
  }

  /** @param routes e.g. "10.60.1.0/26 via 192.0.2.2 192.0.2.3"; without next hops it goes. */
  learn(...routes: string[]): void {
    this.felix.updateLearned(
      routes.map((text) => {
        const [prefix, , ...hops] = text.split(' ');
        return { prefix: parsePrefix(prefix!), nextHops: hops.map(parseAddress) };
      }),
    );
  }

  /** Waits until these are the routes that are ours, or lead to pods. */
  async has(...routes: string[]): Promise<void> {
    await eventually(
      async () => {
        const present = await this.host.routes(/proto 80|10\.60|fd60/);
        return present.join('\n') === routes.join('\n');
      },
      () => this.host.routes(),
    );
  }

  async end(): Promise<void> {
    await this.felix.close();
    this.kernel.host.close();
    for (const namespace of this.namespaces) namespace.end();
    await rm(this.stateDir, { recursive: true });
  }

  #newFelix(options: { learnedDeadlineMs?: number } = {}): Felix {
    const { kernel, log, stateDir } = this;
    return new Felix({ kernel, clock: realClock, random: Math.random, log, stateDir, ...options });
  }
}
