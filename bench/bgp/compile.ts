/** Compiles the load and the relay on first use, into a folder of `build/bench` that is named by their source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'load');
const BUILD = join(import.meta.dirname, '..', '..', 'build', 'bench');
const FLAGS = ['-O2', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];
const PROGRAMS = {
  load: ['load.c', 'session.c', 'table.c', 'wire.c'],
  relay: ['relay.c', 'wire.c'],
};

/** @returns the paths of the programs. */
export function compileLoad(): { load: string; relay: string } {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of globSync('*.{c,h}', { cwd: SOURCE }).sort())
    hash.update(file).update(readFileSync(join(SOURCE, file)));
  const folder = join(BUILD, hash.digest('hex').slice(0, 16));
  if (!existsSync(folder)) compileInto(folder);
  return { load: join(folder, 'load'), relay: join(folder, 'relay') };
}

function compileInto(folder: string): void {
  // Built aside and renamed, so that half of it is never taken for the whole.
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    for (const [program, files] of Object.entries(PROGRAMS))
      execFileSync('cc', [...FLAGS, '-o', join(aside, program), ...files], { cwd: SOURCE });
    renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
