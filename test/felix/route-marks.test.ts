/** Protocol and metric of our routes, as FelixConfiguration has them. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { cleanup } from '../../felix/cleanup.ts';
import { DEFAULT_MARKS, Felix, type RouteMarks } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { pod } from './pod.ts';
import { realClock, TestLog } from './ports.ts';

const OTHERS: RouteMarks = { protocol: 90, metric: { 4: 500, 6: 600 } };

describe('with a real kernel', () => {
  let host: TestNamespace;
  let netns: TestNamespace;
  let stateDir: string;
  let kernel: Kernel;
  let felix: Felix;

  beforeEach(async () => {
    [host, netns] = [await TestNamespace.make(), await TestNamespace.make()];
    stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
    kernel = openKernel(host.path);
    await host.addCable('eth0', '192.0.2.1/24');
    felix = newFelix();
    await run(DEFAULT_MARKS);
    await felix.addEndpoint(pod('a', netns, '10.60.0.1', 'fd60::1'));
  });

  afterEach(async () => {
    await felix.close();
    kernel.host.close();
    for (const namespace of [host, netns]) namespace.end();
    await rm(stateDir, { recursive: true });
  });

  function newFelix(): Felix {
    return new Felix({
      kernel,
      clock: realClock,
      random: Math.random,
      log: new TestLog(),
      stateDir,
    });
  }

  async function run(marks: RouteMarks): Promise<void> {
    await felix.start();
    felix.setRouteMarks(marks);
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26'), parsePrefix('fd60::/122')]);
    const nextHops = [parseAddress('192.0.2.2')];
    felix.updateLearned([
      { prefix: parsePrefix('10.60.1.0/26'), nextHops },
      { prefix: parsePrefix('10.60.2.0/26'), nextHops, metric: 77 },
    ]);
    felix.setDatastoreInSync();
    await eventually(() => felix.inspect().inSync);
  }

  /** All of ours, and nothing else of this protocol or another. */
  async function areMarked({ protocol, metric }: RouteMarks): Promise<void> {
    const { hostInterface } = felix.endpoints()[0]!;
    const wanted = [
      `10.60.0.1 dev ${hostInterface} proto ${protocol} scope link metric ${metric[4]}`,
      `10.60.1.0/26 via 192.0.2.2 dev eth0 proto ${protocol} metric ${metric[4]}`,
      `10.60.2.0/26 via 192.0.2.2 dev eth0 proto ${protocol} metric 77`,
      `blackhole 10.60.0.0/26 proto ${protocol} metric ${metric[4]}`,
      `blackhole fd60::/122 dev lo proto ${protocol} metric ${metric[6]}`,
      `fd60::1 dev ${hostInterface} proto ${protocol} metric ${metric[6]}`,
    ];
    const present = async () => (await host.routes(/60/)).toSorted().join('\n');
    await eventually(async () => (await present()) === wanted.join('\n'), present);
  }

  test('they change on the routes that are there, and back', async () => {
    await areMarked(DEFAULT_MARKS);
    felix.setRouteMarks(OTHERS);
    await areMarked(OTHERS);
    felix.setRouteMarks(DEFAULT_MARKS);
    await areMarked(DEFAULT_MARKS);
    expect(felix.inspect().failed).toEqual([]);
  });

  test('the next felix knows its routes by them, and touches none; cleanup does too', async () => {
    felix.setRouteMarks(OTHERS);
    await areMarked(OTHERS);
    await felix.close();
    felix = newFelix();
    await run(OTHERS);
    felix.setLearnedInSync();
    await felix.resync();
    expect(felix.inspect().routes).toMatchObject({ added: 0, replaced: 0, removed: 0, pending: 0 });
    await areMarked(OTHERS);

    await felix.close();
    expect(await cleanup({ kernel, stateDir })).toMatchObject({ routes: 6, faults: [] });
    expect(await host.routes(/60/)).toEqual([]);
  });

  test('a protocol that changed while no felix ran: the old one’s routes are not in the way', async () => {
    felix.setRouteMarks(OTHERS);
    await areMarked(OTHERS);
    await felix.close();
    felix = newFelix();
    await run({ ...OTHERS, protocol: 91 });
    await areMarked({ ...OTHERS, protocol: 91 });
  });

  test('a route of another with that protocol’s number is no stranger any more', async () => {
    await host.ip('route add 10.60.1.0/26 via 192.0.2.9 proto 90 metric 500');
    felix.setRouteMarks(OTHERS);
    await areMarked(OTHERS);
  });
});
