/** A node whose kernel is a fake, and whose clock is a test's: its reconciler, with somebody else who writes there. */

import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { RouteSpec } from 'rtnetlink-ts';
import { Reconciler } from '../../../felix/reconciler.ts';
import { FakeKernel, type FakeNetlink } from '../fake-kernel.ts';
import { TestClock, TestLog } from '../ports.ts';

export class PlayedNode {
  readonly clock = new TestClock();
  readonly kernel = new FakeKernel();
  readonly stranger: FakeNetlink = this.kernel.stranger();
  readonly log = new TestLog();
  /** How often next hops were to be looked at. */
  reviews = 0;
  /** Index of an interface with addresses of both families. */
  readonly uplink = this.addLink('eth0');
  readonly reconciler: Reconciler;

  constructor() {
    const { clock, kernel, log, stranger, uplink: link } = this;
    stranger.change(
      { action: 'add', address: { link, address: parseAddress('192.0.2.1'), length: 24 } },
      { action: 'add', address: { link, address: parseAddress('2001:db8::1'), length: 64 } },
    );
    this.reconciler = new Reconciler({
      kernel,
      clock,
      random: () => 0.5,
      log,
      learnedDeadlineMs: 30_000,
      protocols: new Set([80]),
      onResynced() {},
      onWritten() {},
      onInterfaceGone() {},
      onNextHopsChanged: () => this.reviews++,
    });
  }

  /** @returns its index. It is up. */
  addLink(name: string): number {
    const peer = { name: `${name}p` };
    this.stranger.change(
      { action: 'add', link: { name, kind: { kind: 'veth', peer } } },
      { action: 'change', link: { name, up: true } },
    );
    return this.stranger.link(name)!.index;
  }

  /** Started, open, and settled. */
  async run(): Promise<void> {
    await this.reconciler.start();
    await this.reconciler.open();
    await this.clock.pass(0);
    // That forwarding was off.
    this.log.lines.length = 0;
  }

  /** @param routes e.g. "10.60.1.0/26 via 192.0.2.2 192.0.2.3"; without next hops it goes. */
  learn(...routes: string[]): void {
    this.reconciler.updateLearned(
      routes.map((text) => {
        const [prefix, , ...hops] = text.split(' ');
        return { prefix: parsePrefix(prefix!), nextHops: hops.map(parseAddress) };
      }),
    );
  }

  /** @param text e.g. "10.60.1.0/26 via 192.0.2.2" or "10.60.1.1/32 dev eth0". */
  route(text: string, protocol = 4): RouteSpec {
    const [prefix, how, target] = text.split(' ');
    const destination = parsePrefix(prefix!);
    const common = { destination, protocol, metric: 1024, table: 254 };
    if (how === 'via') return { ...common, type: 'unicast', gateway: parseAddress(target!) };
    return { ...common, type: 'unicast', oif: this.stranger.link(target!)!.index };
  }

  /** Other than the kernel's own. */
  async routes(protocol?: number): Promise<string[]> {
    const all = await this.stranger.routes();
    return all
      .filter((one) => (protocol === undefined ? one.protocol !== 2 : one.protocol === protocol))
      .map((one) => formatPrefix(one.destination))
      .sort();
  }

  /** What the kernel was told so far, e.g. "replace 10.60.1.0/26". */
  written(): string[] {
    return this.kernel.batches.flat().map((operation) => {
      if (!('route' in operation)) return operation.action;
      return `${operation.action} ${formatPrefix(operation.route.destination)}`;
    });
  }

  problems(): string[] {
    return this.reconciler.table.problems().map(({ subject, reason }) => `${subject}: ${reason}`);
  }
}
