/** The MTU of live pods, in network namespaces of its own. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EndpointRequest, Felix, hostInterfaceOf } from '../../../felix/felix.ts';
import { type Kernel, openKernel } from '../../../felix/kernel.ts';
import { eventually, TestNamespace } from '../namespace.ts';
import { pod } from '../pod.ts';
import { realClock, TestLog } from '../ports.ts';

let host: TestNamespace;
let a: TestNamespace;
let b: TestNamespace;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
let log: TestLog;

function newFelix(): Felix {
  log = new TestLog();
  return new Felix({ kernel, clock: realClock, random: Math.random, log, stateDir });
}

beforeEach(async () => {
  [host, a, b] = (await Promise.all(Array.from({ length: 3 }, () => TestNamespace.make()))) as [
    TestNamespace,
    TestNamespace,
    TestNamespace,
  ];
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  kernel = openKernel(host.path);
  felix = newFelix();
  await felix.start();
  felix.setDatastoreInSync();
}, 30_000);

afterEach(async () => {
  await felix.close();
  kernel.host.close();
  for (const netns of [host, a, b]) netns.end();
  await rm(stateDir, { recursive: true });
});

function add(name: string, netns: TestNamespace, more: Partial<EndpointRequest> = {}) {
  const address = name === 'a' ? '10.60.0.1' : '10.60.0.2';
  return felix.addEndpoint({ ...pod(name, netns, address), sandbox: netns.path, ...more });
}

/** Of the pod's end and the host's. */
async function mtus(name: string, netns: TestNamespace): Promise<number[]> {
  const shown = [
    await netns.ip('-o link show eth0'),
    await host.ip(`-o link show ${hostInterfaceOf('default', name)}`),
  ];
  return shown.map((line) => Number(/mtu (\d+)/.exec(line)![1]));
}

test('smaller and larger, on both ends; not where the conf says another', async () => {
  await add('a', a);
  await add('b', b, { isMtuFixed: true });
  for (const mtu of [1300, 1480]) {
    await felix.setPodMtu(mtu);
    expect(await mtus('a', a)).toEqual([mtu, mtu]);
    const ref = { containerID: 'c-a', ifname: 'eth0', netns: a.path };
    expect(await felix.checkEndpoint(ref)).toEqual([]);
  }
  expect(await mtus('b', b)).toEqual([1450, 1450]);
});

test('after a restart, too, and the new one is kept', async () => {
  await add('a', a);
  await felix.close();
  felix = newFelix();
  await felix.start();
  await felix.setPodMtu(1300);
  // Until the datastore is in sync nobody knows the tunnels.
  expect(await mtus('a', a)).toEqual([1450, 1450]);
  felix.setDatastoreInSync();
  await eventually(() => felix.inspect().inSync);
  await felix.setPodMtu(1300);
  expect(await mtus('a', a)).toEqual([1300, 1300]);
  await felix.close();
  felix = newFelix();
  await felix.start();
  expect(felix.endpoints()).toMatchObject([{ mtu: 1300 }]);
});

test('where the runtime’s path leads to another namespace nothing is changed, which is told once', async () => {
  await add('a', a);
  await add('b', b, { sandbox: a.path });
  await felix.setPodMtu(1300);
  await felix.setPodMtu(1300);
  expect(await mtus('a', a)).toEqual([1300, 1300]);
  expect(await mtus('b', b)).toEqual([1450, 1450]);
  expect(log.lines.filter((line) => /cannot change/.test(line))).toHaveLength(1);
  // It still goes.
  await felix.removeEndpoint({ containerID: 'c-b', ifname: 'eth0' });
  expect(await host.ip('-o link')).not.toMatch(hostInterfaceOf('default', 'b'));
});
