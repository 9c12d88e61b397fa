/** Compiles the forwarder on first use, into a folder of `build/forwarder` that is named by its source. */

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = join(import.meta.dirname, 'forwarder');
const BUILD = join(import.meta.dirname, '..', '..', '..', 'build', 'forwarder');
// O3: checksums in vector instructions. Static: its container needs nothing else.
const FLAGS = ['-O3', '-static', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

export interface BuiltForwarder {
  readonly path: string;
  /** What its source hashes to; one that runs says so of itself. */
  readonly version: string;
}

/** Takes seconds the first time, off the loop; safe to call from several processes at once. */
export async function buildForwarder(): Promise<BuiltForwarder> {
  const files = globSync('*.{c,h}', { cwd: SOURCE }).sort();
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of files) hash.update(file).update(readFileSync(join(SOURCE, file)));
  const version = hash.digest('hex').slice(0, 16);
  const folder = join(BUILD, version);
  const built = { path: join(folder, 'forwarder'), version };
  if (existsSync(folder)) return built;
  // Built aside and renamed, so that no other process sees half of it.
  const aside = `${folder}.${randomUUID()}`;
  await mkdir(aside, { recursive: true });
  try {
    const sources = files.filter((file) => file.endsWith('.c'));
    const words = [...FLAGS, `-DPROGRAM="${version}"`, '-o', join(aside, 'forwarder')];
    await promisify(execFile)('cc', [...words, ...sources], { cwd: SOURCE });
    await rename(aside, folder);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    if (existsSync(folder)) return built;
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT')
      throw new Error('the UDP forwarder needs a C compiler: apt-get install gcc libc6-dev');
    throw new Error(`cannot build the UDP forwarder: ${stderr || message}`);
  }
  return built;
}
