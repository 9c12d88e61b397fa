/**
 * Compiles the addon where it is not compiled yet: one `cc` of a quarter of a second, on first use or
 * by `node build-addon.ts`. The file's name holds a hash of all that it depends on, so that a stale
 * one is never loaded; it appears by rename, so that a half-written one is never loaded either.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, 'addon');
const BUILD = join(import.meta.dirname, 'build');
const FLAGS = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-fvisibility=hidden'];

/** @returns the path of the compiled addon. */
export function buildAddon(): string {
  const sources = globSync('*.{c,h}', { cwd: SOURCES }).sort();
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const name of sources) hash.update(name).update(readFileSync(join(SOURCES, name)));
  const abi = `${process.platform}-${process.arch}-${process.versions.modules}`;
  const built = join(BUILD, `rtnetlink-${abi}-${hash.digest('hex').slice(0, 16)}.node`);
  if (!existsSync(built)) compile(sources, built);
  return built;
}

function compile(sources: string[], built: string): void {
  makeWritable(BUILD);
  const unfinished = join(BUILD, `unfinished-${randomUUID()}.node`);
  const files = sources.filter((name) => name.endsWith('.c')).map((name) => join(SOURCES, name));
  try {
    const cc = spawnSync('cc', [...FLAGS, '-o', unfinished, ...files], { encoding: 'utf8' });
    if (cc.error) throw failure(`there is no C compiler (cc: ${cc.error.message})`);
    if (cc.status !== 0) throw failure(`cc ended with ${cc.signal ?? cc.status}:\n${cc.stderr}`);
    renameSync(unfinished, built);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Who runs unprivileged finds what the folder's owner has built, or is told to ask for it. */
function makeWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw failure(
      `${folder} cannot be written (${code})`,
      `Once, as its owner: node ${import.meta.filename}`,
    );
  }
}

function failure(
  reason: string,
  advice = 'On Debian it needs: apt-get install gcc libc6-dev',
): Error {
  return new Error(`rtnetlink-ts cannot compile its addon: ${reason}\n${advice}`);
}

if (import.meta.main) console.log(buildAddon());
