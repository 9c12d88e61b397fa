/** Felix, which is told of routes as the speaker tells of them: all by one gateway. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from 'net-ipaddr';
import { blockAt } from './blocks.ts';
import { startFelix } from './felix.ts';
import { GATEWAY, OWN_ADDRESS } from './host.ts';
import { obey } from './orders.ts';

/** Between two turns of the event loop: what the speaker decides in one of its slices. */
const AT_A_TIME = 1000;

const [, , count, stateDir] = process.argv;
const total = Number(count);
const gateway = [parseAddress(GATEWAY)];

const felix = await startFelix(stateDir!);
felix.setNodeAddresses([parseAddress(OWN_ADDRESS), parseAddress(GATEWAY)]);
felix.setDatastoreInSync();
felix.setLearnedInSync();
while (!felix.inspect().inSync) await setImmediate();
await felix.resync();

obey({
  add: () => announce(gateway, total),
  remove: () => announce([], 0),
  async resync() {
    const before = written();
    await felix.resync();
    return written() - before;
  },
});

async function announce(nextHops: typeof gateway, desired: number): Promise<void> {
  for (let from = 0; from < total; from += AT_A_TIME) {
    const some = Math.min(AT_A_TIME, total - from);
    felix.updateLearned(
      Array.from({ length: some }, (_, index) => ({
        prefix: blockAt(from + index),
        nextHops,
        metric: 1024,
      })),
    );
    await setImmediate();
  }
  for (;;) {
    const { routes } = felix.inspect();
    if (routes.pending === 0 && routes.desired === desired) return;
    await sleep(1);
  }
}

function written(): number {
  const { added, replaced, removed, failed } = felix.inspect().routes;
  return added + replaced + removed + failed;
}
