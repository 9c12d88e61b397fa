/** Building the addon, and how processes and threads that use it end. Needs root: makes namespaces. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '../../packages/rtnetlink-ts');

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'addon-')));
  // For the scripts' imports.
  symlinkSync(join(PACKAGE, '../../node_modules'), join(folder, 'node_modules'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a module in a process and a network namespace of its own. */
function run(script: string) {
  return spawnSync('unshare', ['--net', process.execPath, write('script.mts', script)], {
    encoding: 'utf8',
    timeout: 60_000,
  });
}

function write(name: string, script: string): string {
  const file = join(folder, name);
  writeFileSync(file, script);
  return file;
}

describe('building', () => {
  const copy = () => {
    const to = join(folder, 'rtnetlink-ts');
    cpSync(PACKAGE, to, {
      recursive: true,
      filter: (path) => path !== join(PACKAGE, 'build'),
    });
    return to;
  };
  const build = (at: string, env: NodeJS.ProcessEnv = process.env) =>
    spawnSync(process.execPath, [join(at, 'build-addon.ts')], { encoding: 'utf8', env });

  test('on first use, once, and anew when the source has changed', () => {
    const at = copy();
    const first = build(at);
    expect(first.stderr).toBe('');
    expect(first.stdout).toMatch(/build\/rtnetlink-linux-\w+-\d+-[0-9a-f]{16}\.node\n$/);
    expect(build(at).stdout).toBe(first.stdout);
    expect(readdirSync(join(at, 'build'))).toHaveLength(1);
    writeFileSync(join(at, 'addon/addon.h'), '\n', { flag: 'a' });
    expect(build(at).stdout).not.toBe(first.stdout);
    expect(readdirSync(join(at, 'build'))).toHaveLength(2);
  });

  test('without a compiler: what to install', () => {
    const { status, stderr } = build(copy(), { PATH: folder });
    expect(status).toBe(1);
    expect(stderr).toContain('rtnetlink-ts cannot compile its addon: there is no C compiler');
    expect(stderr).toContain('apt-get install gcc libc6-dev');
  });

  test('with a compiler that fails: what it said, and nothing half-made', () => {
    const at = copy();
    writeFileSync(join(at, 'addon/addon.h'), '#error no such thing\n');
    const { status, stderr } = build(at);
    expect(status).toBe(1);
    expect(stderr).toContain('#error no such thing');
    expect(stderr).toContain('apt-get install gcc libc6-dev');
    expect(readdirSync(join(at, 'build'))).toEqual([]);
  });

  test('by several processes at once', async () => {
    const at = copy();
    const script = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      const children = Array.from({ length: 4 }, () =>
        spawn(process.execPath, [${JSON.stringify(join(at, 'build-addon.ts'))}], { stdio: 'inherit' }));
      const codes = await Promise.all(children.map((child) => once(child, 'exit')));
      console.log(JSON.stringify(codes.map(([code]) => code)));`;
    const { stdout } = run(script);
    expect(stdout.trim().split('\n').at(-1)).toBe('[0,0,0,0]');
    expect(readdirSync(join(at, 'build'))).toHaveLength(1);
  });
});

const OPEN_ALL = `
  import { listenSeqpacket, openNetlink } from 'rtnetlink-ts';
  const netlink = openNetlink();
  netlink.monitor(['link', 'route'], () => {}, () => {});`;

describe('ending', () => {
  test('process.exit with everything open', () => {
    const { status, stderr } = run(`${OPEN_ALL}
      const path = ${JSON.stringify(folder)} + '/socket';
      listenSeqpacket({ path, onConnection() {} });
      netlink.batchOffLoop([{ action: 'add', link: { name: 'x', kind: { kind: 'bridge' } } }]);
      process.exit(7);`);
    expect([status, stderr]).toEqual([7, '']);
  });

  test('a monitor keeps the process alive until it is closed', () => {
    const { status, stderr, stdout } = run(`${OPEN_ALL}
      setTimeout(() => { console.log('closing'); netlink.close(); }, 50);`);
    expect([status, stderr, stdout]).toEqual([0, '', 'closing\n']);
  });

  test('worker.terminate with everything open', () => {
    const worker = `${OPEN_ALL}
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage(netlink.link('lo').name);
      netlink.batchOffLoop([{ action: 'add', link: { name: 'x', kind: { kind: 'bridge' } } }]);
      setInterval(() => {}, 1000);`;
    const { status, stderr, stdout } = run(`
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      import { openNetlink } from 'rtnetlink-ts';
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(${JSON.stringify(write('worker.mts', worker))});
        const [name] = await once(worker, 'message');
        console.log(name, await worker.terminate());
      }
      const netlink = openNetlink();
      console.log(netlink.link('lo').index);
      netlink.close();`);
    expect([status, stderr, stdout]).toEqual([0, '', 'lo 1\nlo 1\nlo 1\n1\n']);
  });

  test('an exception in a callback is an uncaught exception, as anywhere', () => {
    const { status, stdout, stderr } = run(`
      import { openNetlink } from 'rtnetlink-ts';
      process.on('uncaughtException', (error) => {
        console.log(error.message);
        netlink.close();
      });
      const netlink = openNetlink();
      netlink.monitor(['link'], () => { throw new Error('from the callback'); }, () => {});
      netlink.change({ action: 'change', link: { name: 'lo', up: true } });`);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^(from the callback\n)+$/);
    expect(status).toBe(0);
  });

  test('no way back from a namespace: the process ends, with a message', () => {
    const { signal, status, stderr, stdout } = run(`
      import { addon } from ${JSON.stringify(join(PACKAGE, 'addon.ts'))};
      import { inNamespace } from 'rtnetlink-ts';
      const { setns } = addon;
      addon.setns = (fd) => { addon.setns = () => -1; return setns(fd); };
      try {
        inNamespace('/proc/self/ns/net', () => console.log('inside'));
      } finally {
        console.log('went on');
      }`);
    expect(stdout).toBe('inside\n');
    expect(stderr).toContain('rtnetlink-ts: EPERM on the way back from a network namespace');
    expect([signal, status]).not.toContain(0);
  });
});
