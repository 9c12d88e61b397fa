/** Extended messages. Needs root, unshare, ip, bird, frr, gobgpd, openbgpd and exabgp. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('extended-messages.scenarios.ts');

test.concurrent(
  'RFC 8654 §4: attributes of 8,000 octets, to BIRD, FRR and ExaBGP and from them',
  async () => {
    const whole = { extendedMessage: true, here: 2000, there: 2000 };
    expect(await play('with extended messages')).toEqual({
      seen: [
        { name: 'bird', ...whole },
        { name: 'frr', ...whole },
        { name: 'exabgp', ...whole },
      ],
      sessions: ['bird up', 'exabgp up', 'frr up'],
    });
  },
  DEADLINE_MS,
);

test.concurrent(
  'RFC 8654 §4: to who takes none, a route that needs them is not announced, and is told of',
  async () => {
    const reason = 'no next hop of the family, or attributes too long';
    const peers = ['bird', 'gobgp', 'openbgpd', 'exabgp'];
    expect(await play('without extended messages')).toEqual({
      extended: [false, false, false, false],
      notSentTo: peers.map((peer) => ({ peer, reason })),
      sessions: ['bird up', 'exabgp up', 'gobgp up', 'openbgpd up'],
    });
  },
  DEADLINE_MS,
);
