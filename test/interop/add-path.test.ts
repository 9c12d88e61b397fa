/** Several paths of a prefix with other daemons. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd, exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('add-path.scenarios.ts');

// FRR tells the identifiers that we gave; BIRD has add paths for IPv4 only, as it is configured.
test.concurrent.each([
  ['bird', [4], ['', '65001'], '65001', ['0 65010', '0 65011']],
  ['frr', [4, 6], ['1: ', '2: 65001'], '2: 65001', ['0 ', '0 ']],
  ['gobgp', [4], ['', '65001'], '65001', ['10 ', '11 ']],
  ['openbgpd', [4, 6], ['', '65001'], '65001', ['0 ', '0 65010']],
  ['exabgp', [4, 6], ['0.0.0.1: ', '0.0.0.2: 65001'], '0.0.0.2: 65001', ['10 ', '11 ']],
])(
  'RFC 7911: all paths both ways, each withdrawn by itself, the other stays as it was: %s',
  async (daemon, families, there, left, here) => {
    const seen = await play(daemon);
    expect(seen.negotiated.addPath.send).toEqual(families);
    expect([seen.both.there, seen.one.there]).toEqual([there, [left]]);
    const shown = (paths: string[]) => paths.map((path) => path.replace(/^\w+ /, '')).sort();
    expect([shown(seen.both.here), seen.ids]).toEqual([here, 2]);
    expect(shown(seen.one.here)).toEqual([here[0]]);
    expect(seen.sessions).toEqual(['client up']);
  },
  DEADLINE_MS,
);
