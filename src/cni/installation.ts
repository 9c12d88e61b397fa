/**
 * What a container runtime finds of us on the node: the plugins, and, once the agent is ready, the conf list that makes
 * the node ready for pods. Both are looked at again from time to time, and put back when somebody changed them.
 *
 * There is no kubeconfig beside them: the plugin asks the agent over its socket and has no credentials that could
 * expire.
 */
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import { buildCniPlugin } from './build.ts';
import { CONF_LIST_FILE, confList, isConfFile } from './conf-list.ts';
import type { CniVersion } from './protocol.ts';

/** One program: the agent knows by the conf whether it is asked to wire, or only for addresses. */
const PLUGINS = ['tortie', 'tortie-ipam'] as const;
/** Plugins of others that the conf list goes on to, where they are installed. */
const CHAINED = ['portmap', 'bandwidth'] as const;
/** A kubelet looks for the conf list every few seconds while it has none. */
const READY_LOOK_MS = 500;
const REVIEW_MS = 30_000;

export interface InstallationOptions {
  /** Folders, or `none`: nothing is put there. */
  cniConfDir: string;
  cniBinDir: string;
  cniVersion: CniVersion;
  /** Why pods cannot be added yet: until then there is no conf list, but for one that an earlier run left. */
  notReady: () => string | undefined;
  clock: Clock;
  random: Random;
  log: Log;
  /** @default buildCniPlugin: the folder that holds the plugin, compiled if need be */
  build?: () => string;
}

export class Installation {
  readonly #options: InstallationOptions;
  /** What was said last of each folder: said once, until it changes. */
  readonly #said = new Map<string, string>();
  #timer: Timer | undefined;
  #closed = false;

  private constructor(options: InstallationOptions) {
    this.#options = options;
  }

  static start(options: InstallationOptions): Installation {
    const installation = new Installation(options);
    void installation.#review();
    return installation;
  }

  /** What is in place stays: pods come and go by it while the agent is restarted. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #review(): Promise<void> {
    const { clock, random, notReady, cniBinDir, cniConfDir } = this.#options;
    await this.#try(cniBinDir, () => this.#installPlugins());
    const isReady = notReady() === undefined;
    if (isReady) await this.#try(cniConfDir, () => this.#writeConfList());
    if (this.#closed) return;
    const delayMs = isReady ? REVIEW_MS * (0.5 + random()) : READY_LOOK_MS;
    this.#timer = clock.after(delayMs, () => void this.#review());
  }

  async #try(folder: string, work: () => Promise<void>): Promise<void> {
    if (folder === 'none') return;
    try {
      await work();
      this.#said.delete(folder);
    } catch (error) {
      this.#say(folder, `${folder}: ${(error as Error).message}; trying again`);
    }
  }

  #say(about: string, message: string): void {
    if (this.#said.get(about) === message) return;
    this.#said.set(about, message);
    this.#options.log.warn({}, message);
  }

  async #installPlugins(): Promise<void> {
    const { cniBinDir, log, build = buildCniPlugin } = this.#options;
    const plugin = await readFile(join(build(), 'tortie'));
    await mkdir(cniBinDir, { recursive: true, mode: 0o755 });
    for (const name of PLUGINS) {
      const path = join(cniBinDir, name);
      if (await holds(path, plugin)) continue;
      await replaceFile(path, plugin, 0o755);
      log.info({ path }, 'installed the CNI plugin');
    }
  }

  async #writeConfList(): Promise<void> {
    const { cniConfDir, cniBinDir, cniVersion, log } = this.#options;
    const installed = await Promise.all(CHAINED.map((name) => isThere(join(cniBinDir, name))));
    const text = confList({ cniVersion, chained: CHAINED.filter((_, index) => installed[index]) });
    await mkdir(cniConfDir, { recursive: true, mode: 0o755 });
    const path = join(cniConfDir, CONF_LIST_FILE);
    if (!(await holds(path, Buffer.from(text)))) {
      await replaceFile(path, text, 0o644);
      log.info({ path }, 'wrote the CNI conf list: this node is ready for pods');
    }
    const files = (await readdir(cniConfDir)).filter(isConfFile).sort();
    const [first] = files;
    if (first !== undefined && first < CONF_LIST_FILE)
      this.#say(
        'order',
        `${join(cniConfDir, first)} comes before ${CONF_LIST_FILE}: runtimes use that one, and pods are not ours. Remove it, or rename it`,
      );
    else this.#said.delete('order');
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function holds(path: string, content: Buffer): Promise<boolean> {
  return readFile(path).then(
    (found) => found.equals(content),
    () => false,
  );
}

/** Whole or not at all, also over a power cut, and also while the old one is being executed. */
async function replaceFile(path: string, content: string | Buffer, mode: number): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(unfinished, 'w', mode);
    try {
      await file.writeFile(content);
      // Whatever the umask.
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
