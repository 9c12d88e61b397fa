/** How far an address or a route reaches: linux/rtnetlink.h, enum rt_scope_t. */

/** `nowhere`: in a deletion, any. A number: one that has no name. */
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

const NUMBERS = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
const NAMES = new Map<number, Scope>(
  Object.entries(NUMBERS).map(([name, number]) => [number, name as Scope]),
);

export function scopeNumber(scope: Scope): number {
  return typeof scope === 'number' ? scope : NUMBERS[scope];
}

export function scopeName(number: number): Scope {
  return NAMES.get(number) ?? number;
}
