import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../../src/agent/config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function settingsFile(text: string): string {
  const path = join(folder, 'agent.yaml');
  writeFileSync(path, text);
  return path;
}

test('flags beat the environment, the environment beats the file, the file beats the defaults', () => {
  const file = settingsFile('nodeName: from-file\nasNumber: 64513\nlogLevel: debug\n');
  const config = readConfig({ nodeName: 'from-flag' }, { NODENAME: 'from-env', AS: '64514' }, file);
  expect(config).toMatchObject({
    nodeName: 'from-flag',
    asNumber: 64514,
    logLevel: 'debug',
    ipv4: 'autodetect',
    stateDir: '/var/lib/tortie',
  });
});

test.each([
  [{ AS: '0' }, 'AS: "0" is not a number from 1 to 4294967295'],
  [{ IP: '10.0.0.300/24' }, 'IP: '],
  [{ IP: 'fd00::1/64' }, 'IP: fd00::1/64 is not an IPv4 address'],
  [{ IP: 'none' }, 'IP and IP6 are both none'],
  [{ IP_AUTODETECTION_METHOD: 'guess' }, 'IP_AUTODETECTION_METHOD: "guess" is none of'],
  [{ IP6_AUTODETECTION_METHOD: 'guess' }, 'IP6_AUTODETECTION_METHOD: "guess" is none of'],
  [{ IP_AUTODETECTION_METHOD: 'interface=(' }, 'IP_AUTODETECTION_METHOD: '],
  [{ TORTIE_STATE_DIR: 'x' }, 'TORTIE_STATE_DIR: "x" is not an absolute path'],
  [{ CNI_BIN_DIR: 'bin' }, 'CNI_BIN_DIR: "bin" is not an absolute path'],
  [{ CNI_VERSION: '0.2.0' }, 'CNI_VERSION: "0.2.0" is none of 0.3.1, '],
  [{ TORTIE_HEALTH_LISTEN: '9099' }, 'TORTIE_HEALTH_LISTEN: '],
  [{ TORTIE_LOG_LEVEL: 'loud' }, 'TORTIE_LOG_LEVEL: "loud" is none of'],
  [{ NODENAME: 'A_B' }, 'NODENAME: "A_B" is not a Node name'],
])('%j is refused with the variable’s name', (environment, message) => {
  const given = { NODENAME: 'node1', ...environment };
  expect(() => readConfig({}, given, undefined)).toThrow(ConfigError);
  expect(() => readConfig({}, given, undefined)).toThrow(message);
});

test('a misspelt key of the file is refused with the keys that there are', () => {
  const file = settingsFile('nodename: x\n');
  expect(() => readConfig({}, {}, file)).toThrow(
    /there is no setting nodename; there are nodeName,/,
  );
});
