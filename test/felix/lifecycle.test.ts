/** Felix closed at whatever moment of its start, and what becomes of a start that fails; on a fake kernel. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import { Felix } from '../../felix/felix.ts';
import { FakeKernel } from './fake-kernel.ts';
import { TestClock, TestLog } from './ports.ts';

const FORWARDING = 'net/ipv4/ip_forward';

let clock: TestClock;
let log: TestLog;
let kernel: FakeKernel;
let stateDir: string;
let felix: Felix;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'felix-'));
  newFelix();
});

afterEach(async () => {
  await felix.close();
  await rm(stateDir, { recursive: true });
});

function newFelix(): void {
  [clock, log, kernel] = [new TestClock(), new TestLog(), new FakeKernel()];
  kernel.addLink('eth0', '192.0.2.1', 24);
  felix = new Felix({ kernel, clock, random: () => 0.5, log, stateDir });
}

/** Of notifications. */
const listeners = () => kernel.namespace(undefined).listeners.size;

function addPod(name: string): Promise<string> {
  const request = {
    ...{ containerID: name, ifname: 'eth0', namespace: 'default', pod: name, mtu: 1500 },
    ...{ netns: kernel.addPod(name), addresses: [parseAddress('10.60.0.1')] },
    ...{ network: 'tortie', handleId: `tortie.${name}` },
  };
  return felix.addEndpoint(request).then(
    () => 'wired',
    (error: Error) => error.message,
  );
}

test('where forwarding cannot be turned on that is said, and tried again until it can; it listens once', async () => {
  const { write } = kernel.sysctls;
  let isReadOnly = true;
  kernel.sysctls.write = (values, netns) => {
    if (isReadOnly && FORWARDING in values) throw new Error('EROFS: read-only file system');
    write(values, netns);
  };
  await felix.start();
  felix.setDatastoreInSync();
  await clock.pass(60_000);
  const said = 'error cannot turn on IP forwarding {"error":"EROFS: read-only file system"}';
  expect(new Set(log.lines)).toEqual(new Set([said]));
  expect(log.lines.length).toBeGreaterThan(2);
  isReadOnly = false;
  await clock.pass(20_000);
  expect(felix.inspect().inSync).toBe(true);
  const before = listeners();
  await felix.close();
  expect([before, listeners()]).toEqual([2, 0]);
});

test('closed, it listens to nothing, writes nothing and waits for nothing, in whatever moment of its start it was', async () => {
  let turns = 0;
  for (let isOpen = false; !isOpen; turns++) {
    newFelix();
    const started = felix.start();
    felix.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    felix.setDatastoreInSync();
    const added = addPod('a');
    for (let turn = 0; turn < turns; turn++) await setImmediate();
    isOpen = felix.inspect().inSync;
    await felix.close();
    await started;
    // What was being wired ends on its own, with a file.
    const answer = await added;
    await setImmediate();
    kernel.batches.length = 0;
    await clock.pass(0);
    expect({ turns, listeners: listeners(), timers: clock.timers }).toEqual({
      ...{ turns, listeners: 0, timers: 0 },
    });
    if (!isOpen) {
      expect(answer).toMatch(/ending; try again/);
      expect(kernel.batches).toEqual([]);
    }
    expect(log.lines.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
  }
  expect(turns).toBeGreaterThan(3);
  expect(await addPod('b')).toMatch(/ending; try again/);
});
