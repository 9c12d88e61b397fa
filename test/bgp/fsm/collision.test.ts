/** RFC 4271 §6.8, connection collision: what happens to a second connection with a peer, and who decides. */

import { admit, type Contender, resolve } from '../../../bgp/fsm/collision.ts';
import type { State } from '../../../bgp/fsm/transition.ts';

function contender(state: State, initiator: Contender['initiator']): Contender {
  return { state, initiator };
}

describe('a connection comes in while the peer has', () => {
  test.each([
    [
      'a machine in Idle: "refuses all incoming BGP connections"',
      [contender('Idle', 'nobody')],
      'refuse',
    ],
    ['a machine that waits in Active', [contender('Active', 'nobody')], 'adopt'],
    ['our attempt on its way', [contender('Connect', 'us')], 'second'],
    ['our connection, OPEN sent', [contender('OpenSent', 'us')], 'second'],
    ['our connection, OPEN delayed', [contender('Connect', 'us')], 'second'],
    ['our connection, OPENs exchanged', [contender('OpenConfirm', 'us')], 'second'],
    [
      'an established session (CollisionDetectEstablishedState is false)',
      [contender('Established', 'us')],
      'refuse',
    ],
    ['an earlier one from it, without an OPEN', [contender('OpenSent', 'them')], 'replace'],
    ['an earlier one from it, OPEN delayed', [contender('Active', 'them')], 'replace'],
    ['an earlier one from it, OPENs exchanged', [contender('OpenConfirm', 'them')], 'refuse'],
    ['both already', [contender('OpenSent', 'us'), contender('OpenSent', 'them')], 'replace'],
    [
      'both already, theirs opened',
      [contender('OpenSent', 'us'), contender('OpenConfirm', 'them')],
      'refuse',
    ],
  ])('%s', (_, contenders, fate) => {
    expect(admit(contenders, false).fate).toBe(fate);
  });

  test.each([
    ['nothing else', [contender('Established', 'us')], 'second'],
    ['no matter who asked for it', [contender('Established', 'them')], 'second'],
    [
      'another such connection, OPEN sent',
      [contender('Established', 'them'), contender('OpenSent', 'them')],
      'replace',
    ],
    [
      'another such connection, OPENs exchanged',
      [contender('Established', 'them'), contender('OpenConfirm', 'them')],
      'refuse',
    ],
  ])('RFC 4724 §5: a session that it may have lost, and %s', (_, contenders, fate) => {
    expect(admit(contenders, true)).toMatchObject({
      fate,
      ...(fate === 'replace' ? { stale: 1 } : {}),
    });
  });

  test('the one to replace is the earlier one of theirs', () => {
    const both = [contender('OpenSent', 'us'), contender('OpenSent', 'them')];
    expect(admit(both, false)).toEqual({ fate: 'replace', stale: 1 });
  });
});

const low = { localRouterId: 1, localAs: 64512, remoteRouterId: 2, remoteAs: 64513 };
const high = { ...low, localRouterId: 0xc0000001 };

describe('an OPEN comes over', () => {
  test.each([
    [
      'ours, theirs is in OpenSent',
      contender('OpenSent', 'us'),
      contender('OpenSent', 'them'),
      'opened',
      'other',
    ],
    [
      'ours, theirs is in OpenConfirm',
      contender('OpenSent', 'us'),
      contender('OpenConfirm', 'them'),
      'opened',
      'other',
    ],
    [
      'theirs, ours is in OpenSent',
      contender('OpenSent', 'them'),
      contender('OpenSent', 'us'),
      'other',
      'opened',
    ],
    [
      'theirs, ours is in OpenConfirm',
      contender('OpenSent', 'them'),
      contender('OpenConfirm', 'us'),
      'other',
      'opened',
    ],
    [
      'theirs, ours is in Connect',
      contender('OpenSent', 'them'),
      contender('Connect', 'us'),
      'other',
      'other',
    ],
    [
      'one, the other is Established',
      contender('OpenSent', 'them'),
      contender('Established', 'us'),
      'opened',
      'opened',
    ],
  ])('%s', (_, opened, other, withLowerId, withHigherId) => {
    expect(resolve(opened, other, low)).toBe(withLowerId);
    expect(resolve(opened, other, high)).toBe(withHigherId);
  });

  test('both speakers keep the same connection, whichever OPEN comes first', () => {
    const mirrored = { localRouterId: 2, localAs: 64513, remoteRouterId: 1, remoteAs: 64512 };
    const kept = (initiator: 'us' | 'them', speakers: typeof low) => {
      const opened = contender('OpenSent', initiator);
      const other = contender('OpenSent', initiator === 'us' ? 'them' : 'us');
      return (resolve(opened, other, speakers) === 'other' ? opened : other).initiator;
    };
    expect([kept('us', low), kept('them', low)]).toEqual(['them', 'them']);
    expect([kept('us', mirrored), kept('them', mirrored)]).toEqual(['us', 'us']);
  });

  test('RFC 6286 §2.3: equal identifiers leave it to the larger AS number', () => {
    const equal = { ...low, remoteRouterId: 1 };
    const ours = contender('OpenSent', 'us');
    const theirs = contender('OpenSent', 'them');
    expect(resolve(ours, theirs, equal)).toBe('opened');
    expect(resolve(ours, theirs, { ...equal, localAs: 64514 })).toBe('other');
  });
});
