/**
 * Keeps our table of nftables as it should be: read when somebody changed it and from time to time, and
 * written, in one transaction, only where it differs. Looks for others' chains that drop what we forward.
 */

import type { Prefix } from 'net-ipaddr';
import type { Monitor, SystemCallError } from 'rtnetlink-ts';
import type { Clock, Log, Random } from '../../ports.ts';
import type { Report } from '../report.ts';
import { Resync } from '../resync.ts';
import type { FilterTable } from './chain.ts';
import { droppingChains } from './forward-chains.ts';
import { type LegacyFilter, parseLegacyTable } from './legacy-chains.ts';
import { type Nft, NftError, type WatchNft } from './nft.ts';
import { readForwardTables } from './nft-chains.ts';
import { changingElements, normalized, replacing, TABLE, TABLE_NAME } from './ruleset.ts';

const WITHOUT =
  'until then pods leave the node with their own source, or with one that they forged';
const INSTALL = `install the package nftables; ${WITHOUT}`;
const LOAD = `this needs a kernel with nftables for IP (modules nf_tables, nft_fib_inet, nft_chain_nat, nft_masq); ${WITHOUT}`;

export interface PacketTableOptions {
  nft: Nft;
  watchNft: WatchNft;
  legacyFilter: LegacyFilter;
  clock: Clock;
  random: Random;
  log: Log;
  /** The whole table as it should be now. */
  desired(): string;
  /** Whose packets must get through. */
  pools(): readonly Prefix[];
}

export class PacketTable {
  readonly #options: PacketTableOptions;
  readonly #resync: Resync;
  /** What was desired last, and how nft lists it: another version of it may say the same otherwise. */
  #inPlace: { desired: string; listed: string | undefined } | undefined;
  #problem: string | undefined;
  #watch: Monitor | undefined;
  #droppingChains: readonly Report[] = [];

  constructor(options: PacketTableOptions) {
    this.#options = options;
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
    return [...ours, ...this.#droppingChains];
  }

  /** Leaves the table as it is. */
  close(): void {
    this.#watch?.close();
    this.#resync.close();
  }

  /** Where it is not told of changes, it finds them from time to time. */
  #listen(): Monitor | undefined {
    const { log, watchNft } = this.#options;
    try {
      return watchNft(TABLE_NAME, () => this.#resync.soon());
    } catch (error) {
      log.debug({ error: (error as SystemCallError).message }, 'not told of changes of nftables');
      return undefined;
    }
  }

  async #pass(): Promise<void> {
    await this.#inspectOthers();
    try {
      await this.#reconcile();
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      this.#problem = `${error.message}: ${error.isMissing ? INSTALL : LOAD}`;
      throw new Error(this.#problem, { cause: error });
    }
  }

  async #reconcile(): Promise<void> {
    const { desired, log, nft } = this.#options;
    const table = desired();
    const listed = await list(nft);
    if (listed !== undefined && this.#isListedAs(table, listed)) {
      this.#inPlace = { desired: table, listed };
      return;
    }
    const elements = listed && changingElements(listed, normalized(table));
    await nft(['-f', '-'], elements || replacing(table));
    if (this.#inPlace?.desired === table)
      log.warn({ table: TABLE }, 'somebody changed our nftables table: repaired');
    this.#inPlace = { desired: table, listed: await list(nft) };
  }

  async #inspectOthers(): Promise<void> {
    const { legacyFilter, log, nft, pools } = this.#options;
    const before = this.#droppingChains;
    const tables = await Promise.all([
      this.#read(() => readForwardTables(nft)),
      ...([4, 6] as const).map((family) =>
        this.#read(async () => [parseLegacyTable(family, await legacyFilter(family))]),
      ),
    ]);
    this.#droppingChains = tables.flat().flatMap((table) => droppingChains(table, pools()));
    for (const { subject, reason } of this.#droppingChains)
      if (!before.some((told) => told.subject === subject)) log.error({ subject }, reason);
  }

  /** A table that goes while it is read, or that the program cannot read: there is a next time. */
  async #read(tables: () => Promise<FilterTable[]>): Promise<FilterTable[]> {
    try {
      return await tables();
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      const { log } = this.#options;
      log.debug({ error: error.message }, 'cannot look for chains that drop what we forward');
      return [];
    }
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
