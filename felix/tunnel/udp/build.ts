/** Compiles the forwarder on first use, into a folder of `build/forwarder` that is named by its source. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'forwarder');
const BUILD = join(import.meta.dirname, '..', '..', '..', 'build', 'forwarder');
// O3: checksums in vector instructions. Static: its container needs nothing else.
const FLAGS = ['-O3', '-static', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror'];

/** The path of the program. Safe to call from several processes at once. */
export function buildForwarder(): string {
  const files = globSync('*.{c,h}', { cwd: SOURCE }).sort();
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of files) hash.update(file).update(readFileSync(join(SOURCE, file)));
  const folder = join(BUILD, hash.digest('hex').slice(0, 16));
  const program = join(folder, 'forwarder');
  if (existsSync(folder)) return program;
  // Built aside and renamed, so that no other process sees half of it.
  const aside = `${folder}.${process.pid}`;
  mkdirSync(aside, { recursive: true });
  try {
    const sources = files.filter((file) => file.endsWith('.c'));
    execFileSync('cc', [...FLAGS, '-o', join(aside, 'forwarder'), ...sources], {
      cwd: SOURCE,
      stdio: 'pipe',
    });
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    if (existsSync(folder)) return program;
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    if (code === 'ENOENT')
      throw new Error('the UDP forwarder needs a C compiler: apt-get install gcc libc6-dev');
    throw new Error(`cannot build the UDP forwarder: ${stderr?.toString() || message}`);
  }
  return program;
}
