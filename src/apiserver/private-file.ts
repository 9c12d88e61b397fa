/** Files that only their owner may read: keys, tokens, kubeconfigs. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Replaces `path` in one step, mode 0600: a reader sees the old file or the whole new one. */
export function writePrivate(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  // Mode applies to a file that is made; a left-over of an earlier crash was made by us too.
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
