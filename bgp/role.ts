/** BGP roles, RFC 9234: what a speaker is to a neighbour in another AS, so that routes don't leak through it. */

/** In the order of the numbers that RFC 9234 §4.1 gives them. */
export const ROLES = [
  'provider',
  'route-server',
  'route-server-client',
  'customer',
  'peer',
] as const;

/** What we are on the session. */
export type Role = (typeof ROLES)[number];

/** RFC 9234 §4.2, table 2: what the neighbour is then. */
const OPPOSITE: Readonly<Record<Role, Role>> = {
  provider: 'customer',
  'route-server': 'route-server-client',
  'route-server-client': 'route-server',
  customer: 'provider',
  peer: 'peer',
};

export function roleNumber(role: Role): number {
  return ROLES.indexOf(role);
}

/**
 * Why a neighbour with these role numbers is not accepted; undefined: it is. One that says no role is
 * (§4.2: strict mode is for those who want it otherwise).
 */
export function roleObjection(own: Role, theirs: readonly number[]): string | undefined {
  const [first] = theirs;
  if (first === undefined) return undefined;
  if (theirs.some((number) => number !== first))
    return `the peer says that it is ${nameOf(theirs)} at once`;
  if (first === roleNumber(OPPOSITE[own])) return undefined;
  return `the peer says that it is ${nameOf([first])}, but to a ${own} it must be a ${OPPOSITE[own]}`;
}

function nameOf(numbers: readonly number[]): string {
  return numbers.map((number) => ROLES[number] ?? `role ${number}`).join(' and ');
}
