/** What the other nodes are told of this one's tunnels, by a datastore that may be slow or away. */

import { Node } from '../../api/index.ts';
import type { TunnelUse } from '../../felix/felix.ts';
import type { ResourceType, Store } from '../../ports.ts';
import { TunnelReports } from '../../src/agent/tunnel-reports.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

let clock: TestClock;
let log: TestLog;
/** What others read, in order. */
let written: string[];
let beforePatch: () => Promise<void>;
let reports: TunnelReports;

beforeEach(() => {
  [clock, log, written] = [new TestClock(), new TestLog(), []];
  beforePatch = async () => {};
  const store = { patch } as unknown as Store;
  reports = new TunnelReports({ store, nodeName: 'one', clock, log, random: () => 0.5 });
});

afterEach(() => reports.close());

async function patch(type: ResourceType, name: string, change: object) {
  await beforePatch();
  expect([type, name]).toEqual([Node, 'one']);
  const { annotations } = (change as { metadata: { annotations: Record<string, string> } })
    .metadata;
  written.push(Object.values(annotations).join(' | '));
}

function use(...receivingTunnels: string[]): void {
  const said: TunnelUse = { receivingTunnels, sendingTunnels: [] };
  reports.use(said);
}

test('of several changes during one write only the newest is written', async () => {
  const { promise: writing, resolve: goOn } = Promise.withResolvers<void>();
  beforePatch = () => writing;
  for (const device of ['a', 'b', 'c']) use(device);
  goOn();
  await clock.pass(0);
  expect(written).toEqual(['a | none', 'c | none']);
});

test('what cannot be written is tried again, the newest by then, and that none is in use is written, too', async () => {
  beforePatch = () => Promise.reject(new Error('away'));
  use('a');
  await clock.pass(0);
  expect(log.lines).toEqual([
    'warn cannot tell the other nodes of the tunnels of this one {"error":"away"}',
  ]);
  use('b');
  use();
  beforePatch = async () => {};
  await clock.pass(1_000);
  expect(written).toEqual(['none | none']);
});

test('what is newer than a write that failed comes in its place', async () => {
  beforePatch = async () => {
    beforePatch = async () => {};
    use('b');
    throw new Error('away');
  };
  use('a');
  await clock.pass(1_000);
  expect(written).toEqual(['b | none']);
});

test('closed during a write that fails: it is not tried again', async () => {
  beforePatch = async () => {
    reports.close();
    throw new Error('away');
  };
  use('a');
  await clock.pass(100_000);
  expect([written, clock.timers]).toEqual([[], 0]);
});
