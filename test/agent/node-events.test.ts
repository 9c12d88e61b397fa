import { Event } from '../../api/index.ts';
import type { Store } from '../../ports.ts';
import { warnOfNode } from '../../src/agent/node-events.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

const common = { nodeName: 'one', clock: new TestClock() };

test('an Event of the node, in the form that kubectl shows', async () => {
  const created: unknown[][] = [];
  const create = async (...args: unknown[]) => created.push(args);
  const store = { create } as unknown as Store;
  await warnOfNode({ ...common, log: new TestLog(), store }, 'TunnelNotSupported', 'tunl0: none');
  expect(created).toEqual([
    [
      Event,
      expect.objectContaining({
        metadata: { name: expect.stringMatching(/^one\.[0-9a-f]{16}$/), namespace: 'default' },
        involvedObject: { kind: 'Node', name: 'one', uid: 'one' },
        type: 'Warning',
        reason: 'TunnelNotSupported',
        message: 'tunl0: none',
        firstTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      }),
    ],
  ]);
});

test('one that cannot be written is logged, and no more', async () => {
  const log = new TestLog();
  const create = () => Promise.reject(new Error('is forbidden'));
  const store = { create } as unknown as Store;
  await warnOfNode({ ...common, log, store }, 'TunnelNotSupported', 'tunl0: none');
  expect(log.lines).toEqual([expect.stringContaining('is forbidden')]);
});
