/**
 * Addresses for one node: which block, which handle, in which order, and what to do when another
 * writer was faster or the process died in between.
 *
 * An assignment writes twice: the handle (it now names the block), then the block, by
 * compare-and-swap. A release writes the block, then deletes the handle. So at any moment a handle
 * names every block in which it holds an address, and what a crash or a lost answer leaves is
 * repaired by the next assign or release of that handle:
 *
 *   left behind                                      assign                  release
 *   the handle names a block that holds nothing      gives from that block   drops the name
 *   the block holds an address nobody was told of    answers that address    takes it back
 *
 * After a write without an answer nothing is assumed; the next step reads. And because such a write
 * may still be on its way, whatever a request builds on it writes itself first, so that the late one
 * fails: the handle before it takes an address, even if the handle says what it should already; a
 * block before it drops the block's name, or answers an address that the handle holds there.
 */

import type { Address, Family } from 'net-ipaddr';
import type { IPAMBlock, IPAMHandle } from '../api/index.ts';
import type { Clock, Log, Random, Store } from '../ports.ts';
import { allOf } from './all-of.ts';
import { addressOf, asSubnet, belongsTo, familyOf, heldBy, take } from './block.ts';
import { type Choice, Chooser, type Want } from './chooser.ts';
import { IpamError, Moved } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { blocksOf, hasCounts, renew } from './handle.ts';
import { KnownHandles } from './known-handles.ts';
import { handleName } from './names.ts';
import { OwnBlocks } from './own-blocks.ts';
import { alreadyTaken, noSubnet } from './refusals.ts';
import { retry } from './retry.ts';
import { mayStillGive, type Request, Surrender } from './surrender.ts';
import { CLAIM, Turns } from './turns.ts';

export interface AllocatorOptions {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
  /** The node's name in the datastore. One allocator a node. */
  node: string;
}

export interface Assigned {
  readonly family: Family;
  /** Canonical text, without a length. */
  readonly address: string;
  /** CIDR of the block that it is from. */
  readonly block: string;
}

export interface AssignRequest {
  /** Who holds the addresses: `<network>.<containerID>`, as Calico's CNI plugin has it. */
  handleId: string;
  /** One address of each. */
  families: readonly Family[];
  /** Exactly these, one of a family at most; those of families that were not asked for don't count. */
  addresses?: readonly Address[];
  /** By family, names or CIDRs of the IPPools that its address must come from. */
  pools?: Partial<Record<Family, readonly string[]>>;
  /** The block is a subnet: its first two addresses and its last are kept from pods, the second being the gateway's. */
  asSubnet?: boolean;
  /** Kept beside the address for readers. Calico's: `node`, `pod`, `namespace`, `timestamp`. */
  attributes: Record<string, string>;
}

/** A CNI runtime gives up after minutes; long before that the caller should hear why. */
const REQUEST_DEADLINE_MS = 30_000;
const ROLLBACK_DEADLINE_MS = 10_000;
/** A node starts a few hundred pods at most; more requests than this at once are a loop gone wild. */
const MAX_PENDING = 1_024;

interface Assignment extends Request {
  readonly wants: readonly Want[];
  readonly asSubnet: boolean;
  readonly attributes: Record<string, string>;
  /** What the handle held before, once known: a failure leaves just that. */
  before: ReadonlySet<string> | undefined;
  /** From here on there may be something to undo. */
  hasBegun: boolean;
  /** The handle as this request last wrote it. */
  written: IPAMHandle | undefined;
}

/** A block that a handle names, as just read. */
interface Named {
  readonly cidr: string;
  /** As the handle has it. */
  readonly count: number;
  readonly block: IPAMBlock | undefined;
  readonly held: readonly Assigned[];
}

export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #turns: Turns;
  readonly #commit: GroupCommit;
  readonly #blocks: OwnBlocks;
  readonly #listeners: ((cidrs: string[]) => void)[] = [];
  readonly #handles: KnownHandles;
  readonly #chooser: Chooser;
  readonly #surrender: Surrender;
  #isLoaded = false;
  #pending = 0;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock);
    this.#handles = new KnownHandles(options.store);
    this.#blocks = new OwnBlocks({
      ...options,
      onChange: (cidrs) => {
        for (const listener of this.#listeners) listener(cidrs);
      },
    });
    this.#chooser = new Chooser({ ...options, turns: this.#turns, blocks: this.#blocks });
    this.#commit = new GroupCommit(this.#turns, this.#blocks, options.clock);
    this.#surrender = new Surrender(this.#commit, this.#handles);
  }

  /** CIDRs of this node's blocks, ascending. Empty until `load` or the first `assign`. */
  ownBlocks(): string[] {
    return this.#blocks.cidrs();
  }

  /** Calls `listener` with all of this node's blocks after each change of which they are. */
  onBlocks(listener: (cidrs: string[]) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Reads which blocks are this node's. For the start, since blocks need routes before the first
   * pod, and for when a watch shows that someone else changed an affinity of this node.
   */
  async load(): Promise<string[]> {
    const deadline = this.#options.clock.monotonic() + REQUEST_DEADLINE_MS;
    await retry(this.#options, "reading this node's blocks", deadline, () =>
      this.#turns.run(CLAIM, deadline, () => this.#loadNow()),
    );
    return this.ownBlocks();
  }

  /**
   * Gives the handle one address of each family, or none at all. A handle that has an address of a
   * family keeps it: asking twice answers the same. Durable once answered.
   * @throws IpamError, or a StoreError that does not pass, such as 'Forbidden'.
   */
  async assign(asked: AssignRequest): Promise<Assigned[]> {
    const { handleId, families, attributes } = asked;
    if (families.length === 0) throw new IpamError('Invalid', 'no address family was asked for');
    return this.#admit(handleId, handleName(handleId), async (request) => {
      const assignment: Assignment = {
        ...request,
        wants: [...new Set(families)].map((family) => ({
          family,
          address: asked.addresses?.find((address) => address.family === family),
          pools: asked.pools?.[family],
        })),
        asSubnet: asked.asSubnet ?? false,
        attributes,
        before: undefined,
        hasBegun: false,
        written: undefined,
      };
      try {
        return await retry(
          this.#options,
          `addresses for ${handleId}`,
          request.deadline,
          (attempt) => this.#assign(assignment, attempt > 0),
        );
      } catch (error) {
        await this.#rollBack(assignment);
        throw error;
      }
    });
  }

  /**
   * Takes back all addresses of the handle, whichever node's blocks they are from.
   * @returns the addresses; none when the handle is unknown.
   * @throws IpamError 'Busy' or 'Timeout', or a StoreError that does not pass. Call it again then.
   */
  async release({ handleId }: { handleId: string }): Promise<string[]> {
    let name: string;
    try {
      name = handleName(handleId);
    } catch {
      return []; // what cannot be named was never given an address
    }
    return this.#admit(handleId, name, async (request) => {
      const freed = new Set<string>();
      await retry(this.#options, `the release of ${handleId}`, request.deadline, (attempt) =>
        this.#surrender.run(request, attempt > 0, new Set(), freed),
      );
      return [...freed];
    });
  }

  /** Lets the request in when there is room, and when no other of the same handle is under way. */
  async #admit<T>(
    handleId: string,
    name: string,
    work: (request: Request) => Promise<T>,
  ): Promise<T> {
    if (this.#pending >= MAX_PENDING) {
      throw new IpamError('Busy', `${MAX_PENDING} address requests wait already: try again later`);
    }
    this.#pending++;
    try {
      const deadline = this.#options.clock.monotonic() + REQUEST_DEADLINE_MS;
      const request = { handleId, name, deadline };
      return await this.#turns.run(`handle ${handleId}`, deadline, () => work(request));
    } finally {
      this.#pending--;
    }
  }

  async #loadNow(): Promise<void> {
    await this.#blocks.load();
    this.#isLoaded = true;
  }

  async #assign(assignment: Assignment, isRetry: boolean): Promise<Assigned[]> {
    const { wants, deadline } = assignment;
    if (!this.#isLoaded) {
      await this.#turns.run(CLAIM, deadline, async () => {
        if (!this.#isLoaded) await this.#loadNow();
      });
    }
    // At first a handle that we don't know is taken to be new, which saves reading it: its creation
    // tells if it is not.
    const mayExist = isRetry || this.#handles.get(assignment.name) !== undefined;
    const handle = mayExist
      ? await this.#handles.read(assignment.name, assignment.handleId)
      : undefined;
    const named = handle === undefined ? [] : await this.#named(handle, deadline);
    const held = named.flatMap((block) => block.held);
    if (mayExist) assignment.before ??= new Set(held.map(({ address }) => address));

    const missing = wants.filter(({ family }) => !held.some((one) => one.family === family));
    const unused = named.filter((block) => block.held.length === 0).map(({ cidr }) => cidr);
    const chosen: Choice[] = [];
    try {
      try {
        for (const want of missing) chosen.push(await this.#chooser.choose(want, unused, deadline));
        if (missing.length > 0) await this.#writeHandle(assignment, handle, named, chosen);
      } finally {
        for (const { own } of chosen) own.coming--;
      }
      const taken = await allOf(chosen.map((choice) => this.#takeFrom(choice, assignment)));
      const all = [...held, ...taken];
      return wants.map(({ family }) => all.find((one) => one.family === family)!);
    } finally {
      for (const { own } of chosen) own.promised--;
    }
  }

  /** Reads every block that the handle names, and settles what it holds there. */
  #named(handle: IPAMHandle, deadline: number): Promise<Named[]> {
    const { handleID, block: counts } = handle.spec;
    return allOf(
      blocksOf(handle).map(async (cidr) => {
        const block = await this.#turns.run(`block ${cidr}`, deadline, async () => {
          const read = await this.#blocks.read(cidr);
          // What will be answered as held must not fall to a release that is still on its way.
          if (read !== undefined && heldBy(read, handleID).length > 0)
            await this.#blocks.write(read);
          return read;
        });
        const ordinals = block === undefined ? [] : heldBy(block, handleID);
        const held = ordinals.map((ordinal) => assigned(block!, ordinal));
        return { cidr, count: counts[cidr]!, block, held };
      }),
    );
  }

  /** Makes the handle name what it holds and what it is about to take, before any block says so. */
  async #writeHandle(
    assignment: Assignment,
    handle: IPAMHandle | undefined,
    named: readonly Named[],
    chosen: readonly Choice[],
  ): Promise<void> {
    const counts = new Map<string, number>();
    for (const { cidr, count, block, held } of named) {
      if (held.length > 0) counts.set(cidr, held.length);
      else if (mayStillGive(block)) counts.set(cidr, count);
    }
    for (const { own } of chosen) {
      const { cidr } = own;
      const held = named.find((one) => one.cidr === cidr)?.held.length ?? 0;
      counts.set(cidr, held + 1);
    }
    assignment.hasBegun = true;
    if (handle === undefined) {
      assignment.written = await this.#handles.create(assignment.handleId, counts);
      assignment.before ??= new Set(); // it was created just now
      return;
    }
    // Unless this request wrote it, a deletion by another that got no answer may still be on its way.
    const isOurs = handle.metadata.resourceVersion === assignment.written?.metadata.resourceVersion;
    if (isOurs && hasCounts(handle, counts)) return;
    const renewed = isOurs ? handle : renew(handle, this.#options.clock.now());
    assignment.written = await this.#handles.change(renewed, counts);
  }

  #takeFrom(
    { own, ordinal, isBorrowed }: Choice,
    { handleId, attributes, asSubnet: isSubnet, deadline }: Assignment,
  ): Promise<Assigned> {
    return this.#commit.run(own.cidr, deadline, {
      // If the block says already that we hold one, only a fresh reading may be believed: an
      // administrator may have released it, and another pod may have it by now. So with one address
      // that was asked for: it is refused on no old news.
      needsReading: (known) => ordinal !== undefined || heldBy(known, handleId).length > 0,
      decide: (block) => {
        if (block === undefined) throw new Moved(`block ${own.cidr} is gone`);
        const [late] = heldBy(block, handleId);
        if (late !== undefined) return { answer: assigned(block, late) };
        if (!isBorrowed && !belongsTo(block, this.#options.node))
          throw new Moved(`block ${own.cidr} is not ours`);
        const usable = isSubnet ? asSubnet(block) : block;
        const taken = usable && take(usable, handleId, attributes, ordinal);
        if (taken === undefined && ordinal !== undefined) throw alreadyTaken(block, ordinal);
        if (taken === undefined && isSubnet) throw noSubnet(block);
        if (taken === undefined) throw new Moved(`block ${own.cidr} is full`);
        return { write: taken.block, answer: assigned(taken.block, taken.ordinal) };
      },
    });
  }

  /** Undoes what the request did, as far as the datastore lets us. */
  async #rollBack({ handleId, name, before, hasBegun }: Assignment): Promise<void> {
    if (before === undefined || !hasBegun) return;
    const { clock, log } = this.#options;
    const deadline = clock.monotonic() + ROLLBACK_DEADLINE_MS;
    const request = { handleId, name, deadline };
    try {
      await retry(this.#options, `undoing ${handleId}`, deadline, () =>
        this.#surrender.run(request, true, before, new Set()),
      );
    } catch (error) {
      const reason = (error as Error).message;
      log.warn(
        { handle: handleId, reason },
        'A failed assignment stays until its handle is used or released',
      );
    }
  }
}

function assigned(block: IPAMBlock, ordinal: number): Assigned {
  return { family: familyOf(block), address: addressOf(block, ordinal), block: block.spec.cidr };
}
