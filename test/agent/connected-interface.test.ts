import { parseAddress } from 'net-ipaddr';
import { connectedInterfaces } from '../../src/connected-interface.ts';

test('an address is on the interface that has its network; others are on none', () => {
  const interfaceOf = connectedInterfaces({ monotonic: () => 0 });
  expect(interfaceOf(parseAddress('127.9.9.9'))).toBe('lo');
  expect(interfaceOf(parseAddress('203.0.113.1'))).toBeUndefined();
});
