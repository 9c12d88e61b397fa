import { parsePrefix } from 'net-ipaddr';
import { BlockAffinity, IPAMBlock, IPAMHandle, IPPool, validate } from '../../api/index.ts';
import { newBlock, take } from '../../ipam/block.ts';
import { newHandle } from '../../ipam/handle.ts';
import { affinityLabels, affinityName } from '../../ipam/names.ts';
import { Cluster, pool } from './cluster.ts';
import { storeError } from './memory-store.ts';

const POOLS = [pool('v4', '10.0.0.0/24', { blockSize: 26 }), pool('v6', 'fd00::/64')];

const request = (handleId: string, families: (4 | 6)[] = [4]) => ({
  handleId,
  families,
  attributes: { node: 'node-1', pod: 'p', namespace: 'default' },
});

/** A cluster in which node-1 has blocks already, and nothing but the next calls is counted. */
async function warm(pools = POOLS) {
  const cluster = new Cluster(pools);
  const ipam = cluster.allocator('node-1');
  await cluster.clock.until(ipam.assign(request('net.warm', [4, 6])));
  cluster.store.calls = [];
  return { cluster, ipam, clock: cluster.clock, store: cluster.store };
}

describe('the first address', () => {
  test('takes Calico’s steps in Calico’s order', async () => {
    const cluster = new Cluster(POOLS);
    const ipam = cluster.allocator('node-1');
    const seen: string[][] = [];
    ipam.onBlocks((cidrs) => seen.push(cidrs));
    const [given] = await cluster.clock.until(ipam.assign(request('net.ABC')));
    const writes = cluster.store.calls.filter(({ verb }) => verb !== 'get' && verb !== 'list');
    expect(writes.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([
      'create BlockAffinity',
      'create IPAMBlock',
      'update BlockAffinity',
      'create IPAMHandle',
      'update IPAMBlock',
    ]);
    const [block] = cluster.blocks();
    expect(given!.family).toBe(4);
    expect(given!.block).toBe(block!.spec.cidr);
    expect(given!.address).toBe(block!.spec.cidr.replace('/26', '')); // the first of the queue
    expect(ipam.ownBlocks()).toEqual([block!.spec.cidr]);
    expect(seen).toEqual([[block!.spec.cidr]]);
    expect(block!.spec.affinity).toBe('host:node-1');
    expect(block!.spec.attributes).toEqual([
      { handle_id: 'net.ABC', secondary: { node: 'node-1', pod: 'p', namespace: 'default' } },
    ]);
    const began = block!.spec.sequenceNumberForAllocation!['0'] as bigint;
    expect(block!.spec.sequenceNumber).toBe(began + 1n);
    const [affinity] = cluster.affinities();
    expect(affinity!.metadata.name).toBe(affinityName('node-1', block!.spec.cidr));
    expect(affinity!.metadata.labels).toEqual(affinityLabels('node-1', 4));
    expect(affinity!.spec).toEqual({
      state: 'confirmed',
      node: 'node-1',
      type: 'host',
      cidr: block!.spec.cidr,
      deleted: false,
    });
    const [handle] = cluster.handles();
    expect(handle!.metadata.name).toBe('net.abc');
    expect(handle!.spec).toEqual({
      handleID: 'net.ABC',
      block: { [block!.spec.cidr]: 1 },
      deleted: false,
    });
  });

  test('of both families is answered in the order asked', async () => {
    const cluster = new Cluster(POOLS);
    const given = await cluster.clock.until(
      cluster.allocator('node-1').assign(request('net.a', [6, 4])),
    );
    expect(given.map(({ family }) => family)).toEqual([6, 4]);
    expect(Object.values(cluster.handles()[0]!.spec.block)).toEqual([1, 1]);
    expect(cluster.problems()).toEqual([]);
    // What is written is what the schemas, and so the CRDs, allow.
    expect(cluster.blocks().flatMap((block) => validate(IPAMBlock, block))).toEqual([]);
    expect(cluster.handles().flatMap((handle) => validate(IPAMHandle, handle))).toEqual([]);
    expect(cluster.affinities().flatMap((one) => validate(BlockAffinity, one))).toEqual([]);
  });
});

describe('what it costs', () => {
  test('an address: two writes, no reading', async () => {
    const { ipam, clock, store } = await warm();
    await clock.until(ipam.assign(request('net.a')));
    expect(store.calls.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([
      'create IPAMHandle',
      'update IPAMBlock',
    ]);
  });

  test('an address of each family: three writes', async () => {
    const { ipam, clock, store } = await warm();
    await clock.until(ipam.assign(request('net.a', [4, 6])));
    expect(store.calls).toHaveLength(3);
  });

  test('a release: two writes, no reading', async () => {
    const { ipam, clock, store } = await warm();
    const [given] = await clock.until(ipam.assign(request('net.a')));
    store.calls = [];
    expect(await clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([given!.address]);
    expect(store.calls.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([
      'update IPAMBlock',
      'delete IPAMHandle',
    ]);
  });

  test('after a while, pools and configuration are read again', async () => {
    const { ipam, clock, store } = await warm();
    await clock.pass(10_000);
    await clock.until(ipam.assign(request('net.a')));
    expect(store.count('get', 'list')).toBe(2);
    expect(store.count('create', 'update')).toBe(2);
  });

  test('a hundred at once: a handle each, about 1.1 writes an address, one claim a block, no conflict', async () => {
    const cluster = new Cluster(POOLS);
    const ipam = cluster.allocator('node-1');
    const handles = Array.from({ length: 100 }, (_, i) => `net.${i}`);
    const given = await cluster.clock.until(
      Promise.all(handles.map((id) => ipam.assign(request(id)))),
    );
    expect(new Set(given.map(([one]) => one!.address)).size).toBe(100);
    expect(ipam.ownBlocks()).toHaveLength(2);
    expect(cluster.store.count('update')).toBeLessThanOrEqual(10 + 2); // and two confirmations
    expect(cluster.store.count('create')).toBe(100 + 2 * 2);
    cluster.store.calls = [];
    await cluster.clock.until(Promise.all(handles.map((handleId) => ipam.release({ handleId }))));
    expect(cluster.store.count('update')).toBeLessThanOrEqual(10);
    expect(cluster.allocated().size).toBe(0);
    expect(cluster.handles()).toEqual([]);
    expect(cluster.problems()).toEqual([]);
  });
});

describe('asking again', () => {
  test('answers the same, from this process and from another', async () => {
    const { cluster, ipam, clock } = await warm();
    const first = await clock.until(ipam.assign(request('net.a', [4, 6])));
    expect(await clock.until(ipam.assign(request('net.a', [4, 6])))).toEqual(first);
    expect(await clock.until(ipam.assign(request('net.a', [6])))).toEqual([first[1]]);
    const restarted = cluster.allocator('node-1');
    expect(await clock.until(restarted.assign(request('net.a', [4, 6])))).toEqual(first);
    expect(cluster.allocated().get('net.a')).toHaveLength(2);
  });

  test('adds the family that was missing', async () => {
    const { cluster, ipam, clock } = await warm();
    const [four] = await clock.until(ipam.assign(request('net.a', [4])));
    const both = await clock.until(ipam.assign(request('net.a', [4, 6])));
    expect(both[0]).toEqual(four);
    expect(
      Object.values(cluster.handles().find(({ spec }) => spec.handleID === 'net.a')!.spec.block),
    ).toEqual([1, 1]);
    expect((await clock.until(ipam.release({ handleId: 'net.a' }))).length).toBe(2);
  });

  test('at the same time gives one address', async () => {
    const { cluster, ipam, clock } = await warm();
    const answers = await clock.until(
      Promise.all([1, 2, 3].map(() => ipam.assign(request('net.a')))),
    );
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect(cluster.allocated().get('net.a')).toHaveLength(1);
  });

  test('after someone else released the address, and another has it, gives a new one', async () => {
    const { cluster, ipam, clock, store } = await warm([
      pool('v4', '10.0.0.0/30', { blockSize: 30 }),
      POOLS[1]!,
    ]);
    const [first] = await clock.until(ipam.assign(request('net.a')));
    const other = cluster.allocator('node-1'); // an administrator's tool, say
    await clock.until(other.release({ handleId: 'net.a' }));
    for (const id of ['net.b', 'net.c', 'net.d']) await clock.until(other.assign(request(id)));
    expect(cluster.allocated().get('net.d')).toEqual([first!.address]);
    await clock.until(other.release({ handleId: 'net.b' }));
    const [second] = await clock.until(ipam.assign(request('net.a')));
    expect(second!.address).not.toBe(first!.address);
    expect(cluster.allocated().get('net.a')).toEqual([second!.address]);
    expect(cluster.problems()).toEqual([]);
    expect(store.all(IPAMHandle)).toHaveLength(4);
  });
});

describe('release', () => {
  test('of an unknown handle answers nothing, as does one that can have no name', async () => {
    const { ipam, clock, store } = await warm();
    expect(await clock.until(ipam.release({ handleId: 'net.nobody' }))).toEqual([]);
    expect(await clock.until(ipam.release({ handleId: '../..' }))).toEqual([]);
    expect(store.count('create', 'update', 'delete')).toBe(0);
  });

  test('takes addresses back from another node’s block', async () => {
    const { cluster, ipam, clock } = await warm();
    const [given] = await clock.until(ipam.assign(request('net.a')));
    const other = cluster.allocator('node-2');
    expect(await clock.until(other.release({ handleId: 'net.a' }))).toEqual([given!.address]);
    // The first node's picture is stale now; it finds out and goes on.
    expect(await clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([given!.address]);
    await clock.until(ipam.assign(request('net.b')));
    expect(cluster.problems()).toEqual([]);
  });
});

describe('why there is no address', () => {
  const failure = async (cluster: Cluster, node = 'node-1', id = 'net.a') =>
    (await cluster.clock.until(
      cluster
        .allocator(node)
        .assign(request(id, [4, 6]))
        .then(String, (error) => error),
    )) as { code: string; message: string };

  test('no pool: and nothing is left behind', async () => {
    const cluster = new Cluster([POOLS[0]!]);
    expect(await failure(cluster)).toMatchObject({ code: 'NoPool' });
    expect(cluster.handles()).toEqual([]);
  });

  test('a selector', async () => {
    const cluster = new Cluster([
      pool('rack', '10.0.0.0/24', { nodeSelector: 'has(rack)' }),
      POOLS[1]!,
    ]);
    expect(await failure(cluster)).toMatchObject({ code: 'UnsupportedSelector' });
  });

  test('every block taken: the half that succeeded is undone', async () => {
    const cluster = new Cluster([pool('tiny', 'fd00::/128', { blockSize: 128 }), POOLS[0]!]);
    await cluster.clock.until(cluster.allocator('node-2').assign(request('net.other', [6])));
    const error = await failure(cluster);
    expect(error.code).toBe('Exhausted');
    expect(error.message).toContain('every block of IPPool "tiny" is taken');
    expect([...cluster.allocated().keys()]).toEqual(['net.other']);
    expect(cluster.handles()).toHaveLength(1);
  });

  test('as many blocks as the configuration allows', async () => {
    const cluster = new Cluster([pool('v4', '10.0.0.0/24', { blockSize: 32 })]);
    cluster.configure({ maxBlocksPerHost: 2, strictAffinity: true });
    const ipam = cluster.allocator('node-1');
    for (const id of ['net.a', 'net.b']) await cluster.clock.until(ipam.assign(request(id)));
    const third = ipam.assign(request('net.c'));
    await expect(cluster.clock.until(third)).rejects.toMatchObject({
      code: 'BlockLimit',
      message:
        'no IPv4 address is free in the 2 block(s) of node "node-1", and it may have no more than 2: raise maxBlocksPerHost in IPAMConfiguration "default", or delete pods',
    });
    // What an administrator changes counts at once.
    cluster.configure({ maxBlocksPerHost: 3, strictAffinity: true });
    await cluster.clock.until(ipam.assign(request('net.c')));
    expect(cluster.problems()).toEqual([]);
  });

  test('twenty blocks when the configuration says 0 or nothing', async () => {
    const cluster = new Cluster([pool('v4', '10.0.0.0/24', { blockSize: 32 })]);
    cluster.configure({ maxBlocksPerHost: 0 });
    const ipam = cluster.allocator('node-1');
    const ids = Array.from({ length: 21 }, (_, i) => `net.${i}`);
    const all = await cluster.clock.until(
      Promise.allSettled(ids.map((id) => ipam.assign(request(id)))),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect(ipam.ownBlocks()).toHaveLength(20);
  });

  test('blocks that may not be claimed', async () => {
    const cluster = new Cluster(POOLS);
    cluster.configure({ autoAllocateBlocks: false, strictAffinity: true });
    const error = await failure(cluster);
    expect(error).toMatchObject({ code: 'BlockLimit' });
    expect(error.message).toContain('autoAllocateBlocks is false');
    expect(cluster.affinities()).toEqual([]);
  });

  test('a datastore that does not answer: an error in time, with its reason', async () => {
    const { ipam, clock, store } = await warm();
    store.faults = () => 'refused';
    const began = clock.monotonic();
    await expect(clock.until(ipam.assign(request('net.a')))).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringContaining('the last: refused'),
    });
    expect(clock.monotonic() - began).toBeLessThan(45_000);
  });

  test('a datastore that forbids it: at once, and as it is', async () => {
    const { ipam, clock, store } = await warm();
    store.create = () => Promise.reject(storeError('Forbidden', 'not you'));
    await expect(clock.until(ipam.assign(request('net.a')))).rejects.toMatchObject({
      code: 'Forbidden',
    });
  });

  test('too many requests at once', async () => {
    const { ipam, clock } = await warm([pool('v4', '10.0.0.0/16'), POOLS[1]!]);
    const all = Array.from({ length: 1100 }, (_, i) => ipam.assign(request(`net.${i}`)));
    const settled = await clock.until(Promise.allSettled(all));
    const refused = settled.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1100 - 1024);
    expect(refused[0]!.reason).toMatchObject({ code: 'Busy' });
  });

  test('no family', async () => {
    const { ipam } = await warm();
    await expect(ipam.assign(request('net.a', []))).rejects.toMatchObject({ code: 'Invalid' });
  });

  test('two handles that differ in capitals', async () => {
    const { cluster, ipam, clock } = await warm();
    await clock.until(ipam.assign(request('net.a')));
    await expect(clock.until(ipam.assign(request('net.A')))).rejects.toMatchObject({
      code: 'Invalid',
    });
    expect(cluster.problems()).toEqual([]);
  });
});

describe('pools that change', () => {
  test('a disabled pool gives no address from blocks that we have', async () => {
    const { cluster, ipam, clock, store } = await warm();
    store.put(IPPool, pool('v4', '10.0.0.0/24', { disabled: true }));
    store.put(IPPool, pool('new', '10.9.0.0/24'));
    await clock.pass(10_000);
    const [given] = await clock.until(ipam.assign(request('net.a')));
    expect(given!.address).toMatch(/^10\.9\.0\./);
    expect(ipam.ownBlocks()).toHaveLength(3);
    expect(cluster.problems()).toEqual([]);
  });

  test('a pool that comes is used at once when there was none', async () => {
    const cluster = new Cluster([]);
    const ipam = cluster.allocator('node-1');
    await expect(cluster.clock.until(ipam.assign(request('net.a')))).rejects.toMatchObject({
      code: 'NoPool',
    });
    cluster.store.put(IPPool, POOLS[0]!);
    await cluster.clock.until(ipam.assign(request('net.a')));
  });
});

describe('claiming blocks', () => {
  const claim = (
    cidr: string,
    state: BlockAffinity['spec']['state'],
    node = 'node-1',
    labels = {},
  ) => ({
    apiVersion: 'projectcalico.org/v3' as const,
    kind: 'BlockAffinity' as const,
    metadata: { name: affinityName(node, cidr), labels },
    spec: { state, node, type: 'host', cidr, deleted: false },
  });
  const oneBlock = [pool('v4', '10.0.0.0/26', { blockSize: 26 })];
  const block = (node: string) => newBlock(parsePrefix('10.0.0.0/26'), node, 0);

  test('the blocks of before are found again, also by affinities without labels', async () => {
    const { cluster, ipam, clock, store } = await warm();
    const before = ipam.ownBlocks();
    expect(before).toHaveLength(2);
    const affinity = store.all(BlockAffinity)[0]!;
    store.put(BlockAffinity, { ...affinity, metadata: { ...affinity.metadata, labels: {} } });
    const restarted = cluster.allocator('node-1');
    expect(restarted.ownBlocks()).toEqual([]);
    expect(await clock.until(restarted.load())).toEqual(before);
    expect(await clock.until(cluster.allocator('node-2').load())).toEqual([]);
  });

  test.each(['pending', 'confirmed'] as const)(
    'a %s affinity of ours without a block gets its block first',
    async (state) => {
      const cluster = new Cluster(POOLS);
      cluster.store.put(
        BlockAffinity,
        claim('10.0.0.192/26', state, 'node-1', affinityLabels('node-1', 4)),
      );
      const [given] = await cluster.clock.until(
        cluster.allocator('node-1').assign(request('net.a')),
      );
      expect(given!.block).toBe('10.0.0.192/26');
      expect(cluster.affinities().map(({ spec }) => spec.state)).toEqual(['confirmed']);
    },
  );

  test('a pending affinity of ours with our block is confirmed at the start', async () => {
    const cluster = new Cluster(oneBlock);
    cluster.store.put(BlockAffinity, claim('10.0.0.0/26', 'pending'));
    cluster.store.put(IPAMBlock, block('node-1'));
    expect(await cluster.clock.until(cluster.allocator('node-1').load())).toEqual(['10.0.0.0/26']);
    expect(cluster.affinities()[0]!.spec.state).toBe('confirmed');
  });

  test('an affinity of ours to another’s block is dropped', async () => {
    const cluster = new Cluster(oneBlock);
    cluster.store.put(BlockAffinity, claim('10.0.0.0/26', 'confirmed'));
    cluster.store.put(IPAMBlock, block('node-2'));
    expect(await cluster.clock.until(cluster.allocator('node-1').load())).toEqual([]);
    expect(cluster.affinities()).toEqual([]);
  });

  test('a block that is being released stays ours until it changes hands', async () => {
    const cluster = new Cluster(oneBlock);
    cluster.store.put(BlockAffinity, claim('10.0.0.0/26', 'pendingDeletion'));
    cluster.store.put(IPAMBlock, block('node-1'));
    const ipam = cluster.allocator('node-1');
    const seen: string[][] = [];
    ipam.onBlocks((cidrs) => seen.push(cidrs));
    expect(await cluster.clock.until(ipam.load())).toEqual(['10.0.0.0/26']);
    expect(cluster.affinities()[0]!.spec.state).toBe('pendingDeletion');
    cluster.store.drop(IPAMBlock, '10-0-0-0-26');
    cluster.store.drop(BlockAffinity, affinityName('node-1', '10.0.0.0/26'));
    expect(await cluster.clock.until(ipam.load())).toEqual([]);
    expect(seen).toEqual([['10.0.0.0/26'], []]);
  });

  test('a block of ours without an affinity gets one', async () => {
    const cluster = new Cluster(POOLS);
    cluster.store.put(IPAMBlock, newBlock(parsePrefix('10.0.0.128/26'), 'node-1', 0));
    const [given] = await cluster.clock.until(cluster.allocator('node-1').assign(request('net.a')));
    expect(given!.block).toBe('10.0.0.128/26');
    expect(cluster.affinities().map(({ spec }) => spec.state)).toEqual(['confirmed']);
  });

  test('the loser deletes its own affinity and takes the next block', async () => {
    const pools = [pool('v4', '10.0.0.0/25', { blockSize: 26 })];
    const cluster = new Cluster(pools);
    const ipam = cluster.allocator('node-1');
    // Another node's block appears between our reading of all blocks and our creation of this one.
    let stolen = '';
    cluster.store.faults = ({ verb, kind, name }) => {
      if (verb === 'create' && kind === 'IPAMBlock' && stolen === '') {
        stolen = name;
        const cidr = name.replace(/^(\d+)-(\d+)-(\d+)-(\d+)-/, '$1.$2.$3.$4/');
        cluster.store.put(IPAMBlock, newBlock(parsePrefix(cidr), 'node-2', 0));
      }
      return undefined;
    };
    await cluster.clock.until(ipam.assign(request('net.a')));
    expect(cluster.affinities()).toHaveLength(1);
    expect(cluster.affinities()[0]!.spec.cidr).toBe(ipam.ownBlocks()[0]);
    expect(cluster.blocks()).toHaveLength(2);
    expect(
      cluster
        .blocks()
        .map(({ spec }) => spec.affinity)
        .sort(),
    ).toEqual(['host:node-1', 'host:node-2']);
  });

  test('a block and a handle whose deletion was begun are gone', async () => {
    const cluster = new Cluster(oneBlock);
    const deleted = block('node-2');
    cluster.store.put(IPAMBlock, { ...deleted, spec: { ...deleted.spec, deleted: true } });
    const handle = newHandle('net.a', new Map([['10.0.0.0/26', 1]]));
    cluster.store.put(IPAMHandle, { ...handle, spec: { ...handle.spec, deleted: true } });
    const [given] = await cluster.clock.until(cluster.allocator('node-1').assign(request('net.a')));
    expect(given!.block).toBe('10.0.0.0/26');
    expect(cluster.blocks()[0]!.spec.affinity).toBe('host:node-1');
    expect(cluster.problems()).toEqual([]);
  });

  test('a block that someone takes from us is noticed when it is written', async () => {
    const { cluster, ipam, clock, store } = await warm();
    const mine = ipam.ownBlocks()[0]!;
    const stored = store.all(IPAMBlock).find(({ spec }) => spec.cidr === mine)!;
    store.put(IPAMBlock, { ...stored, spec: { ...stored.spec, affinity: 'host:node-2' } });
    const seen: string[][] = [];
    ipam.onBlocks((cidrs) => seen.push(cidrs));
    const [given] = await clock.until(ipam.assign(request('net.a')));
    expect(given!.block).not.toBe(mine);
    expect(seen[0]).not.toContain(mine);
    expect(cluster.problems()).toEqual([]);
  });

  test('a block that is deleted under us is noticed too', async () => {
    const { cluster, ipam, clock, store } = await warm();
    store.drop(IPAMBlock, ipam.ownBlocks()[0]!.replace(/[./]/g, '-'));
    await clock.until(ipam.assign(request('net.a')));
    expect(cluster.allocated().get('net.a')).toHaveLength(1);
    expect(cluster.problems()).toEqual([]);
  });
});

describe('when half of it fails', () => {
  /** Lets no block name this handle, as a webhook might, but for what the handle has already. */
  async function withoutSix() {
    const warmed = await warm();
    const { store } = warmed;
    const update = store.update.bind(store);
    store.update = (type, object) => {
      const block = object as unknown as IPAMBlock;
      const isRefused =
        block.kind === 'IPAMBlock' &&
        block.spec.cidr.includes(':') &&
        block.spec.attributes.some(({ handle_id }) => handle_id === 'net.a');
      return isRefused ? Promise.reject(storeError('Forbidden', 'no IPv6')) : update(type, object);
    };
    return warmed;
  }

  test('the other half is undone', async () => {
    const { cluster, ipam, clock } = await withoutSix();
    const work = clock.until(ipam.assign(request('net.a', [4, 6])));
    await expect(work).rejects.toMatchObject({ code: 'Forbidden' });
    expect([...cluster.allocated().keys()]).toEqual(['net.warm']);
    expect(cluster.handles()).toHaveLength(1);
  });

  test('what the handle had before stays', async () => {
    const { cluster, ipam, clock } = await withoutSix();
    const [four] = await clock.until(ipam.assign(request('net.a', [4])));
    const work = clock.until(ipam.assign(request('net.a', [4, 6])));
    await expect(work).rejects.toMatchObject({ code: 'Forbidden' });
    expect(cluster.allocated().get('net.a')).toEqual([four!.address]);
    const handle = cluster.handles().find(({ spec }) => spec.handleID === 'net.a')!;
    expect(handle.spec.block).toEqual({ [four!.block]: 1 });
    expect(await clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([four!.address]);
  });
});

describe('when another writes the same block', () => {
  test('an assignment and a release each go on after one conflict', async () => {
    const { cluster, ipam, clock, store } = await warm();
    let meddles = true;
    store.faults = ({ verb, kind }) => {
      if (verb !== 'update' || kind !== 'IPAMBlock' || !meddles) return undefined;
      meddles = false;
      return 'meddled';
    };
    const [given] = await clock.until(ipam.assign(request('net.a')));
    expect(store.count('update')).toBeLessThanOrEqual(3);
    meddles = true;
    store.calls = [];
    expect(await clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([given!.address]);
    expect(store.calls.filter(({ kind }) => kind === 'IPAMBlock')).toHaveLength(3);
    expect(cluster.problems()).toEqual([]);
  });

  test('a hundred conflicts in a row are an error that says so', async () => {
    const { ipam, clock, store } = await warm();
    store.faults = ({ verb, kind }) =>
      verb === 'update' && kind === 'IPAMBlock' ? 'meddled' : undefined;
    await expect(clock.until(ipam.assign(request('net.a')))).rejects.toMatchObject({
      code: 'Timeout',
      message: expect.stringMatching(/addresses for net\.a did not get through in \d+ attempts/),
    });
  });
});

describe('a handle that names a block which holds nothing for it', () => {
  test('gets its address from that block', async () => {
    const cluster = new Cluster([pool('v4', '10.0.0.0/24', { blockSize: 30 })]);
    const { clock, store } = cluster;
    const ipam = cluster.allocator('node-1');
    const ids = ['net.1', 'net.2', 'net.3', 'net.4', 'net.5'];
    await clock.until(Promise.all(ids.map((id) => ipam.assign(request(id)))));
    await clock.until(ipam.release({ handleId: 'net.1' }));
    await clock.until(ipam.release({ handleId: 'net.5' }));
    const [, second] = ipam.ownBlocks();
    store.put(IPAMHandle, newHandle('net.a', new Map([[second!, 1]])));
    const [given] = await clock.until(ipam.assign(request('net.a')));
    expect(given!.block).toBe(second);
    expect(cluster.problems()).toEqual([]);
  });

  test('still names it after it took another, while a late write could give something there', async () => {
    const { cluster, ipam, clock, store } = await warm();
    const [old] = ipam.ownBlocks();
    store.put(IPAMHandle, newHandle('net.a', new Map([[old!, 1]])));
    store.put(IPPool, pool('v4', '10.0.0.0/24', { disabled: true }));
    store.put(IPPool, pool('new', '10.9.0.0/24'));
    await clock.pass(10_000);
    const [given] = await clock.until(ipam.assign(request('net.a')));
    const handle = () => cluster.handles().find(({ spec }) => spec.handleID === 'net.a');
    expect(handle()!.spec.block).toEqual({ [old!]: 1, [given!.block]: 1 });
    expect(await clock.until(ipam.release({ handleId: 'net.a' }))).toEqual([given!.address]);
    expect(handle()).toBeUndefined();
  });

  test('forgets it when the block is gone or full', async () => {
    const { cluster, ipam, clock, store } = await warm();
    const full = take(newBlock(parsePrefix('10.0.0.128/32'), 'node-2', 0), 'net.b', {})!.block;
    store.put(IPAMBlock, full);
    const counts = new Map([
      ['10.0.0.128/32', 1],
      ['10.0.8.0/26', 1],
    ]);
    store.put(IPAMHandle, newHandle('net.a', counts));
    const [given] = await clock.until(ipam.assign(request('net.a')));
    const handle = cluster.handles().find(({ spec }) => spec.handleID === 'net.a')!;
    expect(handle.spec.block).toEqual({ [given!.block]: 1 });
  });
});
