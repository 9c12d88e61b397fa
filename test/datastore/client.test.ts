import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IPAMBlock, IPPool, Node, Pod, parseJson, stringifyJson } from '../../api/index.ts';
import { connect, type Datastore } from '../../src/datastore/index.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let folder: string;
let server: Server;
let store: Datastore;
let url: string;
let handler: Handler;
const seen: { method: string; url: string; body: string; headers: IncomingMessage['headers'] }[] =
  [];

beforeEach(async () => {
  seen.length = 0;
  folder = mkdtempSync(join(tmpdir(), 'tortie-client-'));
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method!, url: request.url!, body, headers: request.headers });
    handler(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  store = await connectTo(url);
});

afterEach(async () => {
  store.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

async function connectTo(address: string, deadlineMs = 20_000): Promise<Datastore> {
  const kubeconfig = join(folder, 'config');
  const cluster = { server: address };
  writeFileSync(
    kubeconfig,
    stringifyJson({
      'current-context': 'c',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'c', user: { token: 't' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
    }),
  );
  return connect({ kubeconfig, deadlineMs });
}

function answer(response: ServerResponse, body: unknown, status = 200, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(stringifyJson(body));
}

const pool = (name: string): IPPool => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name },
  spec: { cidr: '10.0.0.0/16' },
});

const status = (code: number, reason: string, more = {}) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message: 'the server says why',
  ...more,
});

test('each call is the request that Kubernetes documents', async () => {
  handler = (_request, response) => answer(response, pool('a'));
  await store.get(IPPool, 'a');
  await store.get(Pod, 'p/../x', 'kube-system');
  await store.create(IPPool, pool('a'), { dryRun: true, fieldValidation: 'Strict' });
  await store.update(IPPool, pool('a'));
  await store.updateStatus(IPPool, pool('a'));
  await store.patch(IPPool, 'a', { spec: { disabled: true } }, { subresource: 'status' });
  await store.patch(IPPool, 'a', [{ op: 'remove', path: '/spec/x' }], { patchType: 'json' });
  await store.delete(IPPool, 'a', { preconditions: { uid: 'u' } });
  const unasked = '?fieldValidation=Ignore';
  expect(seen.map(({ method, url, headers }) => [method, url, headers['content-type']])).toEqual([
    ['GET', '/apis/projectcalico.org/v3/ippools/a', undefined],
    ['GET', '/api/v1/namespaces/kube-system/pods/p%2F..%2Fx', undefined],
    [
      'POST',
      '/apis/projectcalico.org/v3/ippools?dryRun=All&fieldValidation=Strict',
      'application/json',
    ],
    ['PUT', `/apis/projectcalico.org/v3/ippools/a${unasked}`, 'application/json'],
    ['PUT', `/apis/projectcalico.org/v3/ippools/a/status${unasked}`, 'application/json'],
    [
      'PATCH',
      `/apis/projectcalico.org/v3/ippools/a/status${unasked}`,
      'application/merge-patch+json',
    ],
    ['PATCH', `/apis/projectcalico.org/v3/ippools/a${unasked}`, 'application/json-patch+json'],
    ['DELETE', '/apis/projectcalico.org/v3/ippools/a', 'application/json'],
  ]);
  expect(seen[0]!.headers.authorization).toBe('Bearer t');
  expect(JSON.parse(seen[7]!.body)).toMatchObject({ preconditions: { uid: 'u' } });
});

test('a list is read page by page, and Kubernetes objects in it get their kind', async () => {
  handler = (request, response) => {
    const more = new URL(request.url!, url).searchParams.get('continue');
    const metadata = { resourceVersion: '7', ...(more ? {} : { continue: 'c2' }) };
    answer(response, {
      metadata,
      items: [{ metadata: { name: more ? 'b' : 'a', managedFields: [] } }],
    });
  };
  const { items, resourceVersion } = await store.list(Node, { labelSelector: 'a=b,c' });
  expect(resourceVersion).toBe('7');
  expect(items).toEqual([
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'b' } },
  ]);
  expect(seen.map(({ url }) => url)).toEqual([
    '/api/v1/nodes?labelSelector=a%3Db%2Cc&limit=500',
    '/api/v1/nodes?labelSelector=a%3Db%2Cc&limit=500&continue=c2',
  ]);
});

test('a list whose pages expire is read again in one piece', async () => {
  handler = (request, response) => {
    const query = new URL(request.url!, url).searchParams;
    if (query.has('continue')) answer(response, status(410, 'Expired'), 410);
    else if (query.has('limit'))
      answer(response, { metadata: { resourceVersion: '1', continue: 'x' }, items: [pool('a')] });
    else answer(response, { metadata: { resourceVersion: '9' }, items: [pool('a'), pool('b')] });
  };
  const { items, resourceVersion } = await store.list(IPPool);
  expect([items.length, resourceVersion]).toEqual([2, '9']);
});

test('numbers beyond 2^53 come and go as they are', async () => {
  const text =
    '{"apiVersion":"projectcalico.org/v3","kind":"IPAMBlock","metadata":{"name":"b"},"spec":{"sequenceNumber":1787654321123456789,"new":9223372036854775807}}';
  handler = (_request, response) => answer(response, parseJson(text));
  const block = await store.get(IPAMBlock, 'b');
  await store.update(IPAMBlock, block);
  expect(seen[1]!.body).toBe(text);
});

test.each([
  [404, 'NotFound', 'NotFound'],
  [409, 'AlreadyExists', 'AlreadyExists'],
  [409, 'Conflict', 'Conflict'],
  [422, 'Invalid', 'Invalid'],
  [400, 'BadRequest', 'Invalid'],
  [415, 'UnsupportedMediaType', 'Invalid'],
  [410, 'Expired', 'Expired'],
  [410, 'Gone', 'Expired'],
  [401, 'Unauthorized', 'Unauthorized'],
  [403, 'Forbidden', 'Forbidden'],
  [500, 'InternalError', 'Unavailable'],
  [504, 'Timeout', 'Unavailable'],
])('HTTP %d with reason %s is %s', async (code, reason, expected) => {
  const causes = [{ field: 'spec.cidr', message: 'm' }];
  handler = (_request, response) =>
    answer(response, status(code, reason, { details: { causes } }), code);
  await expect(store.get(IPPool, 'a')).rejects.toMatchObject({
    code: expected,
    status: code,
    causes,
    message: expect.stringMatching(/^get ippools "a": the server says why.*127\.0\.0\.1/),
  });
});

test('a refused token is blamed on where it is from', async () => {
  handler = (_request, response) => answer(response, status(401, 'Unauthorized'), 401);
  await expect(store.get(IPPool, 'a')).rejects.toThrow(
    `${url} does not accept the credentials from ${join(folder, 'config')}`,
  );
});

test('a kind that the server does not serve is not an object that is missing', async () => {
  handler = (_request, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' });
    response.end('404 page not found\n');
  };
  await expect(store.get(IPPool, 'a')).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('does not serve this kind. Are the CRDs installed?'),
  });
});

test('a server that asks to wait is asked again, even to write', async () => {
  handler = (_request, response) => {
    const wait = seen.length < 3;
    answer(response, wait ? status(429, 'TooManyRequests') : pool('a'), wait ? 429 : 201, {
      'retry-after': '0.01',
    });
  };
  expect((await store.create(IPPool, pool('a'))).metadata.name).toBe('a');
  expect(seen).toHaveLength(3);
});

test('nothing listens: the error says where and asks the right question', async () => {
  store.close();
  await new Promise((resolve) => server.close(resolve));
  store = await connectTo(url);
  await expect(store.get(IPPool, 'a')).rejects.toMatchObject({
    code: 'Unavailable',
    message: `get ippools "a": nothing listens at ${url}. Is the API server running there? (address from ${join(folder, 'config')})`,
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
});

test.each([
  ['no answer', () => {}],
  [
    'half an answer',
    (_request: IncomingMessage, response: ServerResponse) => void response.write('{'),
  ],
])('%s within the deadline is an error, not a wait', async (_what, silent) => {
  handler = silent;
  store.close();
  store = await connectTo(url, 100);
  await expect(store.get(IPPool, 'a')).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('did not answer within 0.1 s'),
  });
});

test('an answer that breaks off, or is not JSON, is an error', async () => {
  handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
    response.write('{"a":');
    setTimeout(() => response.destroy(), 20);
  };
  await expect(store.get(IPPool, 'a')).rejects.toMatchObject({ code: 'Unavailable' });
  handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('<html>');
  };
  await expect(store.get(IPPool, 'a')).rejects.toThrow('answered what is not JSON');
});

test('a kept connection that the server closed: a read is sent again, a write is not', async () => {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  handler = (request, response) => {
    // The first request on each connection is answered, the next one cut off.
    if ((request.socket as Socket & { used?: boolean }).used) request.socket.destroy();
    else answer(response, pool('a'));
    (request.socket as Socket & { used?: boolean }).used = true;
  };
  await store.get(IPPool, 'a');
  await store.get(IPPool, 'a');
  await expect(store.update(IPPool, pool('a'))).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('closed the connection'),
  });
  expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'PUT']);
  expect(sockets).toHaveLength(2);
});

test('a closed client refuses', async () => {
  store.close();
  await expect(store.get(IPPool, 'a')).rejects.toThrow('the client is closed');
});

test('what is under way when the client is closed fails at once', async () => {
  const asked = new Promise<void>((resolve) => {
    handler = () => resolve();
  });
  const waiting = store.get(IPPool, 'a');
  const begun = store.get(IPPool, 'b');
  const failed = Promise.all([
    expect(waiting).rejects.toMatchObject({ code: 'Unavailable' }),
    expect(begun).rejects.toMatchObject({ code: 'Unavailable' }),
  ]);
  await asked;
  store.close();
  const late = store.get(IPPool, 'c');
  await expect(late).rejects.toThrow('the client is closed');
  await failed;
});
