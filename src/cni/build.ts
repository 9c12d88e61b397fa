/** Compiles the CNI plugin on first use, into a folder of `build/cni` that is named by its source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('plugin.c', import.meta.url));
const BUILD = fileURLToPath(new URL('../../build/cni', import.meta.url));
const FLAGS = ['-O2', '-static', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

/** The folder that holds the plugin, `tortie`. Safe to call from several processes at once. */
export function buildCniPlugin(): string {
  const hash = createHash('sha256').update(readFileSync(SOURCE)).update(FLAGS.join(' '));
  const folder = join(BUILD, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  // Built aside and renamed, so that no other process sees half of it.
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    execFileSync('cc', [...FLAGS, '-o', join(aside, 'tortie'), SOURCE], { stdio: 'pipe' });
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (existsSync(folder)) return folder;
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT')
      throw new Error('the CNI plugin needs a C compiler: apt-get install gcc libc6-dev');
    throw new Error(`cannot build the CNI plugin: ${stderr?.toString() || message}`);
  }
  return folder;
}
