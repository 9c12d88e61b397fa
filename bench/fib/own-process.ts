/** A program of ours on a host, which waits for orders (orders.ts). */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Host } from './host.ts';
import type { Figures } from './results.ts';

export class OwnProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when it is ready. */
  static async start(host: Host, script: string, ...args: string[]): Promise<OwnProcess> {
    const path = join(import.meta.dirname, script);
    const child = host.spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path, ...args],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    child.on('exit', (status) => {
      if (status) throw new Error(`${script} ended with ${status}; see above`);
    });
    await once(child, 'message');
    return new OwnProcess(child);
  }

  async ask<Answer>(order: string): Promise<Answer> {
    this.#child.send(order);
    const [answer] = await once(this.#child, 'message');
    return answer;
  }

  /** What it took since the last time asked. */
  figures(): Promise<Figures> {
    return this.ask('figures');
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
