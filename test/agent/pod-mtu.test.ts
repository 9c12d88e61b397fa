/** When it is looked at what MTU pods should have; that both their ends follow is felix/endpoint's. */

import { PodMtu } from '../../src/agent/pod-mtu.ts';
import { TestClock, TestLog } from '../felix/ports.ts';

let clock: TestClock;
let log: TestLog;
let mtu: () => number;
/** What felix was told, in order. */
let told: number[];
let beforeSet: () => Promise<void>;
let podMtu: PodMtu;

beforeEach(() => {
  [clock, log, told] = [new TestClock(), new TestLog(), []];
  [mtu, beforeSet] = [() => 1450, async () => {}];
  const setPodMtu = async (wanted: number) => {
    told.push(wanted);
    await beforeSet();
  };
  podMtu = PodMtu.start({ clock, log, felix: { setPodMtu }, mtu: () => mtu() });
});

afterEach(() => podMtu.close());

test('every five seconds, whatever it was before: also of a pod that was wired meanwhile', async () => {
  await clock.pass(10_000);
  mtu = () => 1400;
  await clock.pass(5_000);
  expect(told).toEqual([1450, 1450, 1400]);
});

test('what the kernel does not tell is said once, and asked again', async () => {
  mtu = () => {
    throw new Error('reading a link: ENOBUFS');
  };
  await clock.pass(20_000);
  expect(log.lines).toEqual([
    'warn cannot tell what MTU pods should have {"error":"reading a link: ENOBUFS"}',
  ]);
  mtu = () => 1400;
  await clock.pass(5_000);
  expect(told).toEqual([1400]);
});

test('closed while pods are being changed: that ends, and nothing follows', async () => {
  const { promise: changing, resolve: goOn } = Promise.withResolvers<void>();
  beforeSet = () => changing;
  await clock.pass(5_000);
  podMtu.close();
  goOn();
  await clock.pass(100_000);
  expect([told, clock.timers]).toEqual([[1450], 0]);
});
