/** Starts the forwarder's process, which outlives ours. */

import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { inNamespace, type Namespace } from 'rtnetlink-ts';
import { buildForwarder } from './build.ts';

const MAX_WORDS = 1000;

/** @returns resolves once it runs. @throws Error when it can't be built. */
export type StartForwarder = (args: readonly string[]) => Promise<StartedForwarder>;

export interface StartedForwarder {
  /** Resolves when it ends, with its last words. */
  readonly ended: Promise<string>;
}

/** @param netns where its device and its sockets are. */
export function openForwarder(netns: Namespace): StartForwarder {
  return async (args) => {
    const program = await buildForwarder();
    // A child begins in the namespace of the thread that starts it.
    const child = inNamespace(netns, () =>
      spawn(program, args, {
        // Of a session of its own: what is sent to our process group is not for it.
        detached: true,
        cwd: '/',
        env: {},
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    );
    const stderr = child.stderr as Socket;
    child.unref();
    stderr.unref();
    let words = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-MAX_WORDS);
    });
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) =>
      resolve(words.trim() || `it ended with ${signal ?? `code ${code}`}`),
    );
    return { ended };
  };
}
