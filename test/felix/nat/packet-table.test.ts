/** When our table of nftables is written, by an nft that fails as long as a test wants. */

import { NftError } from '../../../felix/nat/nft.ts';
import { PacketTable } from '../../../felix/nat/packet-table.ts';
import { TestClock, TestLog } from '../ports.ts';

const QUIET = {
  legacyFilter: async () => '',
  nftGeneration: () => undefined,
  watchNft: () => ({ close() {} }),
};

test('what nft refuses is tried again after a second, then less and less often; told once', async () => {
  const clock = new TestClock();
  const log = new TestLog();
  const writtenAtSec: number[] = [];
  let isBusy = true;
  const table = new PacketTable({
    clock,
    log,
    random: () => 0.999_999, // pauses are hardly cut
    pools: () => [],
    desired: () => 'table inet tortie {\n}\n',
    kernel: {
      ...QUIET,
      async nft([command]) {
        if (command === '-f') writtenAtSec.push(Math.round(clock.monotonic() / 1000));
        if (isBusy) throw new NftError(false, 'nft: Error: Device or resource busy');
        return '';
      },
    },
  });
  await table.now();
  await clock.pass(100_000);
  expect(writtenAtSec).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
  const told = log.lines.map((line) => line.split(' {')[0]);
  expect(told).toEqual(['warn packets are neither checked nor translated']);
  expect(table.problems()).toEqual([
    { subject: 'nftables', reason: expect.stringContaining('Device or resource busy: ') },
  ]);
  isBusy = false;
  await clock.pass(30_000);
  expect(table.problems()).toEqual([]);
  table.close();
});

test('what is desired anew is written at once, however long the last reading took', async () => {
  const clock = new TestClock();
  const written: string[] = [];
  let desired = 'table inet tortie {\n}\n';
  const table = new PacketTable({
    clock,
    log: new TestLog(),
    random: () => 0.5,
    pools: () => [],
    desired: () => desired,
    kernel: {
      ...QUIET,
      async nft([command], input) {
        await new Promise<void>((resolve) => clock.after(500, resolve));
        if (command === '-f') written.push(input!);
        return '';
      },
    },
  });
  const first = table.now();
  await clock.pass(5_000);
  await first;
  desired = 'table inet tortie {\n\tset outgoing6 {\n\t}\n}\n';
  table.review();
  await clock.pass(5_000);
  expect(written).toHaveLength(2);
  expect(written[1]).toContain('outgoing6');
  table.close();
});
