import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CniCommands, type CniCommandsOptions } from '../../src/cni/commands.ts';
import { readRequest } from '../../src/cni/protocol.ts';
import { Releases } from '../../src/cni/releases.ts';
import { systemClock } from '../../src/system.ts';

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-releases-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Delays a hundredth as long, so that a retry comes in milliseconds. */
const fastClock = {
  ...systemClock,
  after: (delayMs: number, fn: () => void) => systemClock.after(delayMs / 100, fn),
};

const fastClockPasses = (ms: number) =>
  new Promise<void>((resolve) => fastClock.after(ms, resolve));

async function open(release: (handleId: string) => Promise<unknown>) {
  return await Releases.open({ folder, release, clock: fastClock, random: () => 0.5, log });
}

async function until(check: () => boolean): Promise<void> {
  for (let round = 0; round < 3_000 && !check(); round++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(check()).toBe(true);
}

test('a release that works leaves nothing to do', async () => {
  const released: string[] = [];
  const releases = await open(async (handleId) => released.push(handleId));
  await releases.release('net.c1');
  expect(released).toEqual(['net.c1']);
  expect(releases.pending).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  releases.close();
});

test('one that fails is on disk before it is answered, and done when the datastore is back', async () => {
  let isAway = true;
  const released: string[] = [];
  const releases = await open(async (handleId) => {
    if (isAway) throw new Error('away');
    released.push(handleId);
  });
  await releases.release('net.c1');
  await releases.release('net.c2');
  expect(readdirSync(folder)).toHaveLength(2);
  isAway = false;
  await until(() => releases.pending === 0);
  expect(released.sort()).toEqual(['net.c1', 'net.c2']);
  expect(readdirSync(folder)).toEqual([]);
  releases.close();
});

test('what an earlier run could not release, the next one does', async () => {
  const first = await open(() => Promise.reject(new Error('away')));
  await first.release('net.c1');
  first.close();
  const released: string[] = [];
  const second = await open(async (handleId) => released.push(handleId));
  await until(() => second.pending === 0);
  expect(released).toEqual(['net.c1']);
  second.close();
});

test('a file without text is of a DEL that was never answered: nothing is to be released', async () => {
  writeFileSync(join(folder, 'net.c1'), '');
  const releases = await open(async () => {});
  expect(releases.pending).toBe(0);
  releases.close();
});

test('a handle of whatever text stays in its folder', async () => {
  const releases = await open(() => Promise.reject(new Error('away')));
  await releases.release('net./../../c1');
  releases.close();
  const next = await open(() => Promise.reject(new Error('away')));
  expect([next.pending, readdirSync(folder).length]).toEqual([1, 1]);
  next.close();
});

test('what is revoked while another is tried again is not released after it', async () => {
  let isAway = true;
  const released: string[] = [];
  const { promise: hanging, resolve: goOn } = Promise.withResolvers<void>();
  const releases = await open(async (handleId) => {
    if (isAway) throw new Error('away');
    released.push(handleId);
    await hanging;
  });
  for (const handleId of ['net.c1', 'net.c2']) await releases.release(handleId);
  isAway = false;
  await until(() => released.length === 1);
  await releases.revoke('net.c2');
  goOn();
  await until(() => releases.pending === 0 && readdirSync(folder).length === 0);
  expect(released).toEqual(['net.c1']);
  releases.close();
});

describe('a container that is started again has its ID, and so its handle', () => {
  const HANDLE = 'net.c1.eth0';
  let isAway: boolean;
  /** What holds addresses in IPAM. */
  let held: Set<string>;
  let beforeRelease: () => Promise<void>;
  let releases: Releases;
  let commands: CniCommands;

  beforeEach(async () => {
    [isAway, held, beforeRelease] = [true, new Set([HANDLE]), async () => {}];
    releases = await open(async (handleId) => {
      await beforeRelease();
      if (isAway) throw new Error('away');
      held.delete(handleId);
    });
    commands = new CniCommands({
      ...{ log, releases, families: () => [4], notReady: () => undefined },
      felix: { endpoints: () => [] },
      assign: async ({ handleId }: { handleId: string }) => {
        held.add(handleId);
        return [{ family: 4, address: '10.60.0.1', block: '10.60.0.0/26' }];
      },
    } as unknown as CniCommandsOptions);
  });
  afterEach(() => releases.close());

  const run = (command: 'ADD' | 'DEL') => {
    const variables = { CNI_COMMAND: command, CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0' };
    const conf = {
      ...{ cniVersion: '1.0.0', name: 'net', type: 'bridge' },
      ipam: { type: 'tortie-ipam' },
    };
    const request = readRequest(
      new Map(Object.entries({ ...variables, CNI_NETNS: '/run/netns/c1' })),
      JSON.stringify(conf),
    );
    return commands.run(request, '/run/netns/c1');
  };

  test('what a DEL could not release is not released any more', async () => {
    await run('DEL');
    expect(releases.pending).toBe(1);
    isAway = false;
    await run('ADD');
    expect(releases.pending).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    // Longer than until the next attempt was due.
    await fastClockPasses(5_000);
    expect([...held]).toEqual([HANDLE]);
  });

  test('nor by a release that was given up, and works late: the ADD waits for it', async () => {
    const { promise: hanging, resolve: goOn } = Promise.withResolvers<void>();
    beforeRelease = () => hanging;
    await run('DEL');
    isAway = false;
    const added = run('ADD');
    await fastClockPasses(5_000);
    goOn();
    await added;
    expect([...held]).toEqual([HANDLE]);
    expect(releases.pending).toBe(0);
  });
});
