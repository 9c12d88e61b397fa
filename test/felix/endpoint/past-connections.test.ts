import { type Address, formatAddress, parseAddress } from 'net-ipaddr';
import { PastConnections } from '../../../felix/endpoint/past-connections.ts';
import { TestClock, TestLog } from '../ports.ts';

const [A, B, C] = ['10.60.0.1', '10.60.0.2', 'fd00::3'].map(parseAddress) as [
  Address,
  Address,
  Address,
];

let clock: TestClock;
let log: TestLog;
let sweeps: string[][];
let end: (error?: Error) => void;
let past: PastConnections;

beforeEach(() => {
  clock = new TestClock();
  log = new TestLog();
  sweeps = [];
  past = new PastConnections(
    (addresses) => {
      sweeps.push(Array.from(addresses, formatAddress));
      return new Promise((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve(0));
      });
    },
    clock,
    log,
  );
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('pods that end within a second are forgotten together, those that end meanwhile in the next sweep', async () => {
  past.forget([A]);
  await clock.pass(500);
  past.forget([B]);
  await clock.pass(499);
  expect(sweeps).toEqual([]);
  await clock.pass(1);
  await turn();
  expect(sweeps).toEqual([['10.60.0.1', '10.60.0.2']]);
  past.forget([C]);
  end();
  await turn();
  await clock.pass(1000);
  await turn();
  expect(sweeps[1]).toEqual(['fd00::3']);
});

test('the next owner of an address waits for the sweep, which is then at once, and for no other', async () => {
  past.forget([A]);
  await past.forgotten([B]);
  let isForgotten = false;
  void past.forgotten([B, A]).then(() => {
    isForgotten = true;
  });
  await turn();
  expect([sweeps, isForgotten]).toEqual([[['10.60.0.1']], false]);
  // It ends again, before the sweep under way has ended, which may have passed its connections by.
  past.forget([C]);
  const third = past.forgotten([C]);
  end();
  await turn();
  expect([sweeps[1], isForgotten]).toEqual([['fd00::3'], true]);
  end();
  await third;
});

test('who comes while the sweep is under way waits for its end', async () => {
  past.forget([A]);
  await clock.pass(1000);
  await turn();
  expect(sweeps).toEqual([['10.60.0.1']]);
  let isForgotten = false;
  const forgotten = past.forgotten([A]).then(() => {
    isForgotten = true;
  });
  await turn();
  expect(isForgotten).toBe(false);
  end();
  await forgotten;
});

test('an address that ends again during its own sweep is swept again, and waited for', async () => {
  past.forget([A]);
  void past.forgotten([A]);
  await turn();
  past.forget([A]);
  let isForgotten = false;
  const forgotten = past.forgotten([A]).then(() => {
    isForgotten = true;
  });
  end();
  await turn();
  expect([sweeps, isForgotten]).toEqual([[['10.60.0.1'], ['10.60.0.1']], false]);
  end();
  await forgotten;
});

test('where no address ended the kernel is not asked for all that it tracks', async () => {
  past.forget([]);
  await clock.pass(10_000);
  expect([sweeps, clock.timers]).toEqual([[], 0]);
});

test('a kernel that cannot is told of once, and nobody waits for it', async () => {
  for (let i = 0; i < 2; i++) {
    past.forget([A]);
    const forgotten = past.forgotten([A]);
    await turn();
    end(new Error('no nf_conntrack_netlink'));
    await forgotten;
  }
  expect(log.lines).toEqual([expect.stringContaining('no nf_conntrack_netlink')]);
});
