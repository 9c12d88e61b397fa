/** The number of nftables' last transaction, by the kernel. Needs root and nft. */
import { nftablesGeneration } from 'rtnetlink-ts';
import { openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;

beforeAll(async () => {
  network = await openPrivateNetwork();
});
afterAll(() => network?.close());

test('each change of whatever table moves it, looking moves it not, nor does another namespace', async () => {
  const generation = () => nftablesGeneration({ netns: network.path });
  for (const change of [
    'add table inet t',
    'add chain inet t c',
    'add rule inet t c accept',
    'add set inet t s { type ipv4_addr; }',
    'add element inet t s { 192.0.2.1 }',
    'delete element inet t s { 192.0.2.1 }',
    'flush chain inet t c',
    'delete table inet t',
  ]) {
    const before = generation();
    network.run('nft', change);
    expect(generation()).toBeGreaterThan(before);
  }
  const last = generation();
  const other = await openPrivateNetwork();
  other.run('nft', 'add table inet t');
  other.close();
  network.run('nft', 'list ruleset');
  expect(generation()).toBe(last);
});

test('a namespace that is not there is an error', () => {
  expect(() => nftablesGeneration({ netns: '/nowhere' })).toThrow('/nowhere');
});
