/**
 * What `ip route` or `ip monitor route` printed, a line a route, without trailing spaces. A route by a next
 * hop object, also by a group of one, looks like one that names its gateways.
 */
export function ipRoutes(shown: string): string[] {
  return shown
    .replaceAll(/\n\t/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/ pref medium/, '')
        .replace(/ nhid \d+((?:(?! nexthop ).)*) nexthop (via \S+ dev \S+) weight 1 *$/, ' $2$1')
        .replace(/ nhid \d+/, '')
        .replaceAll(/ +/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '');
}
