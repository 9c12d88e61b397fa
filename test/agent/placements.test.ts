/** Where the cluster's blocks are, as a watch tells; on a datastore that is played. */
import { formatPrefix } from 'net-ipaddr';
import type { IPAMBlock } from '../../api/index.ts';
import { Placements } from '../../src/agent/placements.ts';
import type { Datastore } from '../../src/datastore/index.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

let clock: TestClock;
let log: TestLog;
let tell: (type: string, block: object) => void;
let changes: number;
let placements: Placements;

function block(spec: object): IPAMBlock {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPAMBlock',
    metadata: { name: '10-60-1-0-26', uid: 'u', resourceVersion: `${Math.random()}` },
    spec: { cidr: '10.60.1.0/26', allocations: [], unallocated: [], attributes: [], ...spec },
  } as unknown as IPAMBlock;
}

beforeEach(async () => {
  [clock, log, changes] = [new TestClock(), new TestLog(), 0];
  const events: string[] = [];
  let wake = () => {};
  tell = (type, object) => {
    events.push(`${JSON.stringify({ type, object })}\n`);
    wake();
  };
  async function* response() {
    for (;;) {
      for (const event of events.splice(0)) yield Buffer.from(event);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  const store = {
    listPage: async () => ({ items: [block({ affinity: 'host:two' })], resourceVersion: '1' }),
    watch: async () => ({ response: response(), close: () => wake() }),
  } as unknown as Datastore;
  const options = { store, clock, random: () => 0.5, log, namespace: 'kube-system' };
  placements = new Placements({ ...options, onChange: () => changes++ });
  await clock.pass(0);
  changes = 0;
});

afterEach(() => placements.close());

const where = () => placements.list().map(({ node, prefix }) => `${formatPrefix(prefix)} ${node}`);

test('a block whose pods come and go is no news; one that moves is', async () => {
  tell('MODIFIED', block({ affinity: 'host:two', unallocated: [1] }));
  await clock.pass(0);
  expect([changes, where()]).toEqual([0, ['10.60.1.0/26 two']]);
  tell('MODIFIED', block({ affinity: 'host:three' }));
  await clock.pass(0);
  expect([changes, where()]).toEqual([1, ['10.60.1.0/26 three']]);
  tell('DELETED', block({}));
  await clock.pass(0);
  expect([changes, where()]).toEqual([2, []]);
});

test('one that became malformed is named, with what is wrong, and its pods keep their routes', async () => {
  tell('MODIFIED', block({ affinity: 'host:two', allocations: undefined }));
  await clock.pass(0);
  expect([changes, where()]).toEqual([0, ['10.60.1.0/26 two']]);
  expect(log.lines).toEqual([
    expect.stringMatching(
      /^warn IPAMBlock "10-60-1-0-26": spec\.allocations .*; where it was, it stays /,
    ),
  ]);
  tell('MODIFIED', block({ affinity: 'host:three' }));
  await clock.pass(0);
  expect(where()).toEqual(['10.60.1.0/26 three']);
});
