/** The host's interfaces as the monitor tells of them, and what a change of one means to routes. */

import type { Link } from 'rtnetlink-ts';
import type { InterfaceNames } from './table/kernel-route.ts';

export type InterfaceChange =
  /** It is there, where it was not, or was another of the same name. */
  | 'appeared'
  | 'gone'
  /** It came up again: what was routed through it is gone, and the kernel didn't say so. */
  | 'up'
  | 'down'
  /** It was up, and has its carrier again. */
  | 'carrier'
  /** It is up without: next hop objects by it are gone, in silence. */
  | 'no carrier'
  | 'none';

export interface Interface {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
}

/** What is to be known of an interface; one that nobody has told of has no carrier. */
type LinkState = Pick<Link, 'index' | 'name' | 'up'> & Partial<Pick<Link, 'hasCarrier'>>;

export class Interfaces implements InterfaceNames {
  readonly #byIndex = new Map<number, Interface>();
  readonly #byName = new Map<string, Interface>();
  /** Told of since the dump under way began: of these the dump may be older than what was told. */
  readonly #heardSinceDump = new Set<number>();

  indexOf(name: string): number | undefined {
    return this.#byName.get(name)?.index;
  }

  /** False also for one that isn't there. */
  isUp(index: number): boolean {
    return this.#byIndex.get(index)?.isUp ?? false;
  }

  nameOf(index: number): string | undefined {
    return this.#byIndex.get(index)?.name;
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Takes one notification. A renamed interface appears under its new name. */
  hear(link: LinkState, gone: boolean): InterfaceChange {
    this.#heardSinceDump.add(link.index);
    return this.#take(link, gone);
  }

  /** To be called before the kernel is asked for the dump that `replaceAll` then takes. */
  beginDump(): void {
    this.#heardSinceDump.clear();
  }

  #take(link: LinkState, gone: boolean): InterfaceChange {
    const { hasCarrier = false, index, name, up: isUp } = link;
    const before = this.#byIndex.get(index);
    if (gone) {
      if (before === undefined) return 'none';
      this.#forget(before);
      return 'gone';
    }
    if (before !== undefined && before.name !== name) this.#forget(before);
    // An index is given again only after all others, so another index is another interface.
    const namesake = this.#byName.get(name);
    if (namesake !== undefined && namesake.index !== index) this.#forget(namesake);
    const now = { index, name, isUp, hasCarrier };
    this.#byIndex.set(index, now);
    this.#byName.set(name, now);
    if (before === undefined || before.name !== name) return 'appeared';
    if (before.isUp !== isUp) return isUp ? 'up' : 'down';
    if (before.hasCarrier === hasCarrier || !isUp) return 'none';
    return hasCarrier ? 'carrier' : 'no carrier';
  }

  /**
   * Takes a whole dump. @returns what it means, interface by interface, as if each had been told.
   */
  replaceAll(
    links: readonly LinkState[],
  ): { index: number; name: string; change: InterfaceChange }[] {
    const isOlder = (index: number) => this.#heardSinceDump.has(index);
    const present = new Set(links.map(({ index }) => index));
    const changes: { index: number; name: string; change: InterfaceChange }[] = [];
    for (const { index, name, isUp } of [...this.#byIndex.values()]) {
      if (present.has(index) || isOlder(index)) continue;
      changes.push({ index, name, change: this.#take({ index, name, up: isUp }, true) });
    }
    for (const link of links) {
      if (isOlder(link.index)) continue;
      const change = this.#take(link, false);
      if (change !== 'none') changes.push({ index: link.index, name: link.name, change });
    }
    return changes;
  }

  #forget({ index, name }: Interface): void {
    this.#byIndex.delete(index);
    if (this.#byName.get(name)?.index === index) this.#byName.delete(name);
  }
}
