/**
 * Starts a TypeScript entry under Node 24 or newer, which runs .ts as it is.
 * Plain JavaScript for Node 18+: where the machine's own Node is older than 24, the one that the
 * npm package `node` brought is started in its place, and this process only waits for it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node');

/**
 * Keeps V8's young generation at the 1 MB it begins with; of itself it grows to 32 MB, all of it resident.
 * Routes live in typed arrays, and what the hot paths make is garbage at once, so a small one costs no
 * time. To be set before anything is loaded, which alone lets it grow.
 */
const SMALL_NURSERY = '--semi-space-growth-factor=1';

/** `entry` is a path below the checkout; the command line's arguments go to it unchanged. */
export async function runUnderNode24(entry) {
  const script = join(root, entry);
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    setFlagsFromString(SMALL_NURSERY);
    process.argv[1] = script;
    await import(script);
    return;
  }
  if (!existsSync(bundledNode)) {
    console.error(
      `tortie needs Node 24; this is ${process.version}, and node_modules is not installed. Run: npm ci`,
    );
    process.exit(1);
  }
  const flags = [SMALL_NURSERY, '--disable-warning=ExperimentalWarning'];
  const args = [...flags, script, ...process.argv.slice(2)];
  const child = spawn(bundledNode, args, { stdio: 'inherit' });
  // A terminal's Ctrl-C reaches the child by itself (same process group); a `kill` of this process does not.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.exitCode = 128 + 15;
    else process.exitCode = code ?? 1;
  });
}
