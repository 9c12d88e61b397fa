import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
