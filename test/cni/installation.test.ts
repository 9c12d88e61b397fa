import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation } from '../../src/cni/installation.ts';
import type { CniVersion } from '../../src/cni/protocol.ts';
import { systemClock } from '../../src/system.ts';

let folder: string;
let warnings: string[];
let running: Installation | undefined;
const log = {
  debug() {},
  info() {},
  warn: (_: object, message: string) => void warnings.push(message),
  error() {},
  child: () => log,
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-installation-'));
  writeFileSync(join(folder, 'tortie'), 'the plugin');
  warnings = [];
});
afterEach(() => {
  running?.close();
  rmSync(folder, { recursive: true });
});

const confDir = () => join(folder, 'etc/cni/net.d');
const binDir = () => join(folder, 'opt/cni/bin');
const conf = () => readFileSync(join(confDir(), '10-tortie.conflist'), 'utf8');

/** A thousandth of the delays, so that a review comes in milliseconds. */
const fastClock = {
  ...systemClock,
  after: (delayMs: number, fn: () => void) => systemClock.after(delayMs / 1000, fn),
};

function start(options: { notReady?: () => string | undefined; cniVersion?: CniVersion } = {}) {
  running = Installation.start({
    cniConfDir: confDir(),
    cniBinDir: binDir(),
    cniVersion: '1.0.0',
    notReady: () => undefined,
    build: () => folder,
    clock: fastClock,
    random: () => 0.5,
    log,
    ...options,
  });
}

async function until(check: () => boolean): Promise<void> {
  const holds = () => {
    try {
      return check();
    } catch {
      return false;
    }
  };
  const endMs = performance.now() + 30_000;
  while (!holds() && performance.now() < endMs) await new Promise((go) => setTimeout(go, 5));
  expect(holds()).toBe(true);
}

test('the plugins at once, the conf list when the agent is ready', async () => {
  let notReady: string | undefined = 'waiting';
  start({ notReady: () => notReady });
  await until(() => readFileSync(join(binDir(), 'tortie-ipam'), 'utf8') === 'the plugin');
  expect(statSync(join(binDir(), 'tortie')).mode & 0o777).toBe(0o755);
  expect(() => readdirSync(confDir())).toThrow('ENOENT');
  notReady = undefined;
  await until(() => conf() !== '');
  expect(JSON.parse(conf())).toEqual({
    name: 'k8s-pod-network',
    cniVersion: '1.0.0',
    plugins: [{ type: 'tortie', capabilities: { ips: true, mac: true } }],
  });
  expect(readdirSync(confDir())).toEqual(['10-tortie.conflist']);
});

test('of the version that was asked for, with portmap and bandwidth where they are', async () => {
  start({ cniVersion: '1.1.0' });
  await until(() => conf() !== '');
  for (const name of ['bandwidth', 'portmap']) writeFileSync(join(binDir(), name), '');
  await until(() => JSON.parse(conf()).plugins.length === 3);
  expect(JSON.parse(conf())).toMatchObject({
    cniVersion: '1.1.0',
    plugins: [
      { type: 'tortie' },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  });
});

test('what somebody removes or changes is put back', async () => {
  start();
  await until(() => conf() !== '');
  const before = conf();
  rmSync(join(confDir(), '10-tortie.conflist'));
  writeFileSync(join(binDir(), 'tortie'), 'an older one');
  await until(() => conf() === before);
  await until(() => readFileSync(join(binDir(), 'tortie'), 'utf8') === 'the plugin');
});

test('a conf list that comes before ours is named, once', async () => {
  start();
  await until(() => conf() !== '');
  writeFileSync(join(confDir(), '10-calico.conflist'), '{}');
  await until(() => warnings.length > 0);
  expect(warnings).toEqual([expect.stringContaining('10-calico.conflist comes before 10-tortie')]);
});

test('a folder that cannot be written is named, and tried again', async () => {
  writeFileSync(join(folder, 'opt'), 'in the way');
  start();
  await until(() => warnings.length > 0);
  expect(warnings[0]).toContain(`${binDir()}: `);
  await until(() => conf() !== '');
  rmSync(join(folder, 'opt'));
  await until(() => readdirSync(binDir()).length === 2);
  expect(warnings).toHaveLength(1);
});
