import { BGPPeer, IPAMBlock, IPPool, parseJson, stringifyJson } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';
import { rawRequest } from './raw.ts';
import { peer, pool } from './samples.ts';

export function writeContract(contract: Contract): void {
  const { fresh } = contract;

  test("create fills in what is the server's, and get returns the same", async () => {
    const name = fresh('create');
    const created = await contract.store.create(IPPool, pool(name, { labels: { a: 'b' } }));
    expect(created.metadata).toMatchObject({
      name,
      generation: 1,
      labels: { a: 'b' },
      uid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      resourceVersion: expect.stringMatching(/^[1-9][0-9]*$/),
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(await contract.store.get(IPPool, name)).toEqual(created);
  });

  test('a name is given once', async () => {
    const name = fresh('twice');
    await contract.store.create(IPPool, pool(name));
    await expect(contract.store.create(IPPool, pool(name))).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
  });

  test('generateName: the server appends what makes it unique', async () => {
    const metadata = { generateName: fresh('many-') } as never;
    const object = { ...pool(''), metadata };
    const [one, two] = await Promise.all([
      contract.store.create(IPPool, object),
      contract.store.create(IPPool, object),
    ]);
    expect(one.metadata.name).toMatch(/^many--\d+[a-z0-9]{5}$/);
    expect(one.metadata.name).not.toBe(two.metadata.name);
  });

  test('what is not there cannot be read, updated, patched or deleted', async () => {
    const name = fresh('nobody');
    const { store } = contract;
    const missing = { code: 'NotFound' };
    await expect(store.get(IPPool, name)).rejects.toMatchObject(missing);
    const object = pool(name, { resourceVersion: '1' });
    await expect(store.update(IPPool, object)).rejects.toMatchObject(missing);
    await expect(store.patch(IPPool, name, {})).rejects.toMatchObject(missing);
    await expect(store.delete(IPPool, name)).rejects.toMatchObject(missing);
  });

  test('update is compare-and-swap', async () => {
    const first = await contract.store.create(IPPool, pool(fresh('cas')));
    const second = await contract.store.update(IPPool, {
      ...first,
      spec: { ...first.spec, disabled: true },
    });
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    await expect(
      contract.store.update(IPPool, { ...first, spec: { ...first.spec, natOutgoing: true } }),
    ).rejects.toMatchObject({ code: 'Conflict', status: 409 });
    expect(await contract.store.get(IPPool, first.metadata.name)).toEqual(second);
  });

  test('update without a resourceVersion is refused, create with one too', async () => {
    const name = fresh('blind');
    await contract.store.create(IPPool, pool(name));
    await expect(contract.store.update(IPPool, pool(name))).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringContaining('resourceVersion'),
    });
    await expect(
      contract.store.create(IPPool, pool(fresh('blind'), { resourceVersion: '1' })),
    ).rejects.toThrow('resourceVersion');
  });

  test('update with the uid of another object is a conflict', async () => {
    const { metadata, ...rest } = await contract.store.create(IPPool, pool(fresh('uid')));
    const uid = '00000000-0000-4000-8000-000000000000';
    await expect(
      contract.store.update(IPPool, { ...rest, metadata: { ...metadata, uid } }),
    ).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('an update that changes nothing writes nothing', async () => {
    const created = await contract.store.create(IPPool, pool(fresh('same')));
    expect(await contract.store.update(IPPool, created)).toEqual(created);
    expect(await contract.store.patch(IPPool, created.metadata.name, {})).toEqual(created);
  });

  test("generation counts the spec's changes, not those of labels", async () => {
    const created = await contract.store.create(IPPool, pool(fresh('generation')));
    const { name } = created.metadata;
    const labelled = await contract.store.patch(IPPool, name, { metadata: { labels: { a: 'b' } } });
    expect(labelled.metadata.generation).toBe(1);
    const changed = await contract.store.patch(IPPool, name, { spec: { disabled: true } });
    expect(changed.metadata.generation).toBe(2);
  });

  test("a client cannot change what is the server's", async () => {
    const created = await contract.store.create(IPPool, pool(fresh('forged')));
    const patched = await contract.store.patch(IPPool, created.metadata.name, {
      metadata: { creationTimestamp: '2001-01-01T00:00:00Z', generation: 99, labels: { a: 'b' } },
    });
    expect(patched.metadata).toMatchObject({
      creationTimestamp: created.metadata.creationTimestamp,
      generation: 1,
      labels: { a: 'b' },
    });
  });

  test('dryRun answers as if, and stores nothing', async () => {
    const { store } = contract;
    const name = fresh('dry');
    const dry = await store.create(IPPool, pool(name), { dryRun: true });
    expect(dry.metadata.uid).toBeTruthy();
    await expect(store.get(IPPool, name)).rejects.toMatchObject({ code: 'NotFound' });

    const created = await store.create(IPPool, pool(name));
    await expect(store.create(IPPool, pool(name), { dryRun: true })).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
    const changed = { ...created, spec: { ...created.spec, disabled: true } };
    expect((await store.update(IPPool, changed, { dryRun: true })).spec.disabled).toBe(true);
    const patch = { spec: { natOutgoing: true } };
    expect((await store.patch(IPPool, name, patch, { dryRun: true })).spec.natOutgoing).toBe(true);
    await store.delete(IPPool, name, { dryRun: true });
    expect(await store.get(IPPool, name)).toEqual(created);
  });

  test('body and address must name the same object', async () => {
    const created = await contract.store.create(IPPool, pool(fresh('named')));
    const path = `/apis/projectcalico.org/v3/ippools/${fresh('other')}`;
    await expect(
      contract.store.request({ method: 'PUT', path, body: created }),
    ).rejects.toMatchObject({ code: 'Invalid' });
    await expect(
      contract.store.request({
        method: 'POST',
        path: '/apis/projectcalico.org/v3/ippools',
        body: peer(fresh('kind')),
      }),
    ).rejects.toMatchObject({ code: 'Invalid' });
  });

  test.each([
    ['not JSON', '{', 400],
    ['a list', '[]', 400],
    ['nothing', '', 400],
    ['of a kind that nobody knows', '{"apiVersion":"v9","kind":"Wonder"}', 400],
  ])('a body that is %s is refused, in words', async (_what, body, code) => {
    const { kubeconfig } = contract.server;
    const path = '/apis/projectcalico.org/v3/ippools';
    const response = await rawRequest(kubeconfig, { method: 'POST', path, body });
    expect(response.status).toBe(code);
    expect(parseJson(response.body)).toMatchObject({ kind: 'Status', status: 'Failure', code });
  });

  test('status is written at its own address only', async () => {
    const { store } = contract;
    const conditions = [
      {
        type: 'Allocatable',
        status: 'True',
        reason: 'OK',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ] as const;
    const status = { conditions: [...conditions] };
    const created = await store.create(IPPool, { ...pool(fresh('status')), status });
    expect(created.status).toBeUndefined();

    const reported = await store.updateStatus(IPPool, {
      ...created,
      spec: { ...created.spec, disabled: true },
      status,
    });
    expect(reported.spec).toEqual(created.spec);
    expect(reported.status).toEqual(status);
    expect(reported.metadata.generation).toBe(1);

    const changed = await store.update(IPPool, {
      ...reported,
      spec: { ...created.spec, disabled: true },
      status: { conditions: [] },
    });
    expect(changed.spec.disabled).toBe(true);
    expect(changed.status).toEqual(status);

    const patched = await store.patch(
      IPPool,
      created.metadata.name,
      { spec: { disabled: false }, status: { conditions: [] } },
      { subresource: 'status' },
    );
    expect(patched.spec.disabled).toBe(true);
    expect(patched.status).toEqual({ conditions: [] });
    await expect(store.updateStatus(IPPool, created)).rejects.toMatchObject({ code: 'Conflict' });
  });

  test('a block keeps 64-bit numbers and unknown fields through read, modify, write', async () => {
    const { store } = contract;
    const block: IPAMBlock = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMBlock',
      metadata: { name: fresh('block') },
      spec: {
        cidr: '10.0.0.0/26',
        allocations: [0, null],
        unallocated: [1],
        attributes: [{ handle_id: 'h', ofTheFuture: { at: 1787654321123456791n } }],
        sequenceNumber: 1787654321123456789n,
        sequenceNumberForAllocation: { 0: 1787654321123456788n },
        deleted: false,
        strictAffinity: false,
        ofTheFuture: [9223372036854775807n, -9007199254740993n, 1],
      },
    };
    const created = await store.create(IPAMBlock, block, { fieldValidation: 'Strict' });
    expect(sorted(created.spec)).toBe(sorted(block.spec));
    const spec = { ...created.spec, sequenceNumber: 1787654321123456790n };
    await store.update(IPAMBlock, { ...created, spec });
    const read = await store.get(IPAMBlock, block.metadata.name);
    expect(sorted(read.spec)).toBe(sorted(spec));
    const { items } = await store.list(IPAMBlock, {
      fieldSelector: `metadata.name=${block.metadata.name}`,
    });
    expect(items).toEqual([read]);
    const patched = await store.patch(IPAMBlock, block.metadata.name, {
      spec: { sequenceNumber: 1787654321123456791n },
    });
    expect(sorted(patched.spec)).toBe(sorted({ ...spec, sequenceNumber: 1787654321123456791n }));
  });

  test('AS numbers have all 32 bits, and asdot', async () => {
    const high = await contract.store.create(BGPPeer, peer(fresh('as'), { asNumber: 4294967295 }));
    expect(high.spec.asNumber).toBe(4294967295);
    const dotted = await contract.store.create(BGPPeer, peer(fresh('as'), { asNumber: '1.10' }));
    expect(dotted.spec.asNumber).toBe('1.10');
  });
}

/** Text whatever the order of members: servers may sort them. */
function sorted(value: unknown): string {
  return stringifyJson(order(value));
}

function order(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(order);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, order(member)]));
}
