/** Being told of a table of nftables, by the kernel. Needs root and nft. */
import { type Monitor, monitorNftables } from 'rtnetlink-ts';
import { openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

let network: PrivateNetwork;
let monitor: Monitor;
let told = 0;

beforeAll(async () => {
  network = await openPrivateNetwork();
  monitor = monitorNftables('ours', () => told++, { netns: network.path });
});
afterAll(() => {
  monitor?.close();
  network?.close();
});

test('whatever is changed of the table is told, of others nothing, and after close no more', async () => {
  for (const change of [
    'add table inet ours',
    'add chain inet ours c',
    'add rule inet ours c accept',
    'add set inet ours s { type ipv4_addr; }',
    'add element inet ours s { 192.0.2.1 }',
    'delete element inet ours s { 192.0.2.1 }',
    'flush chain inet ours c',
    'flush ruleset',
  ]) {
    told = 0;
    network.run('nft', change);
    await until(
      () => told > 0,
      () => change,
    );
  }
  told = 0;
  network.run('nft', 'add table inet theirs; add chain inet theirs ours');
  // Told in order: what comes after it is here, and it was not told.
  network.run('nft', 'add table inet ours');
  await until(
    () => told > 0,
    () => 'the last one',
  );
  expect(told).toBe(1);
  monitor.close();
  network.run('nft', 'delete table inet ours');
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(1);
});
