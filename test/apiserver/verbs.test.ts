/** The verbs over HTTP: what the datastore's contract leaves to each server, and refusals. */
import { connect as connectTcp } from 'node:net';
import {
  CONFIG_MAPS,
  configMap,
  HANDLES,
  NODES,
  PEERS,
  POOLS,
  pool,
  TestServer,
} from './harness.ts';

const server = new TestServer();

beforeAll(() => server.start());
afterAll(() => server.stop());

let names = 0;
const fresh = () => `name-${++names}`;

async function created(path: string, object: { metadata: { name: string } }) {
  const reply = await server.post(path, object);
  expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
  return reply.json;
}

describe('forms', () => {
  test.each([
    ['application/vnd.kubernetes.protobuf,application/json', 200],
    ['application/vnd.kubernetes.protobuf', 406],
    ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 406],
    ['*/*', 200],
    ['text/html, */*;q=0.8', 200],
    ['', 200],
  ])('Accept: %s is %d', async (accept, status) => {
    expect((await server.get(POOLS, { accept })).status).toBe(status);
  });

  test.each([
    ['application/vnd.kubernetes.protobuf', 'POST', POOLS],
    ['application/yaml', 'POST', POOLS],
    ['application/json', 'PATCH', `${POOLS}/x`],
    ['application/strategic-merge-patch+json', 'PATCH', `${POOLS}/x`],
  ])('a body of %s is not for %s %s', async (type, method, path) => {
    const { status, json } = await server.request(method, path, { body: '{}', type });
    expect([status, json.reason]).toEqual([415, 'UnsupportedMediaType']);
    expect(json.message).toContain('application/');
  });

  test('protobuf is told how kubectl can do without', async () => {
    const type = 'application/vnd.kubernetes.protobuf';
    const { json } = await server.request('POST', CONFIG_MAPS, { body: 'k8s', type });
    expect(json.message).toContain('--dry-run=client -o yaml | kubectl apply -f -');
  });

  test('server-side apply is told not to be there', async () => {
    const type = 'application/apply-patch+yaml';
    const { status, json } = await server.request('PATCH', `${POOLS}/x`, { body: '{}', type });
    expect(status).toBe(415);
    expect(json.message).toContain('no server-side apply');
  });
});

describe('what is refused', () => {
  test.each<[string, number, string, string]>([
    ['no JSON', 400, '{"a":', 'the body is not JSON'],
    ['a list', 400, '[]', 'must be one IPPool'],
    ['another kind', 400, '{"kind":"BGPPeer"}', 'does not match the kind of this path (IPPool)'],
    ['another version', 400, '{"apiVersion":"v1"}', 'does not match the expected API version'],
    ['no name', 422, '{"spec":{"cidr":"10.0.0.0/16"}}', 'name or generateName is required'],
    [
      'a wild name',
      422,
      '{"metadata":{"name":"A b"},"spec":{"cidr":"10.0.0.0/16"}}',
      'lowercase RFC 1123 subdomain',
    ],
    [
      'a long name',
      422,
      `{"metadata":{"name":"${'a'.repeat(254)}"},"spec":{"cidr":"10.0.0.0/16"}}`,
      'no more than 253',
    ],
    ['metadata that is a list', 400, '{"metadata":[]}', 'metadata must be an object'],
    ['a name that is a number', 400, '{"metadata":{"name":1}}', 'metadata.name must be a string'],
    [
      'labels that are no strings',
      400,
      '{"metadata":{"name":"a","labels":{"a":1}}}',
      'metadata.labels',
    ],
    [
      'finalizers that are no list',
      400,
      '{"metadata":{"name":"a","finalizers":"x"}}',
      'metadata.finalizers',
    ],
    [
      'a label that is none',
      422,
      '{"metadata":{"name":"a","labels":{"a b":"c"}},"spec":{"cidr":"10.0.0.0/16"}}',
      'metadata.labels: Invalid value',
    ],
    [
      'a namespace where there is none',
      400,
      '{"metadata":{"name":"a","namespace":"b"}}',
      'has no namespace',
    ],
    [
      'a revision',
      400,
      '{"metadata":{"name":"a","resourceVersion":"1"},"spec":{"cidr":"10.0.0.0/16"}}',
      'resourceVersion should not be set',
    ],
    ['no spec', 422, '{"metadata":{"name":"a"}}', 'spec: Required value'],
    [
      'a bad prefix',
      422,
      '{"metadata":{"name":"a"},"spec":{"cidr":"10.60.0.0/99"}}',
      '"10.60.0.0/99" is not a prefix',
    ],
    ['nothing', 400, '', 'must be one IPPool'],
    [
      'a depth without end',
      400,
      `${'{"spec":'.repeat(200_000)}1${'}'.repeat(200_000)}`,
      'nested more than 500 levels',
    ],
  ])('%s: %d', async (_, status, body, message) => {
    const reply = await server.request('POST', POOLS, { body });
    expect([reply.status, reply.json.message]).toEqual([status, expect.stringContaining(message)]);
    expect(reply.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure' });
  });

  test('causes name every field', async () => {
    const { json } = await server.post(POOLS, pool('a', { cidr: 'x', ipipMode: 'y' }));
    expect(json).toMatchObject({
      reason: 'Invalid',
      details: { name: 'a', group: 'projectcalico.org', kind: 'IPPool' },
    });
    expect(json.details.causes.map(({ field }: { field: string }) => field)).toEqual([
      'spec.cidr',
      'spec.ipipMode',
    ]);
    expect(json.message).toMatch(/^IPPool.projectcalico.org "a" is invalid: \[spec.cidr: Invalid/);
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/apis/nope/v1', 404],
    ['GET', '/apis/projectcalico.org/v3/nope', 404],
    ['GET', '/apis/projectcalico.org/v1/ippools', 404],
    ['GET', `${POOLS}/a/scale`, 404],
    ['GET', `${POOLS}/a/status/x`, 404],
    ['GET', `${HANDLES}/a/status`, 404],
    ['GET', '/apis/projectcalico.org/v3/namespaces/default/ippools', 404],
    ['GET', '/api/v1/configmaps/x', 404],
    ['GET', `${POOLS}/%zz`, 400],
    ['GET', `${POOLS}/nope`, 404],
    ['POST', `${POOLS}/a`, 405],
    ['PUT', POOLS, 405],
    ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 405],
    ['DELETE', `${POOLS}/a/status`, 405],
    ['POST', '/version', 405],
    ['DELETE', '/api/v1/namespaces', 405],
  ])('%s %s is %d', async (method, path, status) => {
    expect((await server.request(method, path)).status).toBe(status);
  });

  test.each([
    'limit=x',
    'labelSelector=a%20b',
    'fieldSelector=spec.cidr=x',
    'resourceVersion=x',
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=Nope&resourceVersion=1',
    'continue=x&resourceVersion=5',
    'watch=1&timeoutSeconds=x',
    'watch=1&resourceVersionMatch=NotOlderThan',
    'watch=1&sendInitialEvents=true',
  ])('?%s is 400', async (query) => {
    expect((await server.get(`${POOLS}?${query}`)).status).toBe(400);
  });

  test('a continuation of another list', async () => {
    for (const name of [fresh(), fresh()]) await created(CONFIG_MAPS, configMap(name));
    const { json } = await server.get(`${CONFIG_MAPS}?limit=1`);
    const token = json.metadata.continue;
    expect((await server.get(`${CONFIG_MAPS}?limit=1&continue=${token}`)).status).toBe(200);
    expect((await server.get(`${POOLS}?limit=1&continue=${token}`)).status).toBe(400);
  });

  test('a body above 3 MiB, announced or not, gets an answer', async () => {
    const body = `{"a":"${'x'.repeat(3 * 1024 * 1024)}"}`;
    const announced = await server.request('POST', POOLS, { body });
    expect(announced.status).toBe(413);
    const headers = { 'transfer-encoding': 'chunked' };
    const chunked = await server.request('POST', POOLS, { body, headers });
    expect([chunked.status, chunked.json.message]).toEqual([
      413,
      expect.stringContaining('3145728'),
    ]);
  });

  test('bytes that are no HTTP, and a connection that is cut in a body, harm nobody', async () => {
    const port = Number(new URL(server.server.url).port);
    for (const bytes of [
      '\x16\x03\x01\x02\x00',
      `POST ${POOLS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"a"`,
      `GET ${POOLS}?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ])
      await new Promise<void>((resolve) => {
        const socket = connectTcp(port, '127.0.0.1', () =>
          socket.write(bytes, () => socket.destroy()),
        );
        socket.once('close', () => resolve());
      });
    expect((await server.get('/readyz')).text).toBe('ok');
  });

  test('a Host of another name and a page of any site', async () => {
    expect((await server.get(POOLS, { host: 'evil.example' })).status).toBe(403);
    expect((await server.get(POOLS, { origin: 'http://evil.example' })).status).toBe(403);
  });

  test('a wrong token, also where none is needed', async () => {
    expect((await server.get(POOLS, { authorization: 'Bearer x' })).status).toBe(401);
  });
});

describe('dryRun=All', () => {
  test('says what would be, and stores nothing', async () => {
    const name = fresh();
    const at = `${POOLS}/${name}`;
    const dry = await server.post(`${POOLS}?dryRun=All`, pool(name));
    expect([dry.status, dry.json.spec.nodeSelector]).toEqual([201, 'all()']);
    expect(dry.json.metadata.resourceVersion).toBeUndefined();
    expect((await server.get(at)).status).toBe(404);
    expect((await server.post(`${POOLS}?dryRun=All`, pool('A b'))).status).toBe(422);

    const stored = await created(POOLS, pool(name));
    expect((await server.post(`${POOLS}?dryRun=All`, pool(name))).status).toBe(409);
    const patched = await server.patch(`${at}?dryRun=All`, { spec: { disabled: true } });
    expect(patched.json).toMatchObject({ spec: { disabled: true }, metadata: { generation: 2 } });
    expect((await server.put(`${at}?dryRun=All`, { ...stored, spec: { cidr: 'x' } })).status).toBe(
      422,
    );
    expect((await server.delete(`${at}?dryRun=All`)).json.status).toBe('Success');
    const options = { kind: 'DeleteOptions', dryRun: ['All'] };
    expect((await server.delete(at, options)).json.status).toBe('Success');
    expect((await server.get(at)).json).toEqual(stored);
  });

  test('nothing else is a dry run', async () => {
    expect((await server.post(`${POOLS}?dryRun=Some`, pool(fresh()))).status).toBe(400);
  });
});

describe('fieldValidation', () => {
  const twice = (name: string) =>
    `{"metadata":{"name":"${name}"},"spec":{"cidr":"10.0.0.0/8","cidr":"10.60.0.0/16","cird":1}}`;

  test('Strict refuses', async () => {
    const reply = await server.request('POST', `${POOLS}?fieldValidation=Strict`, {
      body: twice(fresh()),
    });
    expect([reply.status, reply.json.message]).toEqual([
      400,
      'IPPool in version "v3" cannot be handled as a IPPool: strict decoding error: duplicate field "spec.cidr", unknown field "spec.cird"',
    ]);
  });

  test.each(['', '?fieldValidation=Warn'])(
    'Warn, which is the default, warns (%s)',
    async (query) => {
      const reply = await server.request('POST', `${POOLS}${query}`, { body: twice(fresh()) });
      expect([reply.status, reply.json.spec.cidr, reply.json.spec.cird]).toEqual([
        201,
        '10.60.0.0/16',
        undefined,
      ]);
      expect(reply.headers.warning).toBe(
        '299 - "duplicate field \\"spec.cidr\\"", 299 - "unknown field \\"spec.cird\\""',
      );
    },
  );

  test('Ignore says nothing', async () => {
    const reply = await server.request('POST', `${POOLS}?fieldValidation=Ignore`, {
      body: twice(fresh()),
    });
    expect([reply.status, reply.headers.warning]).toEqual([201, undefined]);
    expect((await server.post(`${POOLS}?fieldValidation=Maybe`, pool('a'))).status).toBe(400);
  });

  test('a name that no header can carry still warns', async () => {
    const object = pool(fresh(), { 'ü\r\nSet-Cookie: x': 1 });
    const reply = await server.post(POOLS, object);
    expect(reply.headers.warning).toBe('299 - "unknown field \\"spec.???Set-Cookie: x\\""');
  });

  test('a patch that repeats a field is refused under Strict', async () => {
    const name = fresh();
    await created(POOLS, pool(name));
    const reply = await server.patch(
      `${POOLS}/${name}?fieldValidation=Strict`,
      '{"spec":{"disabled":true,"disabled":false}}',
    );
    expect([reply.status, reply.json.message]).toEqual([
      422,
      expect.stringContaining('strict decoding error: duplicate field "spec.disabled"'),
    ]);
  });
});

describe('the life of an object', () => {
  test('generation counts changes of the spec, and nothing else', async () => {
    const name = fresh();
    const at = `${POOLS}/${name}`;
    const generations: number[] = [(await created(POOLS, pool(name))).metadata.generation];
    for (const [path, patch] of [
      [at, { metadata: { labels: { a: 'b' } } }],
      [at, { spec: { disabled: true } }],
      [at, { spec: { disabled: true } }],
      [`${at}/status`, { status: { conditions: [] } }],
      [at, { spec: { disabled: false }, status: { conditions: null } }],
    ] as const)
      generations.push((await server.patch(path, patch)).json.metadata.generation);
    expect(generations).toEqual([1, 1, 2, 2, 2, 3]);
    expect((await server.get(`${at}/status`)).json.status).toEqual({ conditions: [] });
  });

  test('without a status of its own, everything but metadata counts', async () => {
    const name = fresh();
    const handle = { metadata: { name }, spec: { handleID: name, block: {} } };
    await created(HANDLES, handle);
    const { json } = await server.patch(`${HANDLES}/${name}`, { spec: { block: { x: 1 } } });
    expect(json.metadata.generation).toBe(2);
  });

  test('a write that changes nothing makes no revision', async () => {
    const name = fresh();
    const stored = await created(POOLS, pool(name));
    const { spec, ...rest } = stored;
    const reordered = { spec: Object.fromEntries(Object.entries(spec).reverse()), ...rest };
    expect((await server.put(`${POOLS}/${name}`, reordered)).json).toEqual(stored);
    expect((await server.patch(`${POOLS}/${name}`, {})).json).toEqual(stored);
  });

  test('what the server owns stays, whatever a writer says', async () => {
    const name = fresh();
    const stored = await created(POOLS, pool(name));
    const { metadata } = stored;
    const forged = {
      ...stored,
      metadata: {
        ...metadata,
        creationTimestamp: '2000-01-01T00:00:00Z',
        generation: 99,
        deletionTimestamp: '2000-01-01T00:00:00Z',
        managedFields: [{}],
        labels: { a: 'b' },
      },
    };
    const { json } = await server.put(`${POOLS}/${name}`, forged);
    expect(json.metadata).toEqual({
      ...metadata,
      labels: { a: 'b' },
      resourceVersion: expect.not.stringMatching(`^${metadata.resourceVersion}$`),
    });
  });

  test('cidr cannot be changed', async () => {
    const name = fresh();
    await created(POOLS, pool(name));
    const { status, json } = await server.patch(`${POOLS}/${name}`, {
      spec: { cidr: '10.61.0.0/16' },
    });
    expect([status, json.message]).toEqual([
      422,
      expect.stringContaining('spec.cidr: Invalid value: "10.61.0.0/16": cannot be changed'),
    ]);
    // What was not there before may be set once.
    expect((await server.patch(`${POOLS}/${name}`, { spec: { blockSize: 28 } })).status).toBe(200);
    expect((await server.patch(`${POOLS}/${name}`, { spec: { blockSize: 27 } })).status).toBe(422);
  });

  test('generateName completes a name, anew each time', async () => {
    const object = { metadata: { generateName: `${fresh()}-` } };
    const one = (await server.post(CONFIG_MAPS, object)).json.metadata.name;
    const two = (await server.post(CONFIG_MAPS, object)).json.metadata.name;
    expect([one, two]).toEqual([
      expect.stringMatching(/^name-\d+-[a-z0-9]{5}$/),
      expect.anything(),
    ]);
    expect(one).not.toBe(two);
    const long = { metadata: { generateName: 'x'.repeat(200) } };
    expect((await server.post(CONFIG_MAPS, long)).json.metadata.name).toHaveLength(63);
  });

  test('while it is being deleted, finalizers only go', async () => {
    const name = fresh();
    const at = `${POOLS}/${name}`;
    await created(POOLS, pool(name, {}, { finalizers: ['a.b/c', 'a.b/d'] }));
    const marked = (await server.delete(at)).json;
    expect(marked.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, generation: 2 });
    expect((await server.delete(at)).json).toEqual(marked);
    const more = { metadata: { finalizers: ['a.b/c', 'x.y/z'] } };
    const { status, json } = await server.patch(at, more);
    expect([status, json.message]).toEqual([422, expect.stringContaining('no new finalizers')]);
    expect((await server.patch(at, { metadata: { finalizers: ['a.b/c'] } })).status).toBe(200);
    expect((await server.patch(at, { metadata: { finalizers: null } })).status).toBe(200);
    expect((await server.get(at)).status).toBe(404);
  });

  test('deletecollection goes by both selectors and answers with what it took', async () => {
    const group = fresh();
    for (let i = 0; i < 250; i++)
      await created(
        CONFIG_MAPS,
        configMap(`${group}-${i}`, {}, { labels: { group, odd: `${i % 2}` } }),
      );
    const query = `labelSelector=group=${group}`;
    const one = await server.delete(
      `${CONFIG_MAPS}?${query}&fieldSelector=metadata.name=${group}-7`,
    );
    expect([one.json.kind, one.json.items.length]).toEqual(['ConfigMapList', 1]);
    expect((await server.delete(`${CONFIG_MAPS}?${query},odd=1`)).json.items).toHaveLength(124);
    expect((await server.get(`${CONFIG_MAPS}?${query}`)).json.items).toHaveLength(125);
  });

  test('64-bit numbers and unknown fields of IPAM data survive every kind of write', async () => {
    const name = fresh();
    const blocks = '/apis/projectcalico.org/v3/ipamblocks';
    const spec =
      '"cidr":"10.0.0.0/26","allocations":[null],"unallocated":[0],"attributes":[],"sequenceNumber":1787654321123456789,"later":{"n":1787654321123456791}';
    await server.request('POST', blocks, {
      body: `{"metadata":{"name":"${name}"},"spec":{${spec}}}`,
    });
    await server.patch(`${blocks}/${name}`, { metadata: { labels: { a: 'b' } } });
    await server.patch(
      `${blocks}/${name}`,
      '[{"op":"add","path":"/metadata/labels/c","value":"d"}]',
      'application/json-patch+json',
    );
    const { text } = await server.get(`${blocks}/${name}`);
    expect(text).toContain('"sequenceNumber":1787654321123456789');
    expect(text).toContain('"later":{"n":1787654321123456791}');
    const put = text.replace('6789', '6790');
    expect((await server.put(`${blocks}/${name}`, put)).text).toContain('1787654321123456790');
    expect((await server.get(`${blocks}?limit=5`)).text).toContain('1787654321123456790');
  });
});

test('a strategic merge patch of a Node merges lists by key', async () => {
  const name = fresh();
  await created(NODES, { metadata: { name } });
  const ready = { type: 'Ready', status: 'True' };
  const type = 'application/strategic-merge-patch+json';
  const status = `${NODES}/${name}/status`;
  await server.patch(status, { status: { conditions: [ready] } }, type);
  await server.patch(
    status,
    { status: { conditions: [{ type: 'Other', status: 'False' }] } },
    type,
  );
  await server.patch(status, { status: { conditions: [{ ...ready, status: 'False' }] } }, type);
  const { json } = await server.get(`${NODES}/${name}`);
  expect(json.status.conditions).toEqual([
    { type: 'Ready', status: 'False' },
    { type: 'Other', status: 'False' },
  ]);
});

test('BGPPeers: a peer that is refused says which rule it breaks', async () => {
  const object = { metadata: { name: fresh() }, spec: { peerIP: '192.0.2.300', asNumber: 64512 } };
  const { status, json } = await server.post(PEERS, object);
  expect([status, json.message]).toEqual([422, expect.stringContaining('spec.peerIP')]);
});
