/** Keeps an eye on others' chains, and names those that drop what we forward: forward-chains.ts says which. */

import type { Prefix } from 'net-ipaddr';
import type { Log } from '../../ports.ts';
import type { Kernel } from '../kernel.ts';
import type { Report } from '../report.ts';
import type { FilterTable } from './chain.ts';
import { droppingChains } from './forward-chains.ts';
import { parseLegacyTable } from './legacy-chains.ts';
import { NftError } from './nft.ts';
import { readForwardTables } from './nft-chains.ts';

export interface DroppingChainsOptions {
  kernel: Pick<Kernel, 'legacyFilter' | 'nft'>;
  log: Log;
  /** Whose packets must get through. */
  pools(): readonly Prefix[];
}

export class DroppingChains {
  readonly #options: DroppingChainsOptions;
  /** What nftables had, of one generation. */
  #known: { readonly generation: number; readonly tables: readonly FilterTable[] } | undefined;
  #reports: readonly Report[] = [];

  constructor(options: DroppingChainsOptions) {
    this.#options = options;
  }

  reports(): readonly Report[] {
    return this.#reports;
  }

  /** Tells of those that it finds for the first time. @param generation of nftables, from before this call */
  async look(generation: number | undefined): Promise<void> {
    const before = this.#reports;
    const tables = [...(await this.#nftables(generation)), ...(await this.#legacyTables())];
    this.#reports = this.#dropping(tables);
    for (const { subject, reason } of this.#reports)
      if (!before.some((told) => told.subject === subject))
        this.#options.log.error({ subject }, reason);
  }

  async #nftables(generation: number | undefined): Promise<readonly FilterTable[]> {
    const known = generation === this.#known?.generation ? this.#known?.tables : undefined;
    // A table goes with its owner without another generation: what is told of is looked at again.
    if (known !== undefined && this.#dropping(known).length === 0) return known;
    const tables = await this.#read(() => readForwardTables(this.#options.kernel.nft));
    const isKnown = generation !== undefined && tables !== undefined;
    this.#known = isKnown ? { generation, tables } : undefined;
    return tables ?? [];
  }

  async #legacyTables(): Promise<FilterTable[]> {
    const { legacyFilter } = this.#options.kernel;
    const tables = await Promise.all(
      ([4, 6] as const).map((family) =>
        this.#read(async () => parseLegacyTable(family, await legacyFilter(family))),
      ),
    );
    return tables.flatMap((table) => table ?? []);
  }

  #dropping(tables: readonly FilterTable[]): Report[] {
    return tables.flatMap((table) => droppingChains(table, this.#options.pools()));
  }

  /** A table that goes while it is read, or that the program cannot read: there is a next time. */
  async #read<T>(tables: () => Promise<T>): Promise<T | undefined> {
    try {
      return await tables();
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      const { log } = this.#options;
      log.debug({ error: error.message }, 'cannot look for chains that drop what we forward');
      return undefined;
    }
  }
}
