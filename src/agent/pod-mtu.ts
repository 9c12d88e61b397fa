/** Live pods' MTU follows the underlay's and the tunnels', which change without a word to them. */
import type { Felix } from '../../felix/felix.ts';
import type { Clock, Timer } from '../../ports.ts';

const LOOK_MS = 5_000;

export interface PodMtuOptions {
  felix: Pick<Felix, 'setPodMtu'>;
  /** What it should be now. */
  mtu: () => number;
  clock: Clock;
}

export class PodMtu {
  readonly #options: PodMtuOptions;
  #timer: Timer | undefined;
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
    const { clock, felix, mtu } = this.#options;
    if (this.#isClosed) return;
    this.#timer = clock.after(LOOK_MS, () => {
      void felix.setPodMtu(mtu()).then(() => this.#lookLater());
    });
  }
}
