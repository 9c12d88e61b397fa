/** Felix against the real kernel, in network namespaces of its own. Needs root. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { type EndpointRequest, Felix, hostInterfaceOf } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import { eventually, TestNamespace } from './namespace.ts';
import { realClock, TestLog } from './ports.ts';

let host: TestNamespace;
let stateDir: string;
let kernel: Kernel;
let felix: Felix;
let log: TestLog;
const namespaces: TestNamespace[] = [];

async function makeNamespace(): Promise<TestNamespace> {
  const namespace = await TestNamespace.make();
  namespaces.push(namespace);
  return namespace;
}

function newFelix(options: { learnedDeadlineMs?: number } = {}): Felix {
  log = new TestLog();
  return new Felix({ kernel, clock: realClock, random: Math.random, log, stateDir, ...options });
}

function pod(name: string, netns: TestNamespace, ...addresses: string[]): EndpointRequest {
  return {
    containerID: `c-${name}`,
    ifname: 'eth0',
    netns: netns.path,
    namespace: 'default',
    pod: name,
    addresses: addresses.map(parseAddress),
    mtu: 1450,
    network: 'k8s',
    handleId: `k8s.c-${name}`,
  };
}

beforeEach(async () => {
  host = await makeNamespace();
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  kernel = openKernel(host.path);
  felix = newFelix();
});

afterEach(async () => {
  await felix.close();
  kernel.host.close();
  for (const namespace of namespaces.splice(0)) namespace.end();
  await rm(stateDir, { recursive: true });
});

test('two pods of one node ping each other, in both families', async () => {
  const a = await makeNamespace();
  const b = await makeNamespace();
  await felix.start();
  felix.setLocalBlocks([parsePrefix('10.60.0.0/26'), parsePrefix('fd00:60::/122')]);
  felix.setDatastoreInSync();
  const endpoint = await felix.addEndpoint(pod('a', a, '10.60.0.1', 'fd00:60::1'));
  expect(endpoint.hostInterface).toBe(hostInterfaceOf('default', 'a'));
  await felix.addEndpoint(pod('b', b, '10.60.0.2', 'fd00:60::2'));
  await a.run('ping -c 1 -W 5 10.60.0.2');
  await a.run('ping -c 1 -W 5 fd00:60::2');
  await eventually(() => felix.inspect().routes.pending === 0);
  expect(await felix.checkEndpoint({ ...endpoint, netns: a.path })).toEqual([]);
});
