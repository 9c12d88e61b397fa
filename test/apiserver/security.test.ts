/** Certificates, tokens, roles, and whom the server does not listen to. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { parse } from 'yaml';
import { IPPool, Node, Secret } from '../../api/index.ts';
import { checkOrigin } from '../../src/apiserver/origin.ts';
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts';
import { issueServerCertificate, makeAuthority, openAuthority } from '../../src/apiserver/tls.ts';
import { authenticator, openTokens } from '../../src/apiserver/tokens.ts';
import { connect } from '../../src/datastore/index.ts';
import { systemClock } from '../../src/system.ts';
import { pool, quiet } from './harness.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-security-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('certificates', () => {
  const now = Date.parse('2030-06-01T12:00:00Z');

  test('the authority signs for names and addresses of both families', () => {
    const authority = makeAuthority(now);
    const ca = new X509Certificate(authority.certificate);
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    const { cert } = issueServerCertificate(
      authority,
      ['localhost', '192.0.2.1', '2001:db8::1'],
      now,
    );
    const server = new X509Certificate(cert);
    expect(server.ca).toBe(false);
    expect(server.checkIssued(ca)).toBe(true);
    expect(server.verify(ca.publicKey)).toBe(true);
    expect(server.verify(makeAuthorityKey(now))).toBe(false);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('192.0.2.1')).toBe('192.0.2.1');
    expect(server.checkIP('2001:db8::1')).toBe('2001:db8::1');
    expect(server.checkIP('192.0.2.2')).toBeUndefined();
  });

  test('they are valid from a day ago, beyond the year 2049 too', () => {
    const authority = makeAuthority(now);
    const { validFrom, validTo } = new X509Certificate(authority.certificate);
    expect(Date.parse(validFrom)).toBe(now - 24 * 3600 * 1000);
    expect(new Date(validTo).getUTCFullYear()).toBe(2050);
  });

  test('every serial number is encoded as a positive integer', () => {
    for (let i = 0; i < 50; i++) {
      const { serialNumber } = new X509Certificate(makeAuthority(now).certificate);
      expect(serialNumber).not.toMatch(/^-/);
    }
  });

  test('the authority is kept, its key for the owner only', () => {
    const first = openAuthority(folder, now);
    expect(openAuthority(folder, now + 1).certificate).toBe(first.certificate);
    expect(modeOf(join(folder, 'ca.key'))).toBe(0o600);
    writeFileSync(join(folder, 'ca.crt'), makeAuthority(now).certificate);
    expect(() => openAuthority(folder, now)).toThrow(/is not the key of/);
  });
});

function makeAuthorityKey(now: number) {
  return new X509Certificate(makeAuthority(now).certificate).publicKey;
}

test('tokens are kept, for the owner only, and each proves its role', () => {
  const tokens = openTokens(folder);
  expect(openTokens(folder)).toEqual(tokens);
  expect(modeOf(join(folder, 'tokens.json'))).toBe(0o600);
  const authenticate = authenticator(tokens);
  expect(authenticate(`Bearer ${tokens.admin}`)).toBe('admin');
  expect(authenticate(`bearer ${tokens.node}`)).toBe('node');
  for (const wrong of [undefined, '', 'Bearer', 'Bearer x', tokens.admin, `Basic ${tokens.admin}`])
    expect(authenticate(wrong)).toBeUndefined();
  writeFileSync(join(folder, 'tokens.json'), '{"admin":""}');
  expect(() => openTokens(folder)).toThrow(/does not hold the tokens/);
});

describe('Host and Origin', () => {
  const names = new Set(['localhost', 'n1']);

  test.each(['localhost', 'localhost:6443', 'N1', '192.0.2.1:1', '[2001:db8::1]:6443', '[::1]'])(
    '%s is served',
    (host) => {
      expect(() => checkOrigin({ host }, names)).not.toThrow();
    },
  );

  test.each([
    'evil.example',
    'localhost.evil.example:6443',
    '',
    '192.0.2.1.evil.example',
    '[::1].x',
  ])('%j is not', (host) => {
    expect(() => checkOrigin({ host }, names)).toThrow(/use an address of this server/);
  });

  test.each(['https://evil.example', 'null', 'http://localhost'])(
    'a page of %s is not',
    (origin) => {
      expect(() => checkOrigin({ host: 'localhost', origin }, names)).toThrow(/web pages/);
    },
  );
});

test('plain HTTP is refused off the loopback, and an unusable address named', async () => {
  const options = { dataDir: folder, log: quiet, clock: systemClock };
  await expect(
    startApiServer({ ...options, insecure: true, listen: { host: '0.0.0.0', port: 0 } }),
  ).rejects.toThrow(/loopback only, and 0.0.0.0 is not/);
  await expect(
    startApiServer({ ...options, listen: { host: 'example.com', port: 0 } }),
  ).rejects.toThrow(/example.com is not an address/);
  await expect(
    startApiServer({ ...options, listen: { host: '192.0.2.77', port: 0 } }),
  ).rejects.toThrow(/cannot listen on 192.0.2.77:0/);
});

describe('over TLS', () => {
  let server: ApiServer;
  const path = (name: string) => join(folder, name);

  const start = () =>
    startApiServer({
      dataDir: path('data'),
      listen: { host: '127.0.0.1', port: 0 },
      kubeconfigOut: path('admin.kubeconfig'),
      nodeKubeconfigOut: path('node.kubeconfig'),
      log: quiet,
      clock: systemClock,
    });

  beforeEach(async () => {
    server = await start();
  });

  afterEach(() => server.close());

  test('what holds a secret is for the owner only', () => {
    expect(modeOf(path('data'))).toBe(0o700);
    for (const name of [
      'admin.kubeconfig',
      'node.kubeconfig',
      'data/state.db',
      'data/state.db-wal',
    ])
      expect([name, modeOf(path(name))]).toEqual([name, 0o600]);
    expect(readFileSync(path('admin.kubeconfig'), 'utf8')).toBe(server.kubeconfig);
    expect(parse(server.kubeconfig).clusters[0].cluster.server).toBe(server.url);
  });

  test('a kubeconfig of before a restart is good after it', async () => {
    const before = await connect({ kubeconfig: path('admin.kubeconfig') });
    await before.create(IPPool, pool('rack-a') as IPPool);
    before.close();
    const { admin, ca } = secretsOf(server.kubeconfig);
    await server.close();
    server = await start();
    expect(secretsOf(server.kubeconfig)).toEqual({ admin, ca });
    const after = await connect({ kubeconfig: path('admin.kubeconfig') });
    expect((await after.list(IPPool)).items).toHaveLength(1);
    after.close();
  });

  test('an agent may do what agents need, and nothing else', async () => {
    const admin = await connect({ kubeconfig: path('admin.kubeconfig') });
    const agent = await connect({ kubeconfig: path('node.kubeconfig') });
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    await agent.create(Node, node);
    await agent.patch(Node, 'n1', { metadata: { annotations: { a: 'b' } } });
    await agent.patch(Node, 'n1', { status: { addresses: [] } }, { subresource: 'status' });
    await expect(agent.delete(Node, 'n1')).rejects.toMatchObject({ code: 'Forbidden' });
    await admin.create(IPPool, pool('rack-a') as IPPool);
    expect((await agent.list(IPPool)).items).toHaveLength(1);
    await expect(agent.create(IPPool, pool('rack-b') as IPPool)).rejects.toMatchObject({
      code: 'Forbidden',
      message: expect.stringContaining('cannot create resource "ippools"'),
    });
    await expect(agent.list(Secret)).rejects.toMatchObject({ code: 'Forbidden' });
    await expect(agent.list(Secret, { namespace: 'default' })).rejects.toMatchObject({
      code: 'Forbidden',
    });
    const namespace = 'kube-system';
    await expect(agent.list(Secret, { namespace })).rejects.toMatchObject({ code: 'Forbidden' });
    const fieldSelector = 'metadata.name=bgp';
    expect((await agent.list(Secret, { namespace, fieldSelector })).items).toEqual([]);
    const others = 'metadata.name!=bgp';
    await expect(agent.list(Secret, { namespace, fieldSelector: others })).rejects.toMatchObject({
      code: 'Forbidden',
    });
    admin.close();
    agent.close();
  });

  test('TLS 1.1 is not spoken', async () => {
    const { port } = new URL(server.url);
    const failure = await new Promise<Error | undefined>((resolve) => {
      const socket = connectTls({
        port: Number(port),
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        rejectUnauthorized: false,
      });
      socket.once('secureConnect', () => resolve(undefined)).once('error', resolve);
    });
    expect(failure).toBeDefined();
  });
});

function secretsOf(kubeconfig: string) {
  const { users, clusters } = parse(kubeconfig);
  return {
    admin: users[0].user.token,
    ca: clusters[0].cluster['certificate-authority-data'],
  };
}
