/**
 * Who the neighbour on a link is, by who advertises there. One that speaks twice in a row has taken
 * the place of the one before, as a router does whose address changed; of two that both speak, the
 * first stays, so that a third router on the link takes no session down.
 */

/** Addresses as text. */
export interface Neighbor {
  readonly address: string | undefined;
  /** Who spoke last, if it was another. */
  readonly newcomer: string | undefined;
}

export const NOBODY: Neighbor = { address: undefined, newcomer: undefined };

export function heard({ address, newcomer }: Neighbor, source: string): Neighbor {
  const isNew = address === undefined || source === newcomer;
  if (source === address || isNew) return { address: source, newcomer: undefined };
  return { address, newcomer: source };
}
