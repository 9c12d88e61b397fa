/** What an agent writes on a Node that is there already; on a fake datastore. */
import { parseInterfaceAddress } from 'net-ipaddr';
import { Node } from '../../api/index.ts';
import type { Store } from '../../ports.ts';
import { ownNetwork, registerNode } from '../../src/agent/registration.ts';
import { TestLog } from '../felix/ports.ts';

const [ipv4, ipv6] = ['192.0.2.1/24', '2001:db8::1/64'].map((text) => ({
  interface: 'eth0',
  ...parseInterfaceAddress(text),
}));
const BOTH = {
  'projectcalico.org/IPv4Address': '192.0.2.1/24',
  'projectcalico.org/IPv6Address': '2001:db8::1/64',
  'projectcalico.org/ASNumber': '64512',
};

test.each([
  ['both families as before', BOTH, { ipv4, ipv6 }, undefined],
  [
    'a node that is IPv6 alone from now on loses its IPv4 address, and keeps the AS number that an admin wrote',
    BOTH,
    { ipv4: undefined, ipv6 },
    {
      'projectcalico.org/IPv4Address': null,
      'projectcalico.org/IPv6Address': '2001:db8::1/64',
    },
  ],
  [
    'a node that has IPv6 from now on, too',
    { 'projectcalico.org/IPv4Address': '192.0.2.1/24' },
    { ipv4, ipv6 },
    {
      'projectcalico.org/IPv4Address': '192.0.2.1/24',
      'projectcalico.org/IPv6Address': '2001:db8::1/64',
    },
  ],
] as const)('%s', async (_, annotations, addresses, written) => {
  const patches: unknown[] = [];
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one', annotations } };
  const store = {
    get: async () => node,
    patch: async (kind: unknown, name: string, patch: object) => {
      patches.push([kind, name, patch]);
      return node;
    },
  } as unknown as Store;
  await registerNode(store, 'one', ownNetwork(addresses, undefined), new TestLog());
  expect(patches).toEqual(written ? [[Node, 'one', { metadata: { annotations: written } }]] : []);
});
