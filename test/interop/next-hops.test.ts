/** RFC 4271 §9.1.2.1 with BIRD and the kernel: next hops of third parties are resolved by the host's routes. */

import { DEADLINE_MS, player } from './play.ts';

const play = player('next-hops.scenarios.ts');

test(
  'RFC 4271 §9.1.2: next hops that iBGP peers keep: unreachable, nearer, farther, by two ways, back',
  async () => {
    const [ONE, TWO, ONE6] = ['10.9.1.2 to-one', '10.9.2.2 to-two', 'fd09:1::2 to-one'];
    const UNREACHABLE = 'rejected: next hop unreachable';
    expect(await play('third parties')).toEqual({
      'only BGP leads there': {
        kernel: ['', ''],
        paths: { one: UNREACHABLE, two: UNREACHABLE },
      },
      'two’s comes': {
        kernel: [TWO, ''],
        paths: { one: UNREACHABLE, two: 'best: only path' },
      },
      'one’s is nearer': {
        kernel: [ONE, ONE6],
        paths: { one: 'best: lower interior cost', two: 'lost: lower interior cost' },
      },
      'one’s is farther': {
        kernel: [TWO, ONE6],
        paths: { one: 'lost: lower interior cost', two: 'best: lower interior cost' },
      },
      'two’s goes': {
        kernel: [ONE, ONE6],
        paths: { one: 'best: only path', two: UNREACHABLE },
      },
      'one’s has another gateway': {
        kernel: [TWO, ONE6],
        paths: { one: 'best: only path', two: UNREACHABLE },
      },
      'both are as near': {
        kernel: [`${ONE}, ${TWO}`, ONE6],
        paths: { one: 'best: lower router id', two: 'multipath: lower router id' },
      },
      'both go': {
        kernel: ['', ONE6],
        paths: { one: UNREACHABLE, two: UNREACHABLE },
      },
      'one’s comes back': {
        kernel: [ONE, ONE6],
        paths: { one: 'best: only path', two: UNREACHABLE },
      },
      'two’s link goes down': {
        kernel: ['10.77.0.1 to-one', ONE6],
        paths: { one: 'best: only path', two: UNREACHABLE },
      },
      'its gateway is on the link by the route’s word': {
        kernel: ['10.77.0.1 to-one', ONE6],
        paths: { one: 'best: only path', two: UNREACHABLE },
      },
    });
  },
  DEADLINE_MS,
);
