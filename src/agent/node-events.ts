/** What an admin should see with `kubectl describe node`: an Event of this node. */
import { randomBytes } from 'node:crypto';
import { Event } from '../../api/index.ts';
import type { Clock, Log, Store } from '../../ports.ts';

export interface NodeEventsOptions {
  store: Store;
  nodeName: string;
  clock: Clock;
  log: Log;
}

/** Where events of what has no namespace are. */
const NAMESPACE = 'default';

/**
 * Writes a warning. What cannot be written is logged: the log and the status have said the same already.
 * @param reason in UpperCamelCase.
 */
export async function warnOfNode(
  { clock, log, nodeName, store }: NodeEventsOptions,
  reason: string,
  message: string,
): Promise<void> {
  const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const event: Event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${nodeName}.${randomBytes(8).toString('hex')}`, namespace: NAMESPACE },
    // As the kubelet has it: a node's uid is its name here.
    involvedObject: { kind: 'Node', name: nodeName, uid: nodeName },
    ...{ type: 'Warning', reason, message },
    ...{ count: 1, firstTimestamp: now, lastTimestamp: now },
    source: { component: 'tortie', host: nodeName },
  };
  await store.create(Event, event).catch((error: Error) => {
    log.warn({ reason, error: error.message }, 'cannot write an Event of this node');
  });
}
