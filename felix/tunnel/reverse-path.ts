/**
 * Strict reverse-path filtering (rp_filter 1) drops a packet whose answer would leave by another interface
 * than it came by. That is so, and right, where a node's own address is the source of what a tunnel
 * brings; and while a pool changes its mode: of two nodes that hear of it one after the other, one sends
 * by the tunnel and the other without. Loose filtering (2) drops only what no route at all leads back to.
 */

type Read = (key: string) => string | undefined;

/** IPv6 has no such filter. */
function keyOf(name: string): string {
  return `net/ipv4/conf/${name}/rp_filter`;
}

/**
 * The sysctls that are to be 2.
 * @param device the tunnel's own, which is loose whatever `all` says some day.
 * @param underlay interfaces of the host: one that filters nothing is left at that.
 */
export function filtersToLoosen(device: string, underlay: readonly string[], read: Read): string[] {
  // The kernel takes the greater of an interface's own value and this one.
  const ofAll = read(keyOf('all'));
  const isStrict = (key: string) => {
    const values = [read(key), ofAll];
    return values.includes('1') && !values.includes('2');
  };
  const own = keyOf(device);
  return [...(read(own) === '2' ? [] : [own]), ...underlay.map(keyOf).filter(isStrict)];
}
