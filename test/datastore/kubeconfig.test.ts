import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readCredentials } from '../../src/datastore/kubeconfig.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');

function write(name: string, content: string | object): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : stringify(content));
  return path;
}

function config(cluster: object, user: object, more: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    ...more,
  };
}

test('a token and a CA, both in the file', async () => {
  const kubeconfig = write(
    'config',
    config({ 'certificate-authority-data': base64('CA') }, { token: 't0k' }),
  );
  const credentials = await readCredentials({ kubeconfig });
  expect(credentials.server.href).toBe('https://10.0.0.1:6443/');
  expect(credentials.source).toBe(kubeconfig);
  expect(String(credentials.tls.ca)).toBe('CA');
  expect(await credentials.authorization()).toBe('Bearer t0k');
});

test('files beside the kubeconfig are found from wherever it is read', async () => {
  mkdirSync(join(folder, 'pki'));
  for (const name of ['ca', 'cert', 'key']) write(`pki/${name}`, name.toUpperCase());
  const kubeconfig = write(
    'config',
    config(
      { 'certificate-authority': 'pki/ca', 'tls-server-name': 'api' },
      { 'client-certificate': 'pki/cert', 'client-key': join(folder, 'pki/key') },
    ),
  );
  const { tls, authorization } = await readCredentials({ kubeconfig });
  expect({ ca: String(tls.ca), cert: String(tls.cert), key: String(tls.key) }).toEqual({
    ca: 'CA',
    cert: 'CERT',
    key: 'KEY',
  });
  expect(tls.servername).toBe('api');
  expect(await authorization()).toBeUndefined();
});

test('a token in a file is read again after a minute, and when the server refused it', async () => {
  write('token', 'first\n');
  const kubeconfig = write('config', config({}, { tokenFile: 'token', token: 'older' }));
  let now = 0;
  const credentials = await readCredentials({ kubeconfig, now: () => now });
  expect(await credentials.authorization()).toBe('Bearer first');
  write('token', 'second');
  expect(await credentials.authorization()).toBe('Bearer first');
  now += 60_000;
  expect(await credentials.authorization()).toBe('Bearer second');
  write('token', 'third');
  credentials.refused();
  expect(await credentials.authorization()).toBe('Bearer third');
  rmSync(join(folder, 'token'));
  credentials.refused();
  await expect(credentials.authorization()).rejects.toThrow(/token.* cannot be read \(ENOENT\)/);
});

test('KUBECONFIG may list files; the first that says something wins', async () => {
  const one = write('one', config({}, { token: 'one' }));
  const two = write(
    'two',
    config({ server: 'https://10.0.0.2' }, { token: 'two' }, { 'current-context': 'other' }),
  );
  const env = { KUBECONFIG: `${one}:${two}` };
  expect(await (await readCredentials({ env })).authorization()).toBe('Bearer one');
  expect((await readCredentials({ env, kubeconfig: two, context: 'c' })).server.host).toBe(
    '10.0.0.2',
  );
});

test('~/.kube/config is found unasked', async () => {
  mkdirSync(join(folder, '.kube'));
  write('.kube/config', config({}, { username: 'a', password: 'b' }));
  const credentials = await readCredentials({ env: { HOME: folder } });
  expect(await credentials.authorization()).toBe(`Basic ${base64('a:b')}`);
});

test("in a pod, the service account's files are named when they are missing", async () => {
  await expect(
    readCredentials({ env: { KUBERNETES_SERVICE_HOST: 'fd00::1', HOME: folder } }),
  ).rejects.toThrow(/the pod's service account .*ca.crt cannot be read \(ENOENT\)/);
});

test('a credential plugin is run, and its token used', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'from-plugin' },
  };
  const plugin = write('plugin', `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
  chmodSync(plugin, 0o755);
  const exec = { apiVersion: credential.apiVersion, command: plugin, interactiveMode: 'Never' };
  const kubeconfig = write('config', config({}, { exec }));
  const credentials = await readCredentials({ kubeconfig });
  expect(await credentials.authorization()).toBe('Bearer from-plugin');
  write('plugin', '#!/bin/sh\nexit 1\n');
  await expect(readCredentials({ kubeconfig })).rejects.toThrow(/credential plugin failed/);
});

test.each([
  ['nothing there', undefined, /there is no kubeconfig to be read at .*config \(ENOENT\)/],
  ['not YAML', 'a: [', /config is not YAML/],
  ['something else', 'hello', /is not a kubeconfig: it has no clusters/],
  ['no current-context', config({}, {}, { 'current-context': '' }), /current-context is not set/],
  ['no such context', config({}, {}, { 'current-context': 'x' }), /no context named "x"/],
  ['no such cluster', config({}, {}, { clusters: [] }), /no cluster named "k"/],
  ['no such user', config({}, {}, { users: null }), /no user named "u"/],
  ['no address', config({ server: '10.0.0.1:6443' }, {}), /"10.0.0.1:6443" is not an https/],
  ['a proxy', config({ 'proxy-url': 'http://p' }, {}), /proxy-url, which is not supported/],
  [
    'a CA that is not there',
    config({ 'certificate-authority': 'ca' }, {}),
    /certificate-authority: .*ca cannot be read \(ENOENT\)/,
  ],
])('%s is said in words', async (_what, content, message) => {
  const kubeconfig = content === undefined ? join(folder, 'config') : write('config', content);
  await expect(readCredentials({ kubeconfig })).rejects.toThrow(message);
});
