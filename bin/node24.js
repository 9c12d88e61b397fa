/**
 * Starts a TypeScript entry under Node 24 or newer, which runs .ts as it is.
 * Plain JavaScript for Node 18+: where the machine's own Node is older than 24, the one that the
 * npm package `node` brought is started in its place, and this process only waits for it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node');

/** `entry` is a path below the checkout; the command line's arguments go to it unchanged. */
export async function runUnderNode24(entry) {
  const script = join(root, entry);
  if (Number(process.versions.node.split('.')[0]) >= 24) {
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
  const args = ['--disable-warning=ExperimentalWarning', script, ...process.argv.slice(2)];
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
