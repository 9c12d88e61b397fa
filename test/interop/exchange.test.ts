/**
 * Every attribute both ways, with all five daemons at once. Needs root, unshare, ip, bird, frr, gobgpd,
 * openbgpd and exabgp.
 */

import { RICH, type Seen } from './neighbors/neighbor.ts';
import { DEADLINE_MS, player } from './play.ts';

const play = player('exchange.scenarios.ts');

const DAEMONS = ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] as const;
type Name = (typeof DAEMONS)[number];
type Kind = 'ebgp' | 'ibgp';

const OUR_AS = 64_512;

/** What of RICH a daemon cannot be told to announce. */
const LACKS: Record<Name, readonly (keyof Seen)[]> = {
  bird: ['atomicAggregate', 'aggregator', 'unknown'],
  frr: ['unknown'],
  gobgp: ['atomicAggregate', 'unknown'],
  openbgpd: ['atomicAggregate', 'aggregator', 'unknown'],
  exabgp: [],
};

/** What a daemon does not show. */
const HIDES: Record<Name, readonly (keyof Seen)[]> = {
  bird: [],
  frr: ['unknown'],
  gobgp: [],
  openbgpd: [],
  exabgp: [],
};

/** What the raw peer of AS 65100 announces. */
const RAW: Seen = { ...RICH, aggregator: '4200000099 192.0.2.9' };
const RAW_PREFIXES = ['198.51.100.0/24', '2001:db8:a::/48'] as const;
const RAW_PATH = '65100 4200000099 {65010}';

interface Facts {
  readonly as: number;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
  readonly session: unknown;
  readonly here: readonly Seen[];
  readonly atRaw: readonly Seen[];
  readonly there: Readonly<Record<string, Seen>>;
}

function without(seen: Seen, ...keys: readonly (keyof Seen)[]): Seen {
  return Object.fromEntries(
    Object.entries(seen).filter(([key]) => !keys.includes(key as keyof Seen)),
  );
}

/** OpenBGPD has no words for a path of its own. */
function pathOf(name: Name): string {
  return name === 'openbgpd' ? '' : RICH.asPath!;
}

function joined(...parts: readonly (string | number)[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

const OLD: readonly Name[] = ['bird', 'openbgpd', 'exabgp'];

// RFC 6793 §4.2: between us and old speakers, 4-octet AS numbers travel in AS4_PATH and AS4_AGGREGATOR.
test.concurrent.each([
  ['ebgp over IPv4, they wait', 'ebgp', 4],
  ['ebgp over IPv6, we wait', 'ebgp', 6],
  ['ebgp with old speakers', 'ebgp', 4],
  ['ibgp over IPv4, we wait', 'ibgp', 4],
  ['ibgp over IPv6, they wait', 'ibgp', 6],
] as const)(
  'every attribute arrives, and every withdraw, and no session goes down: %s',
  async (scenario, kind, over) => {
    const { seen, downs } = await play(scenario);
    const old = scenario.includes('old') ? OLD : [];
    for (const name of DAEMONS) {
      const facts: Facts = seen[name];
      const fourOctetAs = !old.includes(name);
      expect({ [name]: facts.session }).toMatchObject({
        [name]: { state: 'Established', upCount: 1, families: [4, 6], fourOctetAs },
      });
      expect({ [name]: facts.here }).toEqual({ [name]: expectedHere(name, facts, kind, over) });
      expect({ [name]: facts.atRaw }).toEqual({ [name]: expectedAtRaw(name, facts, kind) });
      expect({ [name]: shown(facts.there, kind) }).toEqual({
        [name]: kind === 'ebgp' ? expectedOverEbgp(name, seen, old) : expectedOverIbgp(name, facts),
      });
    }
    expect(downs).toEqual([]);
  },
  DEADLINE_MS,
);

function expectedHere(name: Name, { as, theirs }: Facts, kind: Kind, over: 4 | 6): Seen[] {
  const of = without(RICH, ...LACKS[name]);
  const asPath = joined(...(kind === 'ebgp' ? [as] : []), pathOf(name));
  const localPref = kind === 'ibgp' ? { localPref: 100 } : {};
  const nextHops = [...theirs];
  // To another AS, OpenBGPD gives the family that is not the session's the loopback as next hop.
  if (name === 'openbgpd' && kind === 'ebgp') {
    nextHops.splice(over === 4 ? 1 : 0, 1, over === 4 ? '::1' : '127.0.0.1');
  }
  return nextHops.map((nextHop) => ({ ...of, ...localPref, asPath, nextHop }));
}

/** RFC 4271 §5.1.4, §5.1.5: neither MED nor LOCAL_PREF goes on to another AS. */
function expectedAtRaw(name: Name, { as }: Facts, kind: Kind): Seen[] {
  const asPath = joined(OUR_AS, ...(kind === 'ebgp' ? [as] : []), pathOf(name));
  const one = { ...without(RICH, 'med', ...LACKS[name]), asPath };
  return [one, one];
}

/** What the raw peer and the other daemons announced. */
function expectedOverEbgp(
  name: Name,
  seen: Record<Name, Facts>,
  old: readonly Name[],
): Record<string, Seen> {
  const [ours4, ours6] = seen[name].ours;
  const read = (route: Seen) => (old.includes(name) ? readByOld(name, route) : route);
  const routes = (prefix4: string, prefix6: string, path: string, of: Seen) => {
    const asPath = joined(OUR_AS, path);
    const route = read({ ...without(of, 'med', ...HIDES[name]), asPath });
    return {
      [prefix4]: { ...route, nextHop: ours4! },
      [prefix6]: { ...route, nextHop: ours6! },
    };
  };
  const expected = routes(...RAW_PREFIXES, RAW_PATH, RAW);
  DAEMONS.forEach((other, index) => {
    if (other === name) return;
    const prefixes = [`203.0.113.${32 * index}/27`, `2001:db8:b${index}::/48`] as const;
    const path = joined(seen[other].as, pathOf(other));
    Object.assign(expected, routes(...prefixes, path, without(RICH, ...LACKS[other])));
  });
  return expected;
}

/** What two of them make of an old speaker's attributes. */
function readByOld(name: Name, route: Seen): Seen {
  const isWide = route.aggregator?.startsWith('42');
  // OpenBGPD leaves AS4_PATH aside when there is an AGGREGATOR without AS_TRANS.
  if (name === 'openbgpd' && isWide === false)
    return { ...route, asPath: route.asPath!.replaceAll(/\b42\d{8}\b/g, '23456') };
  // ExaBGP reads 2 octets of the number in AS4_AGGREGATOR.
  if (name === 'exabgp' && isWide) return { ...route, aggregator: '64086 192.0.2.9' };
  return route;
}

/** What the raw peer announced: the speaker is no reflector of the daemons'. */
function expectedOverIbgp(name: Name, { ours }: Facts): Record<string, Seen> {
  const route = { ...without(RAW, ...HIDES[name]), asPath: RAW_PATH, localPref: 100 };
  return Object.fromEntries(
    RAW_PREFIXES.map((prefix, index) => [prefix, { ...route, nextHop: ours[index]! }]),
  );
}

/** LOCAL_PREF on eBGP is what the daemon itself gave the route. */
function shown(there: Facts['there'], kind: Kind): Record<string, Seen> {
  if (kind === 'ibgp') return there;
  return Object.fromEntries(
    Object.entries(there).map(([prefix, one]) => [prefix, without(one, 'localPref')]),
  );
}
