/** Who deletes interfaces is answered when the kernel has told that they are gone, not when it returns. */

import { NetlinkError } from 'rtnetlink-ts';
import type { LinkSpec } from '../../packages/rtnetlink-ts/codec/link.ts';
import { LinkDeletion } from '../../packages/rtnetlink-ts/link-deletion.ts';
import type { OffLoop } from '../../packages/rtnetlink-ts/off-loop.ts';
import type { Operation } from '../../packages/rtnetlink-ts/operation.ts';

/** A kernel that tells and returns when it is asked to. */
function slowKernel() {
  const returns: (() => void)[] = [];
  const watchers = new Set<(link: LinkSpec) => void>();
  const doomed: (string | undefined)[] = [];
  class Thread {
    isIdle = true;
    inTurn<T>(work: () => Promise<T>): Promise<T> {
      this.isIdle = false;
      return work().finally(() => {
        this.isIdle = true;
      });
    }
    run(): Promise<undefined[]> {
      return new Promise((resolve) => returns.push(() => resolve([undefined])));
    }
    close(): void {}
  }
  const deletion = new LinkDeletion({
    change: (operations: Operation[]) =>
      operations.map((operation) => {
        const { name } = (operation as { link: LinkSpec }).link;
        if (name === 'never-was') return new NetlinkError('changing it', 'ENODEV');
        doomed.push(name);
        return undefined;
      }),
    openOffLoop: () => new Thread() as unknown as OffLoop,
    watch: (onGone) => {
      watchers.add(onGone as (link: LinkSpec) => void);
      return { close: () => void watchers.delete(onGone as (link: LinkSpec) => void) };
    },
  });
  return {
    deletion,
    doomed,
    underWay: () => returns.length,
    tellGone: (name: string) => {
      for (const onGone of watchers) onGone({ name, index: 7 });
    },
    returnFirst: () => returns.shift()!(),
    watchers: () => watchers.size,
  };
}

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('it is answered when all are gone, and the next go while the first call has not returned', async () => {
  const kernel = slowKernel();
  const answered: string[] = [];
  const ask = (...names: string[]) =>
    kernel.deletion.delete(names).then(() => answered.push(names.join()));
  void ask('a', 'b');
  void ask('never-was');
  await turns();
  void ask('c');
  kernel.tellGone('a');
  await turns();
  // c would go with the group before all of that is said to be gone.
  expect([kernel.doomed, answered, kernel.underWay()]).toEqual([['a', 'b'], [], 1]);
  kernel.tellGone('b');
  await turns();
  expect([kernel.doomed, answered]).toEqual([
    ['a', 'b', 'c'],
    ['a,b', 'never-was'],
  ]);
  kernel.tellGone('c');
  await turns();
  void ask('d');
  await turns();
  // Two calls have not returned: a third one would take another thread.
  expect([kernel.doomed, kernel.underWay()]).toEqual([['a', 'b', 'c'], 2]);
  kernel.returnFirst();
  await turns();
  expect(kernel.doomed).toEqual(['a', 'b', 'c', 'd']);
  kernel.returnFirst();
  kernel.returnFirst();
  await turns();
  // Nothing was told of d, but the call has returned.
  expect([answered, kernel.watchers()]).toEqual([['a,b', 'never-was', 'c', 'd'], 0]);
});
