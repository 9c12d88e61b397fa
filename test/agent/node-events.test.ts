/** Events of the node, by a datastore that may be away. */
import type { Event } from '../../api/index.ts';
import { NodeEvents } from '../../src/agent/node-events.ts';
import { TestClock, TestLog } from '../felix/ports.ts';
import { storeError } from '../ipam/memory-store.ts';

let clock: TestClock;
let log: TestLog;
let created: Event[];
/** What comes of an attempt that has created the Event, or not. */
let answer: (event: Event) => Promise<void>;
let events: NodeEvents;

beforeEach(() => {
  [clock, log, created] = [new TestClock(), new TestLog(), []];
  answer = async (event) => void created.push(event);
  const create = async (_: unknown, event: unknown) => {
    await answer(event as Event);
    return event as never;
  };
  events = new NodeEvents({ store: { create }, nodeName: 'one', clock, log, random: () => 0.5 });
});

afterEach(() => events.close());

test('an Event of the node, in the form that kubectl shows', async () => {
  events.warn('TunnelNotSupported', 'tunl0: none');
  await clock.pass(0);
  expect(created).toEqual([
    expect.objectContaining({
      metadata: { name: expect.stringMatching(/^one\.[0-9a-f]{16}$/), namespace: 'default' },
      involvedObject: { kind: 'Node', name: 'one', uid: 'one' },
      type: 'Warning',
      reason: 'TunnelNotSupported',
      message: 'tunl0: none',
      firstTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    }),
  ]);
});

test('while the datastore is away it waits, with those after it, and keeps its time', async () => {
  const write = answer;
  answer = () => Promise.reject(storeError('Unavailable', 'away'));
  const at = new Date(clock.now()).toISOString().slice(0, 19);
  for (const device of ['tunl0', 'vxlan.calico']) events.warn('TunnelNotSupported', device);
  await clock.pass(10_000);
  answer = write;
  await clock.pass(60_000);
  expect(created.map(({ message, firstTimestamp }) => [message, firstTimestamp])).toEqual([
    ['tunl0', `${at}Z`],
    ['vxlan.calico', `${at}Z`],
  ]);
});

test('an attempt that worked without an answer is not repeated under another name', async () => {
  const write = answer;
  answer = async (event) => {
    await write(event);
    answer = async (again) => {
      expect(again.metadata.name).toBe(event.metadata.name);
      throw storeError('AlreadyExists', 'is there');
    };
    throw storeError('Unavailable', 'no answer');
  };
  events.warn('TunnelNotSupported', 'tunl0');
  await clock.pass(60_000);
  expect([created.length, log.lines.length, clock.timers]).toEqual([1, 1, 0]);
});

test('one that is refused is logged, and no more', async () => {
  answer = () => Promise.reject(storeError('Forbidden', 'is forbidden'));
  events.warn('TunnelNotSupported', 'tunl0: none');
  await clock.pass(60_000);
  expect(log.lines).toEqual([expect.stringContaining('is forbidden')]);
});
