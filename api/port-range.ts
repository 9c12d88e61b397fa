/** A range of ports as Calico writes it: 4000, "4000" or "32768:65535". */

export interface PortRange {
  first: number;
  /** Included. */
  last: number;
}

/** @throws Error whose message reads on after the field's name. */
export function parsePortRange(value: number | string): PortRange {
  const [, first, last = first] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(`${value}`) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (!(range.first >= 1 && range.first <= range.last && range.last <= 65_535))
    throw new Error(
      `${JSON.stringify(value)} is not a port or a range of ports from 1 to 65535 such as "32768:65535"`,
    );
  return range;
}
