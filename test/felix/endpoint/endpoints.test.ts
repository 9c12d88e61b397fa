/** Whose connections the kernel is told to forget, on a fake kernel; that it does is nat/nat.test.ts. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, parseAddress } from 'net-ipaddr';
import type { EndpointRequest } from '../../../felix/endpoint/endpoint.ts';
import { EndpointFiles } from '../../../felix/endpoint/endpoint-files.ts';
import { Endpoints } from '../../../felix/endpoint/endpoints.ts';
import { FakeKernel } from '../fake-kernel.ts';
import { TestClock, TestLog } from '../ports.ts';

let clock: TestClock;
let kernel: FakeKernel;
let folder: string;
/** Why routes cannot be written. */
let faults: string[];
let forgotten: string[];
let endpoints: Endpoints;

beforeEach(async () => {
  [clock, kernel, faults, forgotten] = [new TestClock(), new FakeKernel(), [], []];
  kernel.deleteFlows = async (addresses) => {
    forgotten.push(...Array.from(addresses, formatAddress));
    return 0;
  };
  folder = await mkdtemp(join(tmpdir(), 'endpoints-'));
  endpoints = new Endpoints({
    ...{ kernel, clock, log: new TestLog(), files: new EndpointFiles(folder) },
    routes: { setWorkload() {}, noteInterface() {}, settle: async () => faults },
  });
  await endpoints.load();
});

afterEach(() => rm(folder, { recursive: true }));

function request(pod: string, ...addresses: string[]): EndpointRequest {
  return {
    ...{ containerID: pod, ifname: 'eth0', namespace: 'default', pod, mtu: 1500 },
    ...{ netns: kernel.addPod(pod), addresses: addresses.map(parseAddress) },
    ...{ network: 'tortie', handleId: `tortie.${pod}` },
  };
}

/** The pods that are wired when all has been asked for, and the addresses whose connections were forgotten by then. */
async function outcome() {
  await clock.pass(1_000);
  return [endpoints.all().map(({ pod }) => pod), forgotten.splice(0).sort()];
}

test('of a pod that came none are, of one that ended all', async () => {
  await endpoints.add(request('a', '10.60.0.1', 'fd60::1'));
  expect(await outcome()).toEqual([['a'], []]);
  await endpoints.remove({ containerID: 'a', ifname: 'eth0' });
  expect(await outcome()).toEqual([[], ['10.60.0.1', 'fd60::1']]);
});

test('of an ADD that failed, after its pod could send: those too, and those that the pod had before', async () => {
  await endpoints.add(request('a', '10.60.0.1'));
  faults = ['ENOSPC'];
  await expect(endpoints.add(request('a', '10.60.0.2'))).rejects.toThrow(/ENOSPC/);
  expect(await outcome()).toEqual([[], ['10.60.0.1', '10.60.0.2']]);
});

test('but for what another pod has by then', async () => {
  await endpoints.add(request('a', '10.60.0.1'));
  faults = ['ENOSPC'];
  const failed = endpoints.add(request('b', '10.60.0.1', '10.60.0.2'));
  failed.catch(() => {});
  await clock.pass(1_000);
  // What moves is forgotten before the next one has it.
  expect(forgotten.splice(0)).toEqual(['10.60.0.1']);
  await expect(failed).rejects.toThrow(/ENOSPC/);
  expect(await outcome()).toEqual([['a'], ['10.60.0.2']]);
});
