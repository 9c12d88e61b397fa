/** Compiles the CNI plugin on first use, into a folder of `build/cni` that is named by its source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('plugin.c', import.meta.url));
const BUILD = fileURLToPath(new URL('../../build/cni', import.meta.url));
const FLAGS = ['-O2', '-static', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];
/**
 * The first that is there. A program of glibc's asks about the processor when it starts, some hundred times; on
 * a virtual machine each question is a trap, and all of them cost more than the rest of a pod's ADD.
 */
const COMPILERS = ['musl-gcc', 'cc'];

/** The folder that holds the plugin, `tortie`. Safe to call from several processes at once. */
export function buildCniPlugin(): string {
  const hash = createHash('sha256').update(readFileSync(SOURCE));
  hash.update([...COMPILERS, ...FLAGS].join(' '));
  const folder = join(BUILD, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  // Built aside and renamed, so that no other process sees half of it.
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    compile([...FLAGS, '-o', join(aside, 'tortie'), SOURCE]);
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (existsSync(folder)) return folder;
    const { stderr, message } = error as Error & { stderr?: Buffer };
    throw new Error(`cannot build the CNI plugin: ${stderr?.toString() || message}`);
  }
  return folder;
}

function compile(words: readonly string[]): void {
  for (const compiler of COMPILERS)
    try {
      execFileSync(compiler, words, { stdio: 'pipe' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  throw new Error('no C compiler is there: apt-get install gcc libc6-dev musl-tools');
}
