/** What a Node is to say of itself, by a datastore that may be slow or away, and beside others who write there. */

import { parseInterfaceAddress } from 'net-ipaddr';
import { Node } from '../../api/index.ts';
import type { ResourceType, Store } from '../../ports.ts';
import { NodeAnnotations } from '../../src/agent/node-annotations.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

let clock: TestClock;
let log: TestLog;
/** What others read, in order. */
let written: string[];
let beforePatch: () => Promise<void>;
let annotations: NodeAnnotations;

beforeEach(() => {
  [clock, log, written] = [new TestClock(), new TestLog(), []];
  beforePatch = async () => {};
  const store = { patch } as unknown as Store;
  annotations = new NodeAnnotations({ store, nodeName: 'one', clock, log, random: () => 0.5 });
});

afterEach(() => annotations.close());

async function patch(type: ResourceType, name: string, change: object) {
  await beforePatch();
  expect([type, name]).toEqual([Node, 'one']);
  const { metadata } = change as { metadata: { annotations: Record<string, string | null> } };
  written.push(
    Object.entries(metadata.annotations)
      .map(([key, value]) => `${key.replace(/.*\//, '')} ${value}`)
      .join(' | '),
  );
}

function receive(...receivingTunnels: string[]): void {
  annotations.keep({ receivingTunnels });
}

/** By the watch. */
function see(present: Record<string, string>): void {
  annotations.seen({
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name: 'one', annotations: present },
  });
}

test('of several changes during one write only the newest is written', async () => {
  const { promise: writing, resolve: goOn } = Promise.withResolvers<void>();
  beforePatch = () => writing;
  for (const device of ['a', 'b', 'c']) receive(device);
  goOn();
  await clock.pass(0);
  expect(written).toEqual(['ReceivingTunnels a', 'ReceivingTunnels c']);
});

test('what cannot be written is tried again, the newest by then, and that none is in use is written, too', async () => {
  beforePatch = () => Promise.reject(new Error('away'));
  receive('a');
  await clock.pass(0);
  expect(log.lines).toEqual([
    'warn cannot tell the other nodes how this one is reached {"error":"away"}',
  ]);
  receive('b');
  receive();
  await clock.pass(0);
  beforePatch = async () => {};
  await clock.pass(1_000);
  expect(written).toEqual(['ReceivingTunnels none']);
});

test('what is newer than a write that failed comes in its place', async () => {
  beforePatch = async () => {
    beforePatch = async () => {};
    receive('b');
    throw new Error('away');
  };
  receive('a');
  await clock.pass(1_000);
  expect(written).toEqual(['ReceivingTunnels b']);
});

test('closed during a write that fails: it is not tried again', async () => {
  beforePatch = async () => {
    annotations.close();
    throw new Error('away');
  };
  receive('a');
  await clock.pass(100_000);
  expect([written, clock.timers]).toEqual([[], 0]);
});

describe('beside others who write there', () => {
  const ipv4Address = parseInterfaceAddress('192.0.2.1/24');
  const OURS = {
    'projectcalico.org/IPv4Address': '192.0.2.1/24',
    'tortie/ReceivingTunnels': 'a',
  };

  beforeEach(() => {
    see({ ...OURS, 'projectcalico.org/ASNumber': '64600' });
    annotations.keep({ ipv4Address, ipv6Address: undefined, receivingTunnels: ['a'] });
  });

  test.each<[what: string, present: Record<string, string>, written: string[]]>([
    ['as it is to be: nothing is written', { ...OURS, other: 'yes' }, []],
    [
      'all are gone, as with a Node that was deleted and made again',
      {},
      ['IPv4Address 192.0.2.1/24 | ReceivingTunnels a'],
    ],
    [
      'one is another: it alone is written',
      { ...OURS, 'projectcalico.org/IPv4Address': '192.0.2.9/24' },
      ['IPv4Address 192.0.2.1/24'],
    ],
    [
      'one that is to be absent has come',
      { ...OURS, 'projectcalico.org/IPv6Address': '2001:db8::1/64' },
      ['IPv6Address null'],
    ],
  ])('%s', async (_, present, expected) => {
    see(present);
    await clock.pass(1_000);
    expect([written, clock.timers]).toEqual([expected, 0]);
  });

  test('a watch that tells of what was before our write makes no second one', async () => {
    receive('b');
    await clock.pass(0);
    see(OURS);
    await clock.pass(100);
    see({ ...OURS, 'tortie/ReceivingTunnels': 'b' });
    await clock.pass(1_000);
    expect(written).toEqual(['ReceivingTunnels b']);
  });

  test('who writes again and again is answered after a pause each time, which grows', async () => {
    for (let second = 0; second < 60; second++) {
      see({});
      await clock.pass(1_000);
    }
    expect(written.length).toBeGreaterThan(2);
    expect(written.length).toBeLessThan(10);
  });
});
