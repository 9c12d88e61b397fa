/** One change as watchers see it: whether it concerns them, of which type, and its line. */
import { stringifyJson } from '../../api/index.ts';
import type { Choice } from './choice.ts';
import { type AnyObject, parseStored } from './objects.ts';
import type { Change, Revisions } from './revisions.ts';
import type { Served } from './served.ts';
import type { Status } from './status.ts';
import { textAtRevision } from './storage.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface WatchEvent {
  type: EventType;
  /** JSON. */
  text: string;
  /** The whole line of a watch that asked for plain JSON; shared by its readers. */
  line: Buffer;
}

export function eventLine(type: string, text: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${text}}\n`);
}

export function errorLine(status: Status): Buffer {
  return eventLine('ERROR', stringifyJson(status));
}

/** A change that many watchers may look at: what they all need is computed once. */
export class Observed {
  readonly change: Change;
  readonly #revisions: Pick<Revisions, 'textAt'>;
  #object: AnyObject | undefined;
  #previous: AnyObject | undefined;
  #own: WatchEvent | undefined;

  constructor(change: Change, revisions: Pick<Revisions, 'textAt'>) {
    this.change = change;
    this.#revisions = revisions;
  }

  /** What the change is to a watcher of `choice`; undefined when it is nothing to it. */
  as(served: Served, choice: Choice): WatchEvent | undefined {
    const { previous, deleted } = this.change;
    if (choice.isAll) return this.#asItself();
    const was = previous > 0 && choice.includes(served, this.#before());
    const is = !deleted && choice.includes(served, this.#now());
    if (was && is) return this.#asItself();
    if (is) return previous === 0 ? this.#asItself() : this.#event('ADDED', this.change.text);
    if (!was) return undefined;
    if (deleted) return this.#asItself();
    // It is chosen no longer: kube sends the state that was, numbered by this change.
    return this.#event('DELETED', textAtRevision(this.#before(), this.change.revision));
  }

  #asItself(): WatchEvent {
    const { previous, deleted, text } = this.change;
    this.#own ??= this.#event(deleted ? 'DELETED' : previous === 0 ? 'ADDED' : 'MODIFIED', text);
    return this.#own;
  }

  #event(type: EventType, text: string): WatchEvent {
    return { type, text, line: eventLine(type, text) };
  }

  #now(): AnyObject {
    this.#object ??= parseStored(this.change.text);
    return this.#object;
  }

  #before(): AnyObject {
    const { previous, text } = this.change;
    // The state before a change that is not compacted is not compacted either.
    this.#previous ??= parseStored(this.#revisions.textAt(previous) ?? text);
    return this.#previous;
  }
}
