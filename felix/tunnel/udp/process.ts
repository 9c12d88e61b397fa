/** Starts the forwarder's process, which outlives ours. */

import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { inNamespace, type Namespace } from 'rtnetlink-ts';
import { deviceName } from '../../ours.ts';
import { UDP_TUNNEL_PORT } from '../kinds.ts';
import { buildForwarder } from './build.ts';

const MAX_WORDS = 1000;

export interface ForwarderProgram {
  /** What a running one of this version says of itself. @throws Error when it can't be built. */
  version(): Promise<string>;
  /** Resolves once it is started; should it not run, `ended` says why. @throws Error when it can't be built. */
  start(args: readonly string[]): Promise<StartedForwarder>;
}

export interface StartedForwarder {
  /** Resolves when it ends, with its last words. */
  readonly ended: Promise<string>;
}

/** Of the one whose files are in this folder. */
export function forwarderFiles(folder: string): { table: string; socket: string } {
  return { table: join(folder, 'table'), socket: join(folder, 'socket') };
}

/** Its command line, but for `--apart`. */
export function forwarderArguments(folder: string): string[] {
  const { table, socket } = forwarderFiles(folder);
  return [deviceName('udp', 4), `${UDP_TUNNEL_PORT}`, table, socket];
}

/** @param netns where its device and its sockets are. */
export function openForwarder(netns: Namespace | undefined): ForwarderProgram {
  const version = async () => (await buildForwarder()).version;
  const start = async (args: readonly string[]) => {
    const { path } = await buildForwarder();
    // A child begins in the namespace of the thread that starts it.
    const child = inNamespace(netns, () =>
      spawn(path, args, {
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
  return { version, start };
}
