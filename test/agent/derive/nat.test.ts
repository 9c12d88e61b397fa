import { formatAddress, formatPrefix, parseAddress } from 'net-ipaddr';
import type { FelixConfiguration, IPPool } from '../../../api/index.ts';
import { readFelixConfiguration } from '../../../src/agent/derive/felix-configuration.ts';
import { deriveNat } from '../../../src/agent/derive/nat.ts';

function pool(cidr: string, more: Partial<IPPool['spec']> = {}): IPPool {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: cidr.replace(/[.:/]+/g, '-') },
    spec: { cidr, ...more },
  };
}

function configuration(name: string, spec: FelixConfiguration['spec']): FelixConfiguration {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name },
    spec,
  };
}

test.each<[string, IPPool[], FelixConfiguration['spec'], object]>([
  [
    'pools with and without natOutgoing; a disabled one still has pods',
    [
      pool('10.1.0.0/16'),
      pool('10.2.0.0/16', { natOutgoing: true, disabled: true }),
      pool('fd00::/48', { natOutgoing: true }),
    ],
    {},
    {
      pools: ['10.1.0.0/16', '10.2.0.0/16', 'fd00::/48'],
      outgoing: ['10.2.0.0/16', 'fd00::/48'],
      exclusions: [],
    },
  ],
  [
    'a pool with UDP closes its tunnel’s port to pods',
    [pool('10.1.0.0/16', { udpMode: 'CrossSubnet' })],
    {},
    { pools: ['10.1.0.0/16'], outgoing: [], exclusions: [], tunnelPort: 8285 },
  ],
  [
    'a malformed pool is left out',
    [pool('10.1.0.0/99'), pool('10.2.0.0/16')],
    {},
    { pools: ['10.2.0.0/16'], outgoing: [], exclusions: [] },
  ],
  [
    'FelixConfiguration: exclusions, ports, address',
    [pool('10.2.0.0/16', { natOutgoing: true })],
    {
      natOutgoingExclusions: 'IPPoolsAndHostIPs',
      natPortRange: '32768:65535',
      natOutgoingAddress: '192.0.2.7',
    },
    {
      pools: ['10.2.0.0/16'],
      outgoing: ['10.2.0.0/16'],
      exclusions: ['192.0.2.1', '2001:db8::1'],
      ports: { first: 32768, last: 65535 },
      address: '192.0.2.7',
    },
  ],
])('%s', (_, pools, felix, expected) => {
  const nodeAddresses = ['192.0.2.1', '2001:db8::1'].map(parseAddress);
  const settings = deriveNat({ pools, felix: felix ?? {}, nodeAddresses });
  expect({
    pools: settings.pools.map(formatPrefix),
    outgoing: settings.outgoing.map(formatPrefix),
    exclusions: settings.exclusions.map(formatAddress),
    ports: settings.ports,
    tunnelPort: settings.tunnelPort,
    address: settings.address && formatAddress(settings.address),
  }).toEqual(expected);
});

test('FelixConfiguration: the node’s own over the default, field by field; what has no effect is named', () => {
  const problems: string[] = [];
  const settings = readFelixConfiguration(
    [
      configuration('node.b', { natPortRange: 1 }),
      configuration('default', { natPortRange: 2, natOutgoingAddress: '192.0.2.7' }),
      configuration('node.a', { natPortRange: 3, bpfEnabled: true }),
    ],
    'a',
    problems,
  );
  expect(settings).toMatchObject({ natPortRange: 3, natOutgoingAddress: '192.0.2.7' });
  expect(problems).toEqual([
    'FelixConfiguration "node.a": kept, and without effect in this version: bpfEnabled',
  ]);
});
