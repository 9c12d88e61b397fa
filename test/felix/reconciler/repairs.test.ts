/** What felix does when the kernel refuses, forgets, or is written to by others: on a fake, in no time. */

import { formatPrefix, parseAddress, parsePrefix } from 'net-ipaddr';
import type { Operation, Route } from 'rtnetlink-ts';
import { PlayedNode } from './played-node.ts';

let node: PlayedNode;

beforeEach(() => {
  node = new PlayedNode();
});

afterEach(() => node.reconciler.close());

describe('the kernel refuses', () => {
  test('a route is tried again, less and less often, and once more when an address comes', async () => {
    await node.run();
    node.kernel.refuse = (operation) =>
      'route' in operation && formatPrefix(operation.route.destination) === '10.60.1.0/26'
        ? 'ENETUNREACH'
        : undefined;
    node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.60.2.0/26']);
    expect(node.problems()).toEqual([expect.stringMatching(/^10\.60\.1\.0\/26: .*ENETUNREACH/)]);

    const attempts = () => node.written().filter((text) => text === 'add 10.60.1.0/26').length;
    // 0.5 s, 1 s, 2 s, 4 s, …, each shortened by a quarter here.
    const counts: number[] = [];
    for (const ms of [374, 1, 750, 1500, 3000]) {
      await node.clock.pass(ms);
      counts.push(attempts());
    }
    expect(counts).toEqual([1, 2, 3, 4, 5]);
    await node.clock.pass(3_600_000);
    expect(attempts()).toBeLessThan(5 + 3600 / 20);
    expect(attempts()).toBeGreaterThan(5 + 3600 / 32);

    node.kernel.refuse = () => undefined;
    const address = { link: node.uplink, address: parseAddress('198.51.100.1'), length: 24 };
    node.stranger.change({ action: 'add', address });
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26', '10.60.2.0/26']);
    expect(node.problems()).toEqual([]);
  });

  test('one of a batch: the others are not kept from theirs', async () => {
    await node.run();
    const isUnlucky = (operation: Operation) =>
      'route' in operation && formatPrefix(operation.route.destination) === '10.60.1.0/26';
    node.kernel.refuse = (operation) => (isUnlucky(operation) ? 'ENOMEM' : undefined);
    node.learn(...[0, 1, 2].map((i) => `10.60.${i}.0/26 via 192.0.2.2`));
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.60.0.0/26', '10.60.2.0/26']);
    node.kernel.refuse = () => undefined;
    await node.clock.pass(1000);
    expect(await node.routes(80)).toEqual(['10.60.0.0/26', '10.60.1.0/26', '10.60.2.0/26']);
  });

  // ENOENT is IPv6's, where another removes the route between its being found and unlinked.
  test.each(['ESRCH', 'ENOENT', 'ENODEV'])(
    '%s: what was to go is gone already, which is no failure',
    async (code) => {
      await node.run();
      node.learn('10.60.1.0/26 via 192.0.2.2');
      await node.clock.pass(0);
      node.kernel.refuse = ({ action }) => (action === 'delete' ? code : undefined);
      node.learn('10.60.1.0/26 via');
      await node.clock.pass(0);
      expect(node.problems()).toEqual([]);
      expect(node.reconciler.table.counters).toMatchObject({ removed: 1, failed: 0 });
    },
  );

  test.each(['ENOSPC', 'ENOMEM', 'ENOBUFS'])(
    '%s: a full table is told of in one line, and filled when there is room',
    async (code) => {
      await node.run();
      let room = 10;
      node.kernel.refuse = () => (room-- > 0 ? undefined : code);
      node.learn(...Array.from({ length: 100 }, (_, i) => `10.60.${i}.0/24 via 192.0.2.2`));
      await node.clock.pass(1000);
      expect((await node.routes(80)).length).toBe(10);
      expect(node.log.lines).toEqual([expect.stringMatching(`"count":90.*${code}`)]);
      expect(node.reconciler.table.failingCount).toBe(90);
      node.kernel.refuse = () => undefined;
      await node.clock.pass(2000);
      expect((await node.routes(80)).length).toBe(100);
      expect(node.problems()).toEqual([]);
    },
  );

  test('a whole batch: what became of it is looked up, and done', async () => {
    await node.run();
    node.kernel.nextBatchError = Object.assign(new Error('sendmsg: ENOBUFS'), { code: 'ENOBUFS' });
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    expect(node.problems()).toEqual(['10.60.1.0/26: sendmsg: ENOBUFS']);
    await node.clock.pass(1000);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26']);
    expect(node.problems()).toEqual([]);
    expect(node.reconciler.table.counters.resyncs).toBe(2);
  });

  test('a dump: it is read again, and routes are written meanwhile', async () => {
    await node.run();
    node.kernel.nextDumpError = Object.assign(new Error('EINTR'), { code: 'EINTR' });
    await node.reconciler.resync();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26']);
    expect(node.log.lines).toEqual([expect.stringContaining('EINTR')]);
    await node.clock.pass(3000);
    expect(node.reconciler.table.counters.resyncs).toBe(2);
  });
});

describe('others write too', () => {
  test('a route of ours that somebody deletes is back at once', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2', 'fd60::/64 via 2001:db8::2 2001:db8::3');
    await node.clock.pass(0);
    for (const one of await node.stranger.routes({ protocol: 80 }))
      node.stranger.change({ action: 'delete', route: one });
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26', 'fd60::/64']);
  });

  test('one next hop of several goes with a message that names it alone: a look tells', async () => {
    await node.run();
    node.learn('fd60::/64 via 2001:db8::2 2001:db8::3');
    await node.clock.pass(0);
    const [{ multipath, ...rest }] = (await node.stranger.routes({ protocol: 80 })) as [Route];
    for (const { onEvent } of node.kernel.namespace(undefined).listeners)
      onEvent({ kind: 'route', gone: true, route: { ...rest, ...multipath![0] } });
    await node.clock.pass(100);
    expect(node.reconciler.table.counters.resyncs).toBe(2);
  });

  test('so is one that somebody changes', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    node.stranger.change({
      action: 'replace',
      route: node.route('10.60.1.0/26 via 192.0.2.66', 80),
    });
    await node.clock.pass(100);
    const [one] = await node.stranger.routes({ protocol: 80 });
    expect(one!.gateway).toEqual(parseAddress('192.0.2.2'));
    expect(node.reconciler.table.counters.repaired).toBe(1);
  });

  test('when notifications are lost, a look tells', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    // What an earlier look told says nothing any more.
    await node.reconciler.resync();
    const { listeners } = node.kernel.namespace(undefined);
    const [felix] = listeners;
    listeners.clear();
    node.stranger.change({ action: 'delete', route: node.route('10.60.1.0/26 via 192.0.2.2', 80) });
    listeners.add(felix!);
    await node.clock.pass(1000);
    expect(await node.routes(80)).toEqual([]);
    node.kernel.loseEvents();
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual(['10.60.1.0/26']);
  });

  test.each([
    ['there before us', '10.60.1.0/26', '192.0.2'],
    ['there before us, IPv6', 'fd60::/64', '2001:db8:'],
  ])('a stranger’s route in the place of ours stays: %s', async (_, prefix, net) => {
    const theirs = node.route(`${prefix} via ${net}${net.includes(':') ? ':9' : '.9'}`);
    node.stranger.change({ action: 'add', route: theirs });
    await node.run();
    const hop = `${net}${net.includes(':') ? ':2' : '.2'}`;
    node.learn(`${prefix} via ${hop}`);
    await node.clock.pass(1000);
    expect(await node.routes(4)).toEqual([prefix]);
    expect(node.problems()).toEqual([
      expect.stringMatching(/not ours has its place: .*9 .*protocol 4, metric 1024/),
    ]);

    // A change and a look later it is still there.
    node.learn(`${prefix} via ${hop.replace(/2$/, '3')}`);
    await node.clock.pass(100_000);
    expect(await node.routes(4)).toEqual([prefix]);
    expect(await node.routes(80)).toEqual([]);

    node.stranger.change({ action: 'delete', route: theirs });
    await node.clock.pass(100);
    expect(await node.routes(80)).toEqual([prefix]);
    expect(node.problems()).toEqual([]);
  });

  test('it keeps no route of another metric from its place', async () => {
    node.stranger.change({ action: 'add', route: node.route('10.60.1.0/26 via 192.0.2.9') });
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    expect(node.problems()).toHaveLength(1);
    const [prefix, nextHops] = [parsePrefix('10.60.1.0/26'), [parseAddress('192.0.2.2')]];
    node.reconciler.updateLearned([{ prefix, nextHops, metric: 50 }]);
    await node.clock.pass(0);
    expect(node.problems()).toEqual([]);
    await node.reconciler.resync();
    node.reconciler.updateLearned([{ prefix, nextHops: [parseAddress('192.0.2.3')], metric: 50 }]);
    await node.clock.pass(0);
    expect(node.problems()).toEqual([]);
    expect(await node.routes()).toEqual(['10.60.1.0/26', '10.60.1.0/26']);
  });

  test('a stranger’s route that we were not told of is found when it is in the way', async () => {
    await node.run();
    const { listeners } = node.kernel.namespace(undefined);
    const [felix] = listeners;
    listeners.clear();
    node.stranger.change({ action: 'add', route: node.route('10.60.1.0/26 via 192.0.2.9') });
    listeners.add(felix!);
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    expect(node.problems()).toEqual([expect.stringMatching(/EEXIST/)]);
    await node.clock.pass(200);
    expect(node.problems()).toEqual([expect.stringMatching(/not ours has its place.*protocol 4/)]);
    expect(await node.routes(4)).toEqual(['10.60.1.0/26']);
  });

  test('a stranger that replaces our route has it; ours is gone, and we say so', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    node.stranger.change({ action: 'replace', route: node.route('10.60.1.0/26 via 192.0.2.9') });
    await node.clock.pass(100);
    expect(node.problems()).toHaveLength(1);
    await node.clock.pass(100_000);
    expect(await node.routes()).toEqual(['10.60.1.0/26']);
    expect(await node.routes(4)).toEqual(['10.60.1.0/26']);
    expect(node.problems()).toHaveLength(1);
    node.learn('10.60.1.0/26 via');
    await node.clock.pass(1000);
    expect(await node.routes(4)).toEqual(['10.60.1.0/26']);
  });

  test('an unknown route to a pod’s interface has ten seconds of grace', async () => {
    const pod = node.addLink('cali1');
    await node.run();
    node.reconciler.setWorkload('cali1', {
      hostInterface: 'cali1',
      addresses: [parseAddress('10.60.0.1')],
      since: 0,
    });
    await node.clock.pass(0);
    node.stranger.change(
      { action: 'add', route: node.route('10.60.0.7/32 dev cali1') },
      { action: 'add', route: node.route('10.60.0.8/32 dev cali1', 80) },
      { action: 'add', route: node.route('10.60.0.9/32 dev eth0') },
    );
    await node.clock.pass(9_900);
    expect(await node.routes()).toEqual([
      '10.60.0.1/32',
      '10.60.0.7/32',
      '10.60.0.8/32',
      '10.60.0.9/32',
    ]);
    await node.clock.pass(400);
    expect(await node.routes()).toEqual(['10.60.0.1/32', '10.60.0.9/32']);
    // The kernel's own, on the same interface, is nobody's business.
    expect((await node.stranger.routes({ oif: pod })).map(({ protocol }) => protocol)).toContain(2);
  });

  test('a route that becomes known in that time stays', async () => {
    node.addLink('cali1');
    await node.run();
    node.stranger.change({ action: 'add', route: node.route('10.60.0.7/32 dev cali1', 80) });
    await node.clock.pass(5000);
    const addresses = [parseAddress('10.60.0.7')];
    node.reconciler.setWorkload('cali1', { hostInterface: 'cali1', addresses, since: 0 });
    await node.clock.pass(20_000);
    expect(await node.routes()).toEqual(['10.60.0.7/32']);
  });

  test('a hint a millisecond does not make us read the table all the time', async () => {
    await node.run();
    node.learn('10.60.1.0/26 via 192.0.2.2');
    await node.clock.pass(0);
    // Of each family: a reading takes 20 ms.
    node.kernel.duringDump = () => new Promise((resolve) => node.clock.after(10, resolve));
    const before = node.reconciler.table.counters.resyncs;
    for (let i = 0; i < 2000; i++) {
      node.stranger.change({
        action: 'replace',
        route: node.route('10.60.1.0/26 via 192.0.2.66', 80),
      });
      await node.clock.pass(1);
    }
    const resyncs = node.reconciler.table.counters.resyncs - before;
    expect(resyncs).toBeGreaterThan(5);
    expect(resyncs).toBeLessThanOrEqual(2000 / (20 + 10 * 20) + 1);
  });
});

test('what is written while the table is read is not undone by what was read before', async () => {
  await node.run();
  const pod = (address: string) => ({
    hostInterface: 'eth0',
    addresses: [parseAddress(address)],
    since: 0,
  });
  node.learn('10.60.1.0/26 via 192.0.2.2', '10.60.2.0/26 via 192.0.2.2');
  node.reconciler.setWorkload('eth0', pod('10.60.0.1'));
  await node.clock.pass(0);
  node.kernel.duringDump = () => {
    node.kernel.duringDump = () => {};
    node.reconciler.setWorkload('eth0', pod('10.60.0.2'));
    void node.reconciler.settle(['10.60.0.1/32', '10.60.0.2/32'].map(parsePrefix));
    node.learn('10.60.1.0/26 via');
  };
  node.kernel.batches.length = 0;
  await node.reconciler.resync();
  await node.clock.pass(1000);
  expect(await node.routes(80)).toEqual(['10.60.0.2/32', '10.60.2.0/26']);
  expect(node.written()).toEqual([
    'add 10.60.0.2/32',
    'delete 10.60.0.1/32',
    'delete 10.60.1.0/26',
  ]);
});

test('what changes during the first look is looked at after it: two at once would take each other’s routes for gone', async () => {
  let [looks, most] = [0, 0];
  node.kernel.duringDump = async () => {
    most = Math.max(most, ++looks);
    await new Promise<void>((resolve) => node.clock.after(100, resolve));
    looks--;
  };
  const started = node.reconciler.start();
  await node.clock.pass(1);
  const { index } = node.stranger.link('eth0')!;
  const address = { link: index, address: parseAddress('198.51.100.1'), length: 24 };
  node.stranger.change({ action: 'add', address });
  await node.clock.pass(1000);
  await started;
  expect([most, node.reconciler.table.counters.resyncs]).toEqual([1, 2]);
});
