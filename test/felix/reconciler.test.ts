/** What felix does when the kernel refuses, forgets, or is written to by others: on a fake, in no time. */

import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Operation, RouteSpec } from 'rtnetlink-ts';
import { Reconciler } from '../../felix/reconciler.ts';
import { FakeKernel, type FakeNetlink } from './fake-kernel.ts';
import { TestClock, TestLog } from './ports.ts';

let clock: TestClock;
let kernel: FakeKernel;
let stranger: FakeNetlink;
let log: TestLog;
let reconciler: Reconciler;
/** How often next hops were to be looked at. */
let reviews: number;
let uplink: number;

beforeEach(() => {
  clock = new TestClock();
  kernel = new FakeKernel();
  stranger = kernel.stranger();
  uplink = addLink('eth0');
  stranger.change(
    { action: 'add', address: { link: uplink, address: parseAddress('192.0.2.1'), length: 24 } },
    { action: 'add', address: { link: uplink, address: parseAddress('2001:db8::1'), length: 64 } },
  );
  reconciler = newReconciler();
});

afterEach(() => reconciler.close());

function newReconciler(): Reconciler {
  log = new TestLog();
  reviews = 0;
  return new Reconciler({
    kernel,
    clock,
    random: () => 0.5,
    log,
    learnedDeadlineMs: 30_000,
    protocols: new Set([80]),
    onResynced() {},
    onWritten() {},
    onInterfaceGone() {},
    onNextHopsChanged: () => reviews++,
  });
}

function addLink(name: string): number {
  const peer = { name: `${name}p` };
  stranger.change(
    { action: 'add', link: { name, kind: { kind: 'veth', peer } } },
    { action: 'change', link: { name, up: true } },
  );
  return stranger.link(name)!.index;
}

/** Started, open, and settled. */
async function run(): Promise<void> {
  await reconciler.start();
  await reconciler.open();
  await clock.pass(0);
  // That forwarding was off.
  log.lines.length = 0;
}

function learn(...routes: string[]): void {
  reconciler.updateLearned(
    routes.map((text) => {
      const [prefix, , ...hops] = text.split(' ');
      return { prefix: parsePrefix(prefix!), nextHops: hops.map(parseAddress) };
    }),
  );
}

function route(text: string, protocol = 4): RouteSpec {
  const [prefix, how, target] = text.split(' ');
  const destination = parsePrefix(prefix!);
  const common = { destination, protocol, metric: 1024, table: 254 };
  if (how === 'via') return { ...common, type: 'unicast', gateway: parseAddress(target!) };
  return { ...common, type: 'unicast', oif: stranger.link(target!)!.index };
}

/** Other than the kernel's own. */
async function routes(protocol?: number): Promise<string[]> {
  const all = await stranger.routes();
  return all
    .filter((one) => (protocol === undefined ? one.protocol !== 2 : one.protocol === protocol))
    .map((one) => formatPrefix(one.destination))
    .sort();
}

function written(): string[] {
  return kernel.batches.flat().map((operation) => {
    if (!('route' in operation)) return operation.action;
    return `${operation.action} ${formatPrefix(operation.route.destination)}`;
  });
}

function problems(): string[] {
  return reconciler.table.problems().map(({ subject, reason }) => `${subject}: ${reason}`);
}

test('nothing is written before it is opened, forwarding neither', async () => {
  stranger.change({ action: 'add', route: route('10.9.0.0/26 via 192.0.2.9', 80) });
  await reconciler.start();
  reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  learn('10.60.1.0/26 via 192.0.2.2');
  reconciler.setLearnedInSync();
  await clock.pass(200_000);
  expect(kernel.batches).toEqual([]);
  expect(kernel.sysctls.read('net/ipv4/ip_forward')).toBe('0');

  await reconciler.open();
  await clock.pass(0);
  expect(await routes(80)).toEqual(['10.60.0.0/26', '10.60.1.0/26']);
  expect(kernel.sysctls.read('net/ipv4/ip_forward')).toBe('1');
  expect(kernel.sysctls.read('net/ipv6/conf/all/forwarding')).toBe('1');
});

test('changes of one turn go out in batches of at most 256, each route once', async () => {
  await run();
  for (let i = 0; i < 1000; i++) {
    const prefix = `10.${60 + (i >> 8)}.${i & 255}.0/24`;
    learn(`${prefix} via 192.0.2.2`, `${prefix} via 192.0.2.3`);
  }
  await clock.pass(0);
  expect(kernel.batches.map(({ length }) => length)).toEqual([256, 256, 256, 232]);
  expect(new Set(written()).size).toBe(1000);
});

describe('many at a time are written by another thread', () => {
  const MANY = 5000;
  const prefixAt = (i: number) => `10.${60 + (i >> 8)}.${i & 255}.0/24`;
  const learnMany = (how: string) =>
    learn(...Array.from({ length: MANY }, (_, i) => `${prefixAt(i)} ${how}`));
  let letFly: () => void;
  beforeEach(async () => {
    await run();
    const hold = new Promise<void>((resolve) => {
      letFly = resolve;
    });
    kernel.beforeFlight = () => hold;
  });

  test('two thousand each, one waiting for the other; the rest at once, each route once', async () => {
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    expect(kernel.batches).toEqual([]);
    expect(reconciler.table.flights).toBe(2);
    expect(reconciler.table.pendingCount).toBe(MANY);
    letFly();
    await clock.pass(0);
    const lengths = kernel.batches.map(({ length }) => length);
    expect(lengths).toEqual([2000, 2000, 256, 256, 256, 232]);
    expect(new Set(written()).size).toBe(MANY);
    expect(reconciler.table.pendingCount).toBe(0);
    expect(await routes(80)).toHaveLength(MANY);
  });

  test('what is asked for meanwhile of the same prefixes follows', async () => {
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    learn(`${prefixAt(0)} via 192.0.2.3`, `${prefixAt(1)} via`);
    await clock.pass(0);
    letFly();
    await clock.pass(0);
    const [first, ...others] = await stranger.routes({ protocol: 80 });
    expect(formatAddress(first!.gateway!)).toBe('192.0.2.3');
    expect(others).toHaveLength(MANY - 2);
    expect(reconciler.table.pendingCount).toBe(0);
  });

  test('what was withdrawn and refused meanwhile is forgotten, and can come again', async () => {
    kernel.refuse = () => 'ENETUNREACH';
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    learn(`${prefixAt(0)} via`);
    await clock.pass(0);
    letFly();
    await clock.pass(0);
    expect(reconciler.table.failingCount).toBe(MANY - 1);
    kernel.refuse = () => undefined;
    learn(`${prefixAt(0)} via 192.0.2.3`);
    await clock.pass(60_000);
    expect(await routes(80)).toHaveLength(MANY);
    expect(problems()).toEqual([]);
  });

  test('a pod’s address that is among them waits for it, another does not', async () => {
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    expect(await reconciler.settle([parsePrefix('10.9.0.0/24')])).toEqual([]);
    const settled = reconciler.settle([parsePrefix(prefixAt(0))]);
    expect(kernel.batches).toEqual([]);
    letFly();
    expect(await settled).toEqual([]);
    expect(await routes(80)).toContain(prefixAt(0));
  });

  test('the table is read when they have landed, and is as it should be', async () => {
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    let hasRead = false;
    kernel.duringDump = () => {
      hasRead = true;
    };
    const resynced = reconciler.resync();
    await clock.pass(0);
    expect(hasRead).toBe(false);
    letFly();
    await clock.pass(1000);
    await resynced;
    expect(hasRead).toBe(true);
    expect(reconciler.table.counters).toMatchObject({ added: MANY, repaired: 0, failed: 0 });
  });

  test('the socket’s failure is no route’s: it is looked at, and tried again', async () => {
    kernel.nextBatchError = new Error('EIO');
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    letFly();
    await clock.pass(60_000);
    expect(await routes(80)).toHaveLength(MANY);
    expect(problems()).toEqual([]);
  });

  test('closed meanwhile: what is under way ends, and nothing follows', async () => {
    learnMany('via 192.0.2.2');
    await clock.pass(0);
    const settled = reconciler.settle([parsePrefix(prefixAt(0))]);
    reconciler.close();
    letFly();
    await clock.pass(300_000);
    await settled;
    expect(kernel.batches.filter(({ length }) => length > 1)).toHaveLength(2);
  });
});

test('a second look at what is as it should be writes nothing', async () => {
  await run();
  reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
  learn('10.60.1.0/26 via 192.0.2.2', 'fd60::/64 via 2001:db8::2 2001:db8::3');
  await clock.pass(0);
  kernel.batches.length = 0;
  await clock.pass(300_000);
  expect(reconciler.table.counters.resyncs).toBeGreaterThanOrEqual(4);
  expect(reconciler.table.counters.repaired).toBe(0);
  expect(kernel.batches).toEqual([]);
});

test('a kernel without next hop objects: each route names its gateways', async () => {
  await run();
  learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2 192.0.2.3');
  await clock.pass(0);
  const ours = (await stranger.routes()).filter(({ protocol }) => protocol === 80);
  const gateways = ours.map((one) => (one.multipath ?? [one]).map(({ gateway }) => gateway));
  expect(gateways.map((hops) => hops.map((hop) => formatAddress(hop!)))).toEqual([
    ['192.0.2.2'],
    ['192.0.2.2', '192.0.2.3'],
  ]);
  expect(kernel.batches.flat().filter((operation) => 'nextHop' in operation)).toEqual([]);
});

test('a stop leaves all routes, and stops all timers', async () => {
  await run();
  learn('10.60.1.0/26 via 192.0.2.2');
  await clock.pass(0);
  reconciler.close();
  kernel.batches.length = 0;
  stranger.change({ action: 'delete', route: route('10.60.1.0/26 via 192.0.2.2', 80) });
  await clock.pass(300_000);
  expect(kernel.batches).toEqual([]);
});

describe('RFC 4271 §9.1.2.1: next hops that are no neighbours', () => {
  const FAR = '10.60.1.0/26 via 198.51.100.2';
  const resolve = (nextHop: string) =>
    reconciler.calculation.resolve(parseAddress(nextHop)).gateways.map(formatAddress);
  const gatewayOf = async (prefix: string) => {
    const all = await stranger.routes({ protocol: 80 });
    const found = all.find((one) => formatPrefix(one.destination) === prefix);
    return found?.gateway && formatAddress(found.gateway);
  };

  test('routes go by the gateway that leads there, and follow it, in one review for a burst', async () => {
    await run();
    learn(FAR);
    await clock.pass(0);
    expect(await routes(80)).toEqual([]);
    expect(reconciler.refusals.reports()).toEqual([
      { subject: '10.60.1.0/26', reason: expect.stringContaining('no route of the host itself') },
    ]);
    stranger.change({ action: 'add', route: route('198.51.100.0/24 via 192.0.2.7') });
    await clock.pass(200);
    expect(await gatewayOf('10.60.1.0/26')).toBe('192.0.2.7');
    reviews = 0;
    for (let i = 0; i < 1000; i++)
      stranger.change({
        action: 'replace',
        route: route(`198.51.100.0/24 via 192.0.2.${i % 100}`),
      });
    await clock.pass(0);
    await clock.pass(60);
    expect([await gatewayOf('10.60.1.0/26'), reviews]).toEqual(['192.0.2.99', 1]);
  });

  test('what can’t be reached any more stays until BGP takes it back', async () => {
    await run();
    stranger.change({ action: 'add', route: route('198.51.100.0/24 via 192.0.2.7') });
    await clock.pass(100);
    learn(FAR);
    await clock.pass(0);
    stranger.change({ action: 'delete', route: route('198.51.100.0/24 via 192.0.2.7') });
    await clock.pass(100);
    expect([resolve('198.51.100.2'), await gatewayOf('10.60.1.0/26')]).toEqual([[], '192.0.2.7']);
    learn('10.60.1.0/26 via');
    await clock.pass(0);
    expect(await routes()).toEqual([]);
  });

  test('what BGP brought leads to none: a route would keep itself alive, or take itself away', async () => {
    await run();
    learn('198.51.100.0/24 via 192.0.2.2', FAR);
    await clock.pass(0);
    expect(await routes(80)).toEqual(['198.51.100.0/24']);
    expect([resolve('198.51.100.2'), resolve('192.0.2.2')]).toEqual([[], ['192.0.2.2']]);
    // Nor after a dump that has them.
    await reconciler.resync();
    expect(resolve('198.51.100.2')).toEqual([]);
  });

  test('our own ways do: to a peer, to a pod here; a block without the pod does not', async () => {
    await run();
    const gateway = parseAddress('192.0.2.7');
    reconciler.setPeerRoutes([{ peer: parseAddress('198.51.100.2'), gateway }]);
    reconciler.setLocalBlocks([parsePrefix('10.60.0.0/26')]);
    addLink('cali1');
    const addresses = [parseAddress('10.60.0.1')];
    reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 1 });
    expect(['198.51.100.2', '10.60.0.1', '10.60.0.2'].map(resolve)).toEqual([
      ['192.0.2.7'],
      ['10.60.0.1'],
      [],
    ]);
  });
});

describe('the kernel refuses', () => {
  test('a route is tried again, less and less often, and once more when an address comes', async () => {
    await run();
    kernel.refuse = (operation) =>
      'route' in operation && formatPrefix(operation.route.destination) === '10.60.1.0/26'
        ? 'ENETUNREACH'
        : undefined;
    learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.2.0/26']);
    expect(problems()).toEqual([expect.stringMatching(/^10\.60\.1\.0\/26: .*ENETUNREACH/)]);

    const attempts = () => written().filter((text) => text === 'add 10.60.1.0/26').length;
    // 0.5 s, 1 s, 2 s, 4 s, …, each shortened by a quarter here.
    const counts: number[] = [];
    for (const ms of [374, 1, 750, 1500, 3000]) {
      await clock.pass(ms);
      counts.push(attempts());
    }
    expect(counts).toEqual([1, 2, 3, 4, 5]);
    await clock.pass(3_600_000);
    expect(attempts()).toBeLessThan(5 + 3600 / 20);
    expect(attempts()).toBeGreaterThan(5 + 3600 / 32);

    kernel.refuse = () => undefined;
    const address = { link: uplink, address: parseAddress('198.51.100.1'), length: 24 };
    stranger.change({ action: 'add', address });
    await clock.pass(100);
    expect(await routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26']);
    expect(problems()).toEqual([]);
  });

  test('one of a batch: the others are not kept from theirs', async () => {
    await run();
    const isUnlucky = (operation: Operation) =>
      'route' in operation && formatPrefix(operation.route.destination) === '10.60.1.0/26';
    kernel.refuse = (operation) => (isUnlucky(operation) ? 'ENOMEM' : undefined);
    learn(...[0, 1, 2].map((i) => `10.60.${i}.0/26 via 192.0.2.2`));
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.0.0/26', '10.60.2.0/26']);
    kernel.refuse = () => undefined;
    await clock.pass(1000);
    expect(await routes(80)).toEqual(['10.60.0.0/26', '10.60.1.0/26', '10.60.2.0/26']);
  });

  test.each(['ENOSPC', 'ENOMEM', 'ENOBUFS'])(
    '%s: a full table is told of in one line, and filled when there is room',
    async (code) => {
      await run();
      let room = 10;
      kernel.refuse = () => (room-- > 0 ? undefined : code);
      learn(...Array.from({ length: 100 }, (_, i) => `10.60.${i}.0/24 via 192.0.2.2`));
      await clock.pass(1000);
      expect((await routes(80)).length).toBe(10);
      expect(log.lines).toEqual([expect.stringMatching(`"count":90.*${code}`)]);
      expect(reconciler.table.failingCount).toBe(90);
      kernel.refuse = () => undefined;
      await clock.pass(2000);
      expect((await routes(80)).length).toBe(100);
      expect(problems()).toEqual([]);
    },
  );

  test('a whole batch: what became of it is looked up, and done', async () => {
    await run();
    kernel.nextBatchError = Object.assign(new Error('sendmsg: ENOBUFS'), { code: 'ENOBUFS' });
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    expect(problems()).toEqual(['10.60.1.0/26: sendmsg: ENOBUFS']);
    await clock.pass(1000);
    expect(await routes(80)).toEqual(['10.60.1.0/26']);
    expect(problems()).toEqual([]);
    expect(reconciler.table.counters.resyncs).toBe(2);
  });

  test('a dump: it is read again, and routes are written meanwhile', async () => {
    await run();
    kernel.nextDumpError = Object.assign(new Error('EINTR'), { code: 'EINTR' });
    await reconciler.resync();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.1.0/26']);
    expect(log.lines).toEqual([expect.stringContaining('EINTR')]);
    await clock.pass(3000);
    expect(reconciler.table.counters.resyncs).toBe(2);
  });
});

describe('others write too', () => {
  test('a route of ours that somebody deletes is back at once', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2', 'fd60::/64 via 2001:db8::2 2001:db8::3');
    await clock.pass(0);
    for (const one of await stranger.routes({ protocol: 80 }))
      stranger.change({ action: 'delete', route: one });
    await clock.pass(100);
    expect(await routes(80)).toEqual(['10.60.1.0/26', 'fd60::/64']);
  });

  test('so is one that somebody changes', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    stranger.change({ action: 'replace', route: route('10.60.1.0/26 via 192.0.2.66', 80) });
    await clock.pass(100);
    const [one] = await stranger.routes({ protocol: 80 });
    expect(one!.gateway).toEqual(parseAddress('192.0.2.2'));
    expect(reconciler.table.counters.repaired).toBe(1);
  });

  test('when notifications are lost, a look tells', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    const { listeners } = kernel.namespace(undefined);
    const [felix] = listeners;
    listeners.clear();
    stranger.change({ action: 'delete', route: route('10.60.1.0/26 via 192.0.2.2', 80) });
    listeners.add(felix!);
    await clock.pass(1000);
    expect(await routes(80)).toEqual([]);
    kernel.loseEvents();
    await clock.pass(100);
    expect(await routes(80)).toEqual(['10.60.1.0/26']);
  });

  test.each([
    ['there before us', '10.60.1.0/26', '192.0.2'],
    ['there before us, IPv6', 'fd60::/64', '2001:db8:'],
  ])('a stranger’s route in the place of ours stays: %s', async (_, prefix, net) => {
    const theirs = route(`${prefix} via ${net}${net.includes(':') ? ':9' : '.9'}`);
    stranger.change({ action: 'add', route: theirs });
    await run();
    const hop = `${net}${net.includes(':') ? ':2' : '.2'}`;
    learn(`${prefix} via ${hop}`);
    await clock.pass(1000);
    expect(await routes(4)).toEqual([prefix]);
    expect(problems()).toEqual([
      expect.stringMatching(/not ours has its place: .*9 .*protocol 4, metric 1024/),
    ]);

    // A change and a look later it is still there.
    learn(`${prefix} via ${hop.replace(/2$/, '3')}`);
    await clock.pass(100_000);
    expect(await routes(4)).toEqual([prefix]);
    expect(await routes(80)).toEqual([]);

    stranger.change({ action: 'delete', route: theirs });
    await clock.pass(100);
    expect(await routes(80)).toEqual([prefix]);
    expect(problems()).toEqual([]);
  });

  test('a stranger’s route that we were not told of is found when it is in the way', async () => {
    await run();
    const { listeners } = kernel.namespace(undefined);
    const [felix] = listeners;
    listeners.clear();
    stranger.change({ action: 'add', route: route('10.60.1.0/26 via 192.0.2.9') });
    listeners.add(felix!);
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    expect(problems()).toEqual([expect.stringMatching(/EEXIST/)]);
    await clock.pass(200);
    expect(problems()).toEqual([expect.stringMatching(/not ours has its place.*protocol 4/)]);
    expect(await routes(4)).toEqual(['10.60.1.0/26']);
  });

  test('a stranger that replaces our route has it; ours is gone, and we say so', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    stranger.change({ action: 'replace', route: route('10.60.1.0/26 via 192.0.2.9') });
    await clock.pass(100_000);
    expect(await routes()).toEqual(['10.60.1.0/26']);
    expect(await routes(4)).toEqual(['10.60.1.0/26']);
    expect(problems()).toHaveLength(1);
    learn('10.60.1.0/26 via');
    await clock.pass(1000);
    expect(await routes(4)).toEqual(['10.60.1.0/26']);
  });

  test('an unknown route to a pod’s interface has ten seconds of grace', async () => {
    const pod = addLink('cali1');
    await run();
    reconciler.setWorkload('cali1', {
      hostInterface: 'cali1',
      addresses: [parseAddress('10.60.0.1')],
      since: 0,
    });
    await clock.pass(0);
    stranger.change(
      { action: 'add', route: route('10.60.0.7/32 dev cali1') },
      { action: 'add', route: route('10.60.0.8/32 dev cali1', 80) },
      { action: 'add', route: route('10.60.0.9/32 dev eth0') },
    );
    await clock.pass(9_900);
    expect(await routes()).toEqual([
      '10.60.0.1/32',
      '10.60.0.7/32',
      '10.60.0.8/32',
      '10.60.0.9/32',
    ]);
    await clock.pass(400);
    expect(await routes()).toEqual(['10.60.0.1/32', '10.60.0.9/32']);
    // The kernel's own, on the same interface, is nobody's business.
    expect((await stranger.routes({ oif: pod })).map(({ protocol }) => protocol)).toContain(2);
  });

  test('a route that becomes known in that time stays', async () => {
    addLink('cali1');
    await run();
    stranger.change({ action: 'add', route: route('10.60.0.7/32 dev cali1', 80) });
    await clock.pass(5000);
    const addresses = [parseAddress('10.60.0.7')];
    reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 0 });
    await clock.pass(20_000);
    expect(await routes()).toEqual(['10.60.0.7/32']);
  });

  test('a hint a millisecond does not make us read the table all the time', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    // Of each family: a reading takes 20 ms.
    kernel.duringDump = () => new Promise((resolve) => clock.after(10, resolve));
    const before = reconciler.table.counters.resyncs;
    for (let i = 0; i < 2000; i++) {
      stranger.change({ action: 'replace', route: route('10.60.1.0/26 via 192.0.2.66', 80) });
      await clock.pass(1);
    }
    const resyncs = reconciler.table.counters.resyncs - before;
    expect(resyncs).toBeGreaterThan(5);
    expect(resyncs).toBeLessThanOrEqual(2000 / (20 + 10 * 20) + 1);
  });
});

describe('interfaces', () => {
  test('learned routes are back when the link is, though the kernel told of nothing', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
    await clock.pass(0);
    stranger.change({ action: 'change', link: { index: uplink, up: false } });
    await clock.pass(2000);
    expect(await routes(80)).toEqual([]);
    stranger.change({ action: 'change', link: { index: uplink, up: true } });
    await clock.pass(100);
    expect(await routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26']);
  });

  test('what failed is tried when an interface comes up, whether or not that is its own', async () => {
    const index = addLink('eth1');
    await run();
    stranger.change({ action: 'change', link: { index, up: false } });
    kernel.refuse = () => 'ENETDOWN';
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(20_000);
    kernel.refuse = () => undefined;
    stranger.change({ action: 'change', link: { index, up: true } });
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.1.0/26']);
  });

  test('a pod’s routes too, without a look at the whole table', async () => {
    const pod = addLink('cali1');
    await run();
    reconciler.setWorkload('cali1', {
      hostInterface: 'cali1',
      addresses: [parseAddress('10.60.0.1'), parseAddress('fd60::1')],
      since: 0,
    });
    await clock.pass(0);
    const { resyncs } = reconciler.table.counters;
    stranger.change({ action: 'change', link: { index: pod, up: false } });
    stranger.change({ action: 'change', link: { index: pod, up: true } });
    await clock.pass(10);
    expect(await routes(80)).toEqual(['10.60.0.1/32', 'fd60::1/128']);
    expect(reconciler.table.counters.resyncs).toBe(resyncs);
  });

  test('a pod’s routes wait for its interface, and follow it to another index', async () => {
    await run();
    const addresses = [parseAddress('10.60.0.1')];
    reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 0 });
    await clock.pass(1000);
    expect(written()).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const index = addLink('cali1');
      await clock.pass(100);
      expect((await stranger.routes({ protocol: 80 })).map(({ oif }) => oif)).toEqual([index]);
      await stranger.deleteLinks(['cali1']);
      await clock.pass(100);
      expect(await routes(80)).toEqual([]);
    }
    expect(problems()).toEqual([]);
  });
});

describe('after a restart', () => {
  beforeEach(() => {
    stranger.change(
      { action: 'add', route: route('10.60.1.0/26 via 192.0.2.2', 80) },
      { action: 'add', route: route('10.60.2.0/26 via 192.0.2.2', 80) },
      { action: 'add', route: route('fd60::/64 via 2001:db8::2', 80) },
      { action: 'add', route: { ...route('10.60.9.0/26 via 192.0.2.2', 80), type: 'blackhole' } },
    );
  });

  test('learned routes stay until BGP has converged; a block that is no longer ours does not', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(29_000);
    expect(await routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26', 'fd60::/64']);
    reconciler.setLearnedInSync();
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.1.0/26']);
    expect(written()).not.toContain('add 10.60.1.0/26');
    expect(written()).not.toContain('replace 10.60.1.0/26');
  });

  test('or until a deadline', async () => {
    await run();
    await clock.pass(29_900);
    expect(await routes(80)).toHaveLength(3);
    await clock.pass(200);
    expect(await routes(80)).toEqual([]);
  });

  test('one that BGP learns and loses again goes before that', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.2');
    await clock.pass(0);
    learn('10.60.1.0/26 via');
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.60.2.0/26', 'fd60::/64']);
  });

  test('one that comes by another next hop now is changed in one message', async () => {
    await run();
    learn('10.60.1.0/26 via 192.0.2.3');
    await clock.pass(0);
    expect(written().filter((text) => text.includes('10.60.1.0'))).toEqual([
      'replace 10.60.1.0/26',
    ]);
  });
});

test('what is written while the table is read is not undone by what was read before', async () => {
  await run();
  const pod = (address: string) => ({
    hostInterface: 'eth0',
    addresses: [parseAddress(address)],
    since: 0,
  });
  learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
  reconciler.setWorkload('eth0', pod('10.60.0.1'));
  await clock.pass(0);
  kernel.duringDump = () => {
    kernel.duringDump = () => {};
    reconciler.setWorkload('eth0', pod('10.60.0.2'));
    void reconciler.settle(['10.60.0.1/32', '10.60.0.2/32'].map(parsePrefix));
    learn('10.60.1.0/26 via');
  };
  kernel.batches.length = 0;
  await reconciler.resync();
  await clock.pass(1000);
  expect(await routes(80)).toEqual(['10.60.0.2/32', '10.60.2.0/26']);
  expect(written()).toEqual(['add 10.60.0.2/32', 'delete 10.60.0.1/32', 'delete 10.60.1.0/26']);
});

test('what changes during the first look is looked at after it: two at once would take each other’s routes for gone', async () => {
  let [looks, most] = [0, 0];
  kernel.duringDump = async () => {
    most = Math.max(most, ++looks);
    await new Promise<void>((resolve) => clock.after(100, resolve));
    looks--;
  };
  const started = reconciler.start();
  await clock.pass(1);
  const { index } = stranger.link('eth0')!;
  const address = { link: index, address: parseAddress('198.51.100.1'), length: 24 };
  stranger.change({ action: 'add', address });
  await clock.pass(1000);
  await started;
  expect([most, reconciler.table.counters.resyncs]).toEqual([1, 2]);
});

test('what can wait is not written while the table is read: each write would tear the dump', async () => {
  await run();
  kernel.duringDump = () => new Promise((resolve) => clock.after(10, resolve));
  const read = reconciler.resync();
  await clock.pass(1);
  learn('10.60.1.0/26 via 192.0.2.2');
  await clock.pass(15);
  expect(written()).toEqual([]);
  await clock.pass(5);
  await read;
  await clock.pass(0);
  expect(written()).toEqual(['add 10.60.1.0/26']);
});

describe('guards', () => {
  test('what carries the nodes is known before anything is judged', async () => {
    stranger.change(
      { action: 'add', route: route('10.9.0.0/16 via 192.0.2.9') },
      { action: 'add', route: route('0.0.0.0/0 via 192.0.2.2', 80) },
    );
    await reconciler.start();
    reconciler.setNodeAddresses([parseAddress('10.9.0.9')]);
    learn('0.0.0.0/0 via 192.0.2.2');
    await reconciler.open();
    await clock.pass(1000);
    expect(written()).toEqual([]);
    expect(await routes(80)).toEqual(['0.0.0.0/0']);
  });

  test('a node that joins behind a learned route takes it away, and its leaving brings it back', async () => {
    await run();
    learn('10.0.0.0/8 via 192.0.2.2');
    await clock.pass(0);
    expect(await routes(80)).toEqual(['10.0.0.0/8']);
    reconciler.setNodeAddresses(['192.0.2.1', '10.7.7.7'].map(parseAddress));
    await clock.pass(1100);
    expect(await routes(80)).toEqual([]);
    expect(reconciler.refusals.reports()).toEqual([
      { subject: '10.0.0.0/8', reason: expect.stringMatching(/covers a node.*10\.7\.7\.7/) },
    ]);
    expect(log.lines).toEqual([expect.stringContaining('10.7.7.7')]);
    reconciler.setNodeAddresses([parseAddress('192.0.2.1')]);
    await clock.pass(100);
    expect(await routes(80)).toEqual(['10.0.0.0/8']);
    expect(reconciler.refusals.reports()).toEqual([]);
  });

  test('a default route stays when a node joins that a connected network carries', async () => {
    stranger.change({ action: 'add', route: route('10.9.0.0/16 via 192.0.2.9') });
    reconciler.setNodeAddresses([parseAddress('192.0.2.1')]);
    await run();
    learn('0.0.0.0/0 via 192.0.2.2');
    await clock.pass(0);
    kernel.batches.length = 0;
    // The second one by a static route, which is looked for only now.
    reconciler.setNodeAddresses(['192.0.2.1', '192.0.2.7', '10.9.0.9'].map(parseAddress));
    await clock.pass(1000);
    expect(await routes(80)).toEqual(['0.0.0.0/0']);
    expect(kernel.batches).toEqual([]);
    stranger.change({ action: 'delete', route: route('10.9.0.0/16 via 192.0.2.9') });
    await clock.pass(1000);
    expect(await routes(80)).toEqual([]);
  });

  test('a network that is connected meanwhile is given up', async () => {
    await run();
    learn('198.51.100.0/24 via 192.0.2.2');
    await clock.pass(0);
    const address = { link: uplink, address: parseAddress('198.51.100.1'), length: 24 };
    stranger.change({ action: 'add', address });
    await clock.pass(200);
    expect(await routes(80)).toEqual([]);
    expect(await routes(2)).toContain('198.51.100.0/24');
  });
});
