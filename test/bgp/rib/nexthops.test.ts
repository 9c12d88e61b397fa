import { formatAddress, parseAddress } from 'net-ipaddr';
import { NextHops, NO_NEXT_HOP } from '../../../bgp/rib/nexthops.ts';

function use(hops: NextHops, text: string): number {
  const { bytes } = parseAddress(text);
  return hops.use(bytes, 0, bytes.length as 4 | 16);
}

test('one id for one address, of either family, while it is used', () => {
  const hops = new NextHops();
  const a = use(hops, '10.0.0.1');
  const b = use(hops, '2001:db8::1');
  expect(use(hops, '10.0.0.1')).toBe(a);
  expect(b).not.toBe(a);
  expect(formatAddress(hops.address(b)!)).toBe('2001:db8::1');
  hops.release(a);
  expect(formatAddress(hops.address(a)!)).toBe('10.0.0.1');
  hops.release(a);
  expect(hops.address(a)).toBeUndefined();
  expect(use(hops, '10.0.0.2')).toBe(a);
});

test('no next hop is reachable at no cost', () => {
  const hops = new NextHops(() => ({ reachable: false, cost: 9 }));
  expect([hops.isReachable(NO_NEXT_HOP), hops.cost(NO_NEXT_HOP)]).toEqual([true, 0]);
});

test('the resolver is asked once for each next hop, and again for a review', () => {
  const asked: string[] = [];
  let told = { reachable: false, cost: 5 };
  const hops = new NextHops((address) => {
    asked.push(formatAddress(address));
    return formatAddress(address) === '10.0.0.1' ? told : { reachable: true, cost: 0 };
  });
  const a = use(hops, '10.0.0.1');
  use(hops, '10.0.0.1');
  use(hops, '10.0.0.2');
  hops.release(use(hops, '10.0.0.3'));
  expect(asked.splice(0)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  expect([hops.isReachable(a), hops.cost(a)]).toEqual([false, 5]);
  expect(hops.review()).toEqual([]);
  expect(asked).toEqual(['10.0.0.1', '10.0.0.2']);
  told = { reachable: true, cost: 7 };
  expect(hops.review()).toEqual([a]);
  expect([hops.isReachable(a), hops.cost(a)]).toEqual([true, 7]);
  expect(hops.review()).toEqual([]);
});

test('holds more than its first arrays', () => {
  const hops = new NextHops(() => ({ reachable: true, cost: 3 }));
  const ids = Array.from({ length: 300 }, (_, i) => use(hops, `10.0.${i >> 8}.${i & 255}`));
  expect(new Set(ids).size).toBe(300);
  expect(ids.every((id) => hops.isReachable(id) && hops.cost(id) === 3)).toBe(true);
});
