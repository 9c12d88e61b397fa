/** Which agent or speaker on this machine a command is about. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { INSPECT_SOCKET, SPEAKER_SOCKET } from '../inspect/client.ts';
import { UsageError } from './kinds.ts';

export function withSocket(command: Command): Command {
  return command.option(
    '--socket <path>',
    'inspect socket of the agent or speaker',
    // The agent's, unless only a speaker runs here.
    [INSPECT_SOCKET, SPEAKER_SOCKET].find((path) => existsSync(path)) ?? INSPECT_SOCKET,
  );
}

/** @param asked What is asked of whoever is at `socket`. */
export function answerFrom<T>(socket: string, asked: Promise<T>): Promise<T> {
  return asked.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED') throw error;
    throw new UsageError(
      `nobody answers at ${socket}: no tortie agent or speaker runs here, or it has another socket (--socket)`,
    );
  });
}
