/** Filters and a local AS against BIRD 2. Needs root, unshare, ip and bird. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('policy.scenarios.ts');

/** 2147483647 − priority. */
const PRIORITY_100 = 2147483547;
const PRIORITY_200 = '2147483447';

/** Those of importV4 and importV6, by what they do. */
const JUDGED = [
  {
    prefix: '198.51.100.0/24',
    verdict: 'best',
    localPref: PRIORITY_100,
    communities: [0xfde80001, 0xfde80002],
    changedBy: ['BGPFilter "filter" importV4[0]'],
  },
  { prefix: '192.0.2.0/24', verdict: 'best' },
  { prefix: '192.0.2.0/25', verdict: 'import policy: BGPFilter "filter" importV4[3]' },
  { prefix: '2001:db8:a::/48', verdict: 'best' },
  { prefix: '2001:db8:b::/48', verdict: 'import policy: BGPFilter "filter" importV6[1]' },
  { prefix: '2001:db8:c::/48', verdict: 'best' },
];

test.concurrent.each([
  // The AS path of 203.0.113.0/24 begins with 65010 on iBGP, and with BIRD's AS before it on eBGP.
  ['eBGP', 2, ['64512 65020 65021', '64512'], ['100', '100']],
  ['iBGP', 1, ['65020 65021', ''], [PRIORITY_200, '100']],
] as const)(
  'BGPFilter, both directions, communities on the wire, and all of it undone while the session lasts: %s',
  async (kind, asPathRule, asPaths, localPrefs) => {
    const { before, changedFor, after, sessions } = await play(`filters, ${kind}`);
    expect(before.judged).toEqual([
      JUDGED[0],
      {
        prefix: '203.0.113.0/24',
        verdict: `import policy: BGPFilter "filter" importV4[${asPathRule}]`,
      },
      ...JUDGED.slice(1),
    ]);
    expect(before.atBird).toEqual([
      {
        prefix: '10.1.0.0/26',
        asPath: asPaths[0],
        localPref: localPrefs[0],
        community: '(65000,100)',
        largeCommunity: '(65000, 1, 2)',
      },
      {
        prefix: 'fd00:1::/122',
        asPath: asPaths[1],
        localPref: localPrefs[1],
        community: '(65000,9)',
        largeCommunity: '(65000, 7, 8)',
      },
    ]);
    expect(changedFor).toEqual([[{ peer: 'bird', changedBy: ['BGPFilter "filter" exportV4[0]'] }]]);
    expect(after).toEqual(['10.1.0.0/26', '10.2.0.0/26', 'fd00:1::/122']);
    expect(sessions).toEqual(['bird up']);
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 7705: BIRD knows us by the local AS alone; neither AS may stand in its paths, unless allowed',
  async () => {
    const { judged, asPath, atBird, sessions } = await play('local AS');
    expect(judged).toEqual([
      { prefix: '198.51.100.0/24', verdict: 'best' },
      { prefix: '203.0.113.0/24', verdict: 'own AS in the AS path' },
      { prefix: '192.0.2.0/24', verdict: 'own AS in the AS path' },
    ]);
    expect(asPath).toEqual(['4200000001 65100']);
    expect(atBird).toEqual(['65100']);
    expect(sessions).toEqual(['bird up']);
  },
  DEADLINE_MS,
);
