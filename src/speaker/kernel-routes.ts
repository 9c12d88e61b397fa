/** `--install-routes`: this machine forwards by what the speaker chose. Felix programs it, as it does on a node. */
import { parseAddress, parsePrefix, type ZonedAddress } from 'net-ipaddr';
import type { Speaker, SpeakerConfig } from '../../bgp/speaker.ts';
import { Felix } from '../../felix/felix.ts';
import { type Kernel, openKernel } from '../../felix/kernel.ts';
import type { Log } from '../../ports.ts';
import { programLearnedRoutes } from '../agent/learned-routes.ts';
import { agentRuns } from '../inspect/client.ts';
import { systemClock } from '../system.ts';

/** No pod is wired here: the folder stays empty, and is not made. */
const STATE_DIR = '/var/lib/tortie/speaker';
/** How long routes of an earlier run stay while their peers are not back. */
const CONVERGENCE_DEADLINE_MS = 60_000;

export class KernelRoutes {
  readonly #kernel: Kernel;
  readonly #felix: Felix;
  #isOpen = false;

  private constructor(kernel: Kernel, felix: Felix) {
    this.#kernel = kernel;
    this.#felix = felix;
  }

  /** Reads what is there. @throws where it is not allowed to. */
  static async start(log: Log): Promise<KernelRoutes> {
    if (await agentRuns())
      throw new Error(
        '--install-routes: a tortie agent runs here, and the routes of protocol 80 are its own; stop one of the two',
      );
    const kernel = openKernel();
    const felix = new Felix({
      kernel,
      clock: systemClock,
      random: Math.random,
      log: log.child({ room: 'felix' }),
      stateDir: STATE_DIR,
      learnedDeadlineMs: CONVERGENCE_DEADLINE_MS,
    });
    await felix.start();
    return new KernelRoutes(kernel, felix);
  }

  /** As the speaker's options have it. */
  readonly resolve = (nextHop: ZonedAddress) => this.#felix.resolve(nextHop);

  /** To be called before the speaker is configured. */
  program(speaker: Speaker): void {
    programLearnedRoutes(speaker, this.#felix);
  }

  /** Before it is configured: whether an earlier run's routes are there, by which packets went on. */
  get hasForwarded(): boolean {
    return this.#felix.hasRoutes;
  }

  /** The speaker has this configuration now: its addresses are not to be cut off, its blocks go nowhere else. */
  configured(speaker: Speaker, { peers, originations }: SpeakerConfig): void {
    const own = peers.flatMap(({ localAddress4, localAddress6 }) => [localAddress4, localAddress6]);
    const addresses = new Set(own.filter((address) => address !== undefined));
    this.#felix.setNodeAddresses([...addresses].map(parseAddress));
    this.#felix.setLocalBlocks(originations.map(({ prefix }) => parsePrefix(prefix)));
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#felix.setDatastoreInSync();
    void speaker.whenConverged(CONVERGENCE_DEADLINE_MS).then(() => this.#felix.setLearnedInSync());
  }

  /** The routes stay: `tortie cleanup` removes them. */
  async close(): Promise<void> {
    await this.#felix.close();
    this.#kernel.host.close();
  }
}
