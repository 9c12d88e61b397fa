/**
 * The rtm_protocols of our routes: ours, and others that FelixConfiguration has had. They are in a file, so that
 * the next agent knows the routes that this one leaves, and `tortie cleanup` finds them.
 */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../ports.ts';
import { PROTOCOL } from '../ours.ts';

/** A file that says nothing we understand is one that is not there. */
export async function readRouteProtocols(stateDir: string): Promise<Set<number>> {
  const text = await readFile(pathIn(stateDir), 'utf8').catch(() => '');
  const numbers = text.split('\n').filter((line) => /^\d{1,3}$/.test(line));
  return new Set([PROTOCOL, ...numbers.map(Number)]);
}

/** Once their routes are gone. */
export function forgetRouteProtocols(stateDir: string): Promise<void> {
  return rm(pathIn(stateDir), { force: true });
}

export class RouteProtocols {
  readonly #all = new Set([PROTOCOL]);
  readonly #stateDir: string;
  readonly #log: Log;
  #writing = Promise.resolve();

  /** @param stateDir is there by the first `add`. */
  constructor(stateDir: string, log: Log) {
    this.#stateDir = stateDir;
    this.#log = log;
  }

  get all(): ReadonlySet<number> {
    return this.#all;
  }

  /** Those of earlier runs, too, from now on. */
  async load(): Promise<void> {
    for (const protocol of await readRouteProtocols(this.#stateDir)) this.#all.add(protocol);
  }

  add(protocol: number): void {
    if (this.#all.has(protocol)) return;
    this.#all.add(protocol);
    const text = [...this.#all, ''].join('\n');
    this.#writing = this.#writing
      .then(() => writeFile(pathIn(this.#stateDir), text, { mode: 0o600 }))
      .catch((error: Error) =>
        this.#log.warn(
          { error: error.message },
          'the protocol of our routes cannot be written down: another agent would not know them',
        ),
      );
  }
}

function pathIn(stateDir: string): string {
  return join(stateDir, 'route-protocols');
}
