import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation } from '../../src/cni/installation.ts';
import { systemClock } from '../../src/system.ts';

let folder: string;
let warnings: string[];
/** Paths of what was put in place. */
let written: string[];
let running: Installation | undefined;
/** How long each review put off the next. */
let delaysMs: number[];
const log = {
  debug() {},
  info: ({ path }: { path?: string }) => void written.push(path!),
  warn: (_: object, message: string) => void warnings.push(message),
  error() {},
  child: () => log,
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-installation-'));
  writeFileSync(join(folder, 'tortie'), 'the plugin');
  warnings = [];
  written = [];
  delaysMs = [];
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
  after: (delayMs: number, fn: () => void) => {
    delaysMs.push(delayMs);
    return systemClock.after(delayMs / 1000, fn);
  },
};

/** Past one that began after now. */
async function reviewed(): Promise<void> {
  const before = delaysMs.length;
  await until(() => delaysMs.length >= before + 2);
}

function start(options: Partial<Parameters<typeof Installation.start>[0]> = {}) {
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
  await reviewed();
  expect(existsSync(confDir())).toBe(false);
  expect(new Set(delaysMs)).toEqual(new Set([500]));
  notReady = undefined;
  await until(() => conf() !== '' && delaysMs.includes(30_000));
  expect(JSON.parse(conf())).toEqual({
    name: 'k8s-pod-network',
    cniVersion: '1.0.0',
    plugins: [{ type: 'tortie', capabilities: { ips: true, mac: true } }],
  });
  expect(readdirSync(confDir())).toEqual(['10-tortie.conflist']);
});

test('whatever the umask, all may read them and execute the plugins', async () => {
  const umask = process.umask(0o077);
  try {
    start();
    await until(() => conf() !== '');
  } finally {
    process.umask(umask);
  }
  const modes = [join(binDir(), 'tortie'), join(confDir(), '10-tortie.conflist')].map(
    (path) => statSync(path).mode & 0o777,
  );
  expect(modes).toEqual([0o755, 0o644]);
});

test.each(['cniBinDir', 'cniConfDir'])('%s none: nothing is put there', async (name) => {
  start({ [name]: 'none' });
  await reviewed();
  expect([existsSync(binDir()), existsSync(confDir())].sort()).toEqual([false, true]);
  for (const path of written) expect(path).toMatch(folder);
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
      { type: 'portmap', snat: true, capabilities: { portMappings: true } },
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

test.each(['10-calico.conflist', '00-x.conf', '00-x.json'])(
  '%s comes before ours, and is named, once for as long as it is there',
  async (name) => {
    start();
    await until(() => conf() !== '');
    for (const other of ['00-x.conflist.bak', '99-x.conf'])
      writeFileSync(join(confDir(), other), '{}');
    await reviewed();
    expect(warnings).toEqual([]);
    const path = join(confDir(), name);
    const isNamed = expect.stringContaining(`${name} comes before 10-tortie.conflist`);
    writeFileSync(path, '{}');
    await reviewed();
    await reviewed();
    expect(warnings).toEqual([isNamed]);
    rmSync(path);
    await reviewed();
    writeFileSync(path, '{}');
    await reviewed();
    expect(warnings).toEqual([isNamed, isNamed]);
  },
);

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
