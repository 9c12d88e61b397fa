/**
 * Watches. A watcher is a place in the table of revisions, never a queue: while its connection
 * takes what is written, it is in step and gets each commit in the turn after it; when the connection is
 * full it stops, and goes on from the table once the connection has drained. One whose place was
 * compacted in the meantime is told so (Expired) and lists again.
 */
import type { ServerResponse } from 'node:http';
import { stringifyJson } from '../../api/index.ts';
import type { Timer } from '../../ports.ts';
import type { Form } from './accept.ts';
import { type Choice, chooseFrom, rangeOfChoice } from './choice.ts';
import { includeObjectOf, readRevision } from './list.ts';
import { parseStored } from './objects.ts';
import { groupVersionOf } from './resources.ts';
import type { Change, KeyRange } from './revisions.ts';
import {
  badRequest,
  expired,
  internalError,
  tooLargeRevision,
  tooManyRequests,
  unavailable,
} from './status.ts';
import type { Storage } from './storage.ts';
import { type IncludeObject, table } from './table.ts';
import { isTrue, type Target } from './target.ts';
import { errorLine, eventLine, Observed, type WatchEvent } from './watch-event.ts';

/** Some thousand agents with some ten kinds each. */
const MAX_WATCHES = 32_768;

/** How often a watcher that asked for bookmarks learns the newest revision; kube: about a minute. */
const BOOKMARK_INTERVAL_MS = 30_000;

/** How long a connection may stay full before it is given up. */
const DRAIN_DEADLINE_MS = 30_000;

/** Without timeoutSeconds a watch ends after this long or up to twice as long, as kube's do. */
const DEFAULT_TIMEOUT_MS = 30 * 60_000;

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Changes or objects read in one turn of the event loop. */
const SLICE = 100;

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

interface Options {
  target: Target;
  choice: Choice;
  range: KeyRange;
  form: Form;
  include: IncludeObject;
  hasBookmarks: boolean;
  /** The revision after which changes are sent. */
  start: number;
  /** Whether all objects as of `start` are sent first. */
  isListed: boolean;
  /** Whether a bookmark marks the end of these. */
  isListEndMarked: boolean;
  timeoutMs: number;
}

export class Watches {
  readonly #storage: Storage;
  readonly #open = new Set<Watch>();
  readonly #unsubscribe: () => void;
  #bookmarks: Timer;
  #isClosed = false;

  constructor(storage: Storage) {
    this.#storage = storage;
    // The writers are answered first, not after what is written to a thousand connections.
    this.#unsubscribe = storage.revisions.onCommit((changes) =>
      setImmediate(() => this.#publish(changes)),
    );
    this.#bookmarks = this.#scheduleBookmarks();
  }

  /** Answers with a stream of events. @throws ApiError before anything is written. */
  open(target: Target, form: Form, response: ServerResponse): void {
    if (this.#isClosed) throw unavailable('the server is stopping');
    if (this.#open.size >= MAX_WATCHES)
      throw tooManyRequests(`there are ${MAX_WATCHES} watches, no more are taken`);
    const watch = new Watch(this.#storage, readOptions(this.#storage, target, form), response);
    this.#open.add(watch);
    response.once('close', () => {
      this.#open.delete(watch);
      watch.end();
    });
    watch.begin();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Ends every watch; their clients watch again elsewhere or later. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#bookmarks.cancel();
    for (const watch of this.#open) watch.end();
  }

  #publish(changes: readonly Change[]): void {
    const observed = changes.map((change) => new Observed(change, this.#storage.revisions));
    const newest = changes.at(-1)!.revision;
    for (const watch of this.#open) watch.offer(observed, newest);
  }

  #scheduleBookmarks(): Timer {
    return this.#storage.clock.after(BOOKMARK_INTERVAL_MS, () => {
      for (const watch of this.#open) watch.bookmark();
      this.#bookmarks = this.#scheduleBookmarks();
    });
  }
}

function readOptions({ revisions, random }: Storage, target: Target, form: Form): Options {
  const { query } = target;
  const choice = chooseFrom(target);
  const asked = readRevision(query.get('resourceVersion'));
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  if (initial === null && match !== '')
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  if (initial !== null && match !== 'NotOlderThan')
    throw badRequest(
      'sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  const { current } = revisions;
  const isFresh = asked === undefined || asked === 0;
  if (initial !== null && isTrue(initial) && asked !== undefined && asked > current)
    throw tooLargeRevision(asked, current);
  const isListed = initial === null ? isFresh : isTrue(initial);
  const hasBookmarks = isTrue(query.get('allowWatchBookmarks'));
  const seconds = query.get('timeoutSeconds') || '0';
  if (!/^\d{1,9}$/.test(seconds)) throw badRequest('timeoutSeconds must be a whole number');
  return {
    target,
    choice,
    range: rangeOfChoice(target, choice),
    form,
    include: includeObjectOf(query),
    hasBookmarks,
    start: isListed || isFresh ? current : asked,
    isListed,
    isListEndMarked: isListed && initial !== null && hasBookmarks,
    timeoutMs:
      Math.min(Number(seconds) * 1000, MAX_TIMER_MS) || DEFAULT_TIMEOUT_MS * (1 + random()),
  };
}

class Watch {
  readonly #storage: Storage;
  readonly #options: Options;
  readonly #response: ServerResponse;
  #timeout: Timer | undefined;
  /** Everything up to this revision has been sent. */
  #position: number;
  /** Whether commits are taken as they happen. */
  #isInStep = false;
  #hasEnded = false;
  #hasSentColumns = false;

  constructor(storage: Storage, options: Options, response: ServerResponse) {
    this.#storage = storage;
    this.#options = options;
    this.#response = response;
    this.#position = options.start;
  }

  begin(): void {
    const response = this.#response;
    // A watch is idle by nature; a dead client is found by TCP keepalive or a full connection.
    response.socket?.setTimeout(0);
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
    response.flushHeaders();
    this.#timeout = this.#storage.clock.after(this.#options.timeoutMs, () => this.#finish());
    this.#follow(this.#options.isListed ? this.#sendAll() : Promise.resolve());
  }

  /** A commit: `changes` up to revision `newest`. */
  offer(changes: readonly Observed[], newest: number): void {
    if (!this.#isInStep) return;
    const { from, to } = this.#options.range;
    let hasRoom = true;
    for (const one of changes) {
      // It began after this commit, or caught up with it.
      if (one.change.revision <= this.#position) continue;
      if (one.change.key >= from && one.change.key < to) hasRoom = this.#sendChange(one);
      if (!hasRoom) {
        this.#position = one.change.revision;
        this.#fallBehind();
        return;
      }
    }
    this.#position = Math.max(this.#position, newest);
  }

  bookmark(): void {
    if (!this.#isInStep || !this.#options.hasBookmarks) return;
    if (!this.#write(this.#bookmarkLine())) this.#fallBehind();
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isInStep = false;
    this.#timeout?.cancel();
    this.#response.end();
  }

  #finish(): void {
    this.bookmark();
    this.end();
  }

  #fallBehind(): void {
    this.#isInStep = false;
    this.#follow(this.#drained());
  }

  /** Catches up once `ready`, and stays in step. */
  #follow(ready: Promise<void>): void {
    ready
      .then(() => this.#catchUp())
      .catch((error: { code?: string }) => {
        const status = error.code === 'COMPACTED' ? this.#tooOld() : internalError(error).status;
        this.#write(errorLine(status));
        this.end();
      });
  }

  async #sendAll(): Promise<void> {
    const { choice, target, range, start, isListEndMarked } = this.#options;
    let { from } = range;
    for (let isMore = true; isMore && !this.#hasEnded; ) {
      const page = this.#storage.revisions.list({ from, to: range.to }, start, SLICE);
      isMore = page.more;
      for (const { key, text } of page.states) {
        from = `${key}\0`;
        if (!choice.isAll && !choice.includes(target.served, parseStored(text))) continue;
        if (!this.#send({ type: 'ADDED', text, line: eventLine('ADDED', text) }))
          await this.#drained();
      }
      if (isMore) await nextTurn();
    }
    if (isListEndMarked) this.#write(this.#bookmarkLine({ [INITIAL_EVENTS_END]: 'true' }));
  }

  /** Sends what the table has after the position, then takes commits as they happen. */
  async #catchUp(): Promise<void> {
    const { revisions } = this.#storage;
    if (this.#position > revisions.current) {
      // From before this table was restored from a copy: what it led to never happened here.
      this.#write(errorLine(this.#tooOld()));
      return this.end();
    }
    while (!this.#hasEnded && this.#position < revisions.current) {
      const { current } = revisions;
      const changes = revisions.changes(this.#options.range, this.#position, SLICE);
      for (const change of changes) {
        this.#position = change.revision;
        if (!this.#sendChange(new Observed(change, revisions))) await this.#drained();
        if (this.#hasEnded) return;
      }
      if (changes.length === SLICE) await nextTurn();
      else this.#position = Math.max(this.#position, current);
    }
    this.#isInStep = !this.#hasEnded;
  }

  #sendChange(observed: Observed): boolean {
    const { target, choice } = this.#options;
    const event = observed.as(target.served, choice);
    return event === undefined || this.#send(event);
  }

  #send({ type, text, line }: WatchEvent): boolean {
    return this.#write(
      this.#options.form === 'json' ? line : eventLine(type, this.#tableOf([text])),
    );
  }

  #tableOf(texts: readonly string[], resourceVersion?: string): string {
    const { target, include } = this.#options;
    const objects = texts.map(parseStored);
    const revision = resourceVersion ?? objects.at(-1)?.metadata.resourceVersion ?? '';
    const withColumns = !this.#hasSentColumns;
    this.#hasSentColumns = true;
    const now = this.#storage.clock.now();
    return stringifyJson(
      table(
        target.served.columns,
        objects,
        { resourceVersion: revision },
        now,
        include,
        withColumns,
      ),
    );
  }

  #bookmarkLine(annotations?: Record<string, string>): Buffer {
    const resourceVersion = String(this.#position);
    const { type } = this.#options.target.served;
    if (this.#options.form === 'table')
      return eventLine('BOOKMARK', this.#tableOf([], resourceVersion));
    return eventLine(
      'BOOKMARK',
      stringifyJson({
        kind: type.kind,
        apiVersion: groupVersionOf(type),
        metadata: { resourceVersion, creationTimestamp: null, ...(annotations && { annotations }) },
      }),
    );
  }

  /** False when the connection is full: nothing more may be written before it has drained. */
  #write(line: Buffer): boolean {
    return this.#hasEnded || this.#response.write(line);
  }

  /** Resolves when there is room again; a connection that stays full is cut. */
  #drained(): Promise<void> {
    const response = this.#response;
    if (this.#hasEnded || !response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const deadline = this.#storage.clock.after(DRAIN_DEADLINE_MS, () => response.destroy());
      const done = () => {
        deadline.cancel();
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  }

  #tooOld() {
    const { current } = this.#storage.revisions;
    return expired(`too old resource version: ${this.#position} (${current})`).status;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
