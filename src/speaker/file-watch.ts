/** Hears of changes of files, also when an editor or a ConfigMap mount puts another file in a file's place. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Log, Timer } from '../../ports.ts';

/** A file that is being written changes several times; what is read between is half of it. */
const SETTLE_MS = 200;
/** The link that a ConfigMap mount replaces when any of its files changes. */
const CONFIG_MAP_LINK = '..data';

export interface FileWatchOptions {
  readonly files: readonly string[];
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
  /** One of the files may have changed, and has not for a moment. */
  readonly changed: () => void;
}

export class FileWatch {
  readonly #watchers: FSWatcher[] = [];
  readonly #options: FileWatchOptions;
  #settling: Timer | undefined;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    // Folders, not files: a watch of a file stays with the one that is replaced.
    const folders = Map.groupBy(options.files, dirname);
    for (const [folder, files] of folders) {
      this.#watch(folder, new Set([CONFIG_MAP_LINK, ...files.map((file) => basename(file))]));
    }
  }

  close(): void {
    this.#settling?.cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(folder: string, names: ReadonlySet<string>): void {
    const { log } = this.#options;
    const failed = (error: Error) =>
      log.warn({ folder, why: error.message }, 'cannot watch for changes; SIGHUP reads anew');
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || names.has(name)) this.#settle();
      });
      watcher.on('error', failed);
      this.#watchers.push(watcher);
    } catch (error) {
      failed(error as Error);
    }
  }

  #settle(): void {
    const { clock, changed } = this.#options;
    this.#settling?.cancel();
    this.#settling = clock.after(SETTLE_MS, changed);
  }
}
