/** A watch whose events a test can wait for. */
import { parseJson } from '../../../api/index.ts';
import type { KubeObject, ResourceType } from '../../../ports.ts';
import type { Datastore, Selection } from '../../../src/datastore/index.ts';
import { LineSplitter } from '../../../src/datastore/lines.ts';

export interface Event {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject & { code?: number; reason?: string; spec?: Record<string, unknown> };
}

export interface Watching {
  /** All events so far, bookmarks left out, once they satisfy `enough`. Rejects after 30 s. */
  until(enough: (events: Event[]) => boolean): Promise<Event[]>;
  bookmarks: Event[];
  /** Resolves when the server ends the watch. */
  ended: Promise<void>;
  close(): void;
}

const PATIENCE_MS = 30_000;
const MAX_LINE_BYTES = 10_000_000;

export async function watching(
  store: Datastore,
  type: ResourceType,
  options: Selection & {
    resourceVersion: string;
    timeoutSeconds?: number;
    [query: string]: unknown;
  },
): Promise<Watching> {
  const stream = await store.watch(type, { timeoutSeconds: 60, ...options });
  const events: Event[] = [];
  const bookmarks: Event[] = [];
  let look = () => {};
  const ended = read();
  // A test that closes the watch does not wait for its end.
  ended.catch(() => {});

  async function read(): Promise<void> {
    const lines = new LineSplitter(MAX_LINE_BYTES);
    for await (const chunk of stream.response)
      for (const line of lines.push(chunk)) {
        const event = parseJson(line) as Event;
        (event.type === 'BOOKMARK' ? bookmarks : events).push(event);
        look();
      }
  }

  return {
    bookmarks,
    ended,
    close: () => stream.close(),
    until: (enough) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          const seen = events.map((event) => JSON.stringify(event)).join(', ');
          reject(new Error(`the events awaited did not come; there were: ${seen}`));
        }, PATIENCE_MS);
        look = () => {
          if (!enough(events)) return;
          clearTimeout(timer);
          resolve([...events]);
        };
        look();
      }),
  };
}
