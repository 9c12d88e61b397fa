/** Live pods' MTU follows the underlay's and the tunnels', which change without a word to them. */
import type { Felix } from '../../felix/felix.ts';
import type { Clock, Log, Timer } from '../../ports.ts';

const LOOK_MS = 5_000;

export interface PodMtuOptions {
  felix: Pick<Felix, 'setPodMtu'>;
  /** What it should be now. @throws NetlinkError */
  mtu: () => number;
  clock: Clock;
  log: Log;
}

export class PodMtu {
  readonly #options: PodMtuOptions;
  #timer: Timer | undefined;
  /** Once, for as long as it is the same. */
  #told: string | undefined;
  #isClosed = false;

  private constructor(options: PodMtuOptions) {
    this.#options = options;
  }

  static start(options: PodMtuOptions): PodMtu {
    const podMtu = new PodMtu(options);
    podMtu.#lookLater();
    return podMtu;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (!this.#isClosed) this.#timer = this.#options.clock.after(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { felix, log, mtu } = this.#options;
    try {
      await felix.setPodMtu(mtu());
      this.#told = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#told)
        log.warn({ error: message }, 'cannot tell what MTU pods should have');
      this.#told = message;
    }
    this.#lookLater();
  }
}
