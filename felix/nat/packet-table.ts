/**
 * Keeps our table of nftables as it should be: looked at when somebody changed it and from time to time, read
 * where any table was changed since, and written, in one transaction, only where it differs.
 */

import type { Prefix } from 'net-ipaddr';
import type { Monitor, SystemCallError } from 'rtnetlink-ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Kernel } from '../kernel.ts';
import type { Report } from '../report.ts';
import { Resync } from '../resync.ts';
import { DroppingChains } from './dropping-chains.ts';
import { type Nft, NftError } from './nft.ts';
import { changingElements, normalized, replacing, TABLE, TABLE_NAME } from './ruleset.ts';

const WITHOUT =
  'until then pods leave the node with their own source, or with one that they forged';
const INSTALL = `install the package nftables; ${WITHOUT}`;
const LOAD = `this needs a kernel with nftables for IP (modules nf_tables, nft_fib_inet, nft_chain_nat, nft_masq); ${WITHOUT}`;

export interface PacketTableOptions {
  kernel: Pick<Kernel, 'legacyFilter' | 'nft' | 'nftGeneration' | 'watchNft'>;
  clock: Clock;
  random: Random;
  log: Log;
  /** The whole table as it should be now. */
  desired(): string;
  /** Whose packets must get through. */
  pools(): readonly Prefix[];
}

interface InPlace {
  /** What was desired last. */
  readonly desired: string;
  /** How nft lists it: another version of it may say the same otherwise. */
  readonly listed: string | undefined;
  /** Of nftables when it was as desired. Undefined: it was written, and is to be read once more. */
  readonly generation: number | undefined;
}

export class PacketTable {
  readonly #options: PacketTableOptions;
  readonly #resync: Resync;
  #inPlace: InPlace | undefined;
  #problem: string | undefined;
  #watch: Monitor | undefined;
  readonly #droppingChains: DroppingChains;

  constructor(options: PacketTableOptions) {
    this.#options = options;
    this.#droppingChains = new DroppingChains(options);
    const { clock, random, log } = options;
    const failure = 'packets are neither checked nor translated';
    this.#resync = new Resync({ clock, random, log, failure, read: () => this.#pass() });
  }

  /** From now on it is kept, whoever changes it. Resolves after the first pass, also when that failed (and is told of). */
  open(): Promise<void> {
    this.#watch ??= this.#listen();
    return this.#resync.now();
  }

  /** What is desired may be another now. That is no hint, which may have to rest: pods send meanwhile. */
  review(): void {
    if (this.#options.desired() === this.#inPlace?.desired) return;
    if (this.#problem === undefined) void this.#resync.now();
    else this.#resync.soon();
  }

  /** Resolves when what is desired now is in the kernel, also when that failed (and is told of). */
  now(): Promise<void> {
    return this.#resync.now();
  }

  problems(): Report[] {
    const ours =
      this.#problem === undefined ? [] : [{ subject: 'nftables', reason: this.#problem }];
    return [...ours, ...this.#droppingChains.reports()];
  }

  /** Leaves the table as it is. */
  close(): void {
    this.#watch?.close();
    this.#resync.close();
  }

  /** Where it is not told of changes, it finds them from time to time. */
  #listen(): Monitor | undefined {
    const { kernel, log } = this.#options;
    try {
      return kernel.watchNft(TABLE_NAME, () => this.#resync.soon());
    } catch (error) {
      log.debug({ error: (error as SystemCallError).message }, 'not told of changes of nftables');
      return undefined;
    }
  }

  async #pass(): Promise<void> {
    const generation = this.#options.kernel.nftGeneration();
    await this.#droppingChains.look(generation);
    try {
      await this.#reconcile(generation);
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      this.#problem = `${error.message}: ${error.isMissing ? INSTALL : LOAD}`;
      throw new Error(this.#problem, { cause: error });
    }
  }

  /** @param generation from before this call */
  async #reconcile(generation: number | undefined): Promise<void> {
    const { desired, kernel, log } = this.#options;
    const { nft } = kernel;
    const table = desired();
    if (generation !== undefined && this.#isInPlace(table, generation)) return;
    const listed = await list(nft);
    if (listed !== undefined && this.#isListedAs(table, listed)) {
      this.#inPlace = { desired: table, listed, generation };
      return;
    }
    const elements = listed && changingElements(listed, normalized(table));
    await nft(['-f', '-'], elements || replacing(table));
    if (this.#inPlace?.desired === table)
      log.warn({ table: TABLE }, 'somebody changed our nftables table: repaired');
    this.#inPlace = { desired: table, listed: await list(nft), generation: undefined };
  }

  #isInPlace(table: string, generation: number): boolean {
    return this.#inPlace?.desired === table && this.#inPlace.generation === generation;
  }

  #isListedAs(table: string, listed: string): boolean {
    if (listed === normalized(table)) return true;
    return this.#inPlace?.desired === table && this.#inPlace.listed === listed;
  }
}

/** @returns whether there was one. @throws NftError when it cannot be deleted. */
export async function deletePacketTable(nft: Nft): Promise<boolean> {
  if ((await list(nft)) === undefined) return false;
  await nft(['delete', 'table', ...TABLE.split(' ')]);
  return true;
}

/** @returns undefined where there is none, or no nftables at all. */
async function list(nft: Nft): Promise<string | undefined> {
  try {
    return normalized(await nft(['--stateless', 'list', 'table', ...TABLE.split(' ')]));
  } catch (error) {
    if (error instanceof NftError) return undefined;
    throw error;
  }
}
