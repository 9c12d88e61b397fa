/** Compiles a benchmark's C programs on first use, into a folder of `build/bench` that is named by their source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const BUILD = join(import.meta.dirname, '..', 'build', 'bench');
const FLAGS = ['-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

/**
 * @param source the folder of the C files
 * @param programs each with its files
 * @returns the folder of the programs
 */
export function compile(source: string, programs: Readonly<Record<string, string[]>>): string {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of globSync('*.{c,h}', { cwd: source }).sort())
    hash.update(file).update(readFileSync(join(source, file)));
  const folder = join(BUILD, hash.digest('hex').slice(0, 16));
  if (!existsSync(folder)) compileInto(folder, source, programs);
  return folder;
}

function compileInto(
  folder: string,
  source: string,
  programs: Readonly<Record<string, string[]>>,
): void {
  // Built aside and renamed, so that half of it is never taken for the whole.
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    for (const [program, files] of Object.entries(programs))
      execFileSync('cc', [...FLAGS, '-o', join(aside, program), ...files], { cwd: source });
    renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
