/**
 * The addresses of this node's tunnel devices: taken from IPAM while a pool needs the tunnel, written to
 * the Node's annotations, by which the other nodes know them, and given back when no pool does.
 *
 * Taken before it is written and given back before that is: at every moment an annotated address is
 * ours, or on its way back.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type Address,
  containsAddress,
  equalAddresses,
  type Prefix,
  parseAddress,
} from 'net-ipaddr';
import { Node, type NodeNetwork, nodeAnnotations } from '../../api/index.ts';
import { Retry } from '../../backoff.ts';
import type { Allocator } from '../../ipam/index.ts';
import type { Clock, Log, Random, Store } from '../../ports.ts';
import type { TunnelAddressField, TunnelAddressNeed } from './derive/tunnel-addresses.ts';

const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };

export interface TunnelAddressesOptions {
  store: Store;
  allocator: Pick<Allocator, 'assign' | 'release'>;
  nodeName: string;
  clock: Clock;
  random: Random;
  log: Log;
}

export class TunnelAddresses {
  readonly #options: TunnelAddressesOptions;
  readonly #retry: Retry;
  /** Ours for sure: IPAM said so since the start. */
  readonly #held = new Map<TunnelAddressField, Address>();
  readonly #problems = new Map<TunnelAddressField, string>();
  #needs: readonly TunnelAddressNeed[] = [];
  #annotated: NodeNetwork = {};
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: TunnelAddressesOptions) {
    this.#options = options;
    this.#retry = new Retry(options, BACKOFF, () => {
      this.#problems.clear();
      this.#run();
    });
  }

  /** What is needed now, and what the Node says now; each time either may have changed. */
  want(needs: readonly TunnelAddressNeed[], annotated: NodeNetwork): void {
    // What failed waits for its time, as this is called with every change of the cluster: but not where another is needed now.
    for (const field of this.#problems.keys())
      if (!isDeepStrictEqual(needOf(needs, field), needOf(this.#needs, field)))
        this.#problems.delete(field);
    this.#needs = needs;
    this.#annotated = annotated;
    this.#run();
  }

  problems(): string[] {
    return [...this.#problems.values()];
  }

  close(): void {
    this.#isClosed = true;
    this.#retry.close();
  }

  #run(): void {
    this.#running ??= this.#settleAll().then(() => {
      this.#running = undefined;
      if (this.#isClosed) return;
      if (this.#next() !== undefined) this.#run();
      else if (this.#problems.size > 0 && !this.#retry.isWaiting) this.#retry.failed();
    });
  }

  #next(): TunnelAddressNeed | undefined {
    return this.#needs.find((need) => !this.#problems.has(need.field) && !this.#isSettled(need));
  }

  async #settleAll(): Promise<void> {
    for (let need = this.#next(); need && !this.#isClosed; need = this.#next()) {
      try {
        await this.#settle(need);
        this.#retry.succeeded();
      } catch (error) {
        const reason = `no address for ${need.handleId}: ${(error as Error).message}`;
        this.#options.log.warn({ handle: need.handleId }, reason);
        this.#problems.set(need.field, reason);
      }
    }
  }

  #isSettled({ field, prefixes }: TunnelAddressNeed): boolean {
    const held = this.#held.get(field);
    const annotated = this.#annotated[field];
    if (prefixes.length === 0) return held === undefined && annotated === undefined;
    return (
      held !== undefined &&
      isWithin(held, prefixes) &&
      annotated !== undefined &&
      equalAddresses(annotated, held)
    );
  }

  async #settle(need: TunnelAddressNeed): Promise<void> {
    const { field, handleId, prefixes } = need;
    if (prefixes.length === 0) {
      await this.#release(need);
      await this.#annotate(field, undefined);
      this.#options.log.info(
        { handle: handleId },
        'a tunnel that no pool needs gave its address back',
      );
      return;
    }
    let address = await this.#assign(need);
    if (!isWithin(address, prefixes)) {
      // Of a pool that is gone, or has another encapsulation now.
      await this.#release(need);
      address = await this.#assign(need);
    }
    this.#held.set(field, address);
    await this.#annotate(field, address);
  }

  /** The one that the handle has, if it has one. */
  async #assign(need: TunnelAddressNeed): Promise<Address> {
    const { attributes, family, field, handleId, pools, prefixes } = need;
    try {
      if (pools.length === 0)
        throw new Error(
          'no IPPool of this tunnel is enabled, selects this node and allows the use Tunnel',
        );
      const [given] = await this.#options.allocator.assign({
        ...{ handleId, attributes, families: [family] },
        pools: { [family]: pools },
      });
      return parseAddress(given!.address);
    } catch (error) {
      // All its pools may be disabled or full by now: what the node has stays good.
      const annotated = this.#annotated[field];
      if (annotated !== undefined && isWithin(annotated, prefixes)) return annotated;
      throw error;
    }
  }

  async #release({ field, handleId }: TunnelAddressNeed): Promise<void> {
    await this.#options.allocator.release({ handleId });
    this.#held.delete(field);
  }

  async #annotate(field: TunnelAddressField, address: Address | undefined): Promise<void> {
    const before = this.#annotated[field];
    const isSame = before && address ? equalAddresses(before, address) : before === address;
    if (isSame) return;
    const { nodeName, store } = this.#options;
    const annotations = nodeAnnotations({ [field]: address });
    await store.patch(Node, nodeName, { metadata: { annotations } });
    // The watch will say so too, a little later.
    this.#annotated = { ...this.#annotated, [field]: address };
  }
}

function needOf(needs: readonly TunnelAddressNeed[], field: TunnelAddressField) {
  return needs.find((need) => need.field === field);
}

function isWithin(address: Address, prefixes: readonly Prefix[]): boolean {
  return prefixes.some((prefix) => containsAddress(prefix, address));
}
