import { formatAddress, parseInterfaceAddress } from 'net-ipaddr';
import { chooseNodeAddress } from '../../src/agent/addresses.ts';

const PRESENT = [
  ['lo', '127.0.0.1/8'],
  ['docker0', '172.17.0.1/16'],
  ['cali12345678901', '169.254.1.1/32'],
  ['udp.tortie', '10.244.0.1/32'],
  ['udp.tortie', 'fd44::1/128'],
  ['eth0', 'fe80::1/64'],
  ['eth0', '192.0.2.10/24'],
  ['eth0', '2001:db8::10/64'],
  ['eth1', '198.51.100.10/24'],
].map(([name, cidr]) => ({ interface: name!, ...parseInterfaceAddress(cidr!) }));

function choose(family: 4 | 6, wanted: string, autodetection: string, autodetection6?: string) {
  const config = { ipv4: wanted, ipv6: wanted, autodetection, autodetection6 };
  const chosen = chooseNodeAddress(family, config, PRESENT);
  return chosen && `${chosen.interface} ${formatAddress(chosen.address)}/${chosen.length}`;
}

test.each([
  [4, 'autodetect', 'first-found', 'eth0 192.0.2.10/24'],
  [6, 'autodetect', 'first-found', 'eth0 2001:db8::10/64'],
  [4, 'autodetect', 'interface=eth1', 'eth1 198.51.100.10/24'],
  [4, 'autodetect', 'interface=eth', undefined],
  [4, 'autodetect', 'cidr=203.0.113.0/24,198.51.100.0/24', 'eth1 198.51.100.10/24'],
  [6, 'autodetect', 'cidr=198.51.100.0/24', undefined],
  [4, '198.51.100.10/24', 'first-found', 'eth1 198.51.100.10/24'],
  [4, '198.51.100.11/24', 'first-found', undefined],
  [4, 'none', 'first-found', undefined],
] as const)('IPv%i %s by %s: %s', (family, wanted, method, expected) => {
  expect(choose(family, wanted, method)).toBe(expected);
});

test('IPv6 by a method of its own: IPv4 is found as before', () => {
  const methods = ['interface=eth1', 'cidr=2001:db8::/32'] as const;
  expect(choose(4, 'autodetect', ...methods)).toBe('eth1 198.51.100.10/24');
  expect(choose(6, 'autodetect', ...methods)).toBe('eth0 2001:db8::10/64');
});
