import { spawnSync } from 'node:child_process';

/** The first match of `pattern` in what the command says; undefined when there is no such command. */
export function versionSaid(
  pattern: RegExp,
  command: string,
  ...args: string[]
): string | undefined {
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return undefined;
  return pattern.exec(stdout + stderr)?.[0] ?? 'of unknown version';
}
