/**
 * Every state that every object ever had, in one append-only SQLite table, as kine keeps it: the
 * row's number is the object's resourceVersion. A list at a revision, its continuation and a watch
 * from a revision are queries, so they survive a restart; compaction cuts the table's past off.
 *
 *     revision  key                               previous  deleted  value
 *     7         projectcalico.org/ippools/rack-a  0         0        {…"resourceVersion":"7"…}
 *     8         core/nodes/n1                     5         0        {…}
 *     9         projectcalico.org/ippools/rack-a  7         1        its last state, numbered 9
 *
 * SQLite is called synchronously: this process has nothing else to do. Writes that arrive together
 * share one transaction, so one fsync; each is answered after the commit.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** One object's state. `text` is its JSON, metadata.resourceVersion included. */
export interface State {
  key: string;
  revision: number;
  text: string;
}

export interface Change extends State {
  /** The revision of the state before; 0 when the object was created here. */
  previous: number;
  deleted: boolean;
}

/** Keys k with from <= k < to. */
export interface KeyRange {
  from: string;
  to: string;
}

export interface Page {
  states: State[];
  /** Whether keys beyond the limit remain. */
  more: boolean;
}

/** What one write sees and does. Only valid during the call it is handed to. */
export interface Transaction {
  get(key: string): State | undefined;
  /** Current states within `range`, at most `limit`. */
  list(range: KeyRange, limit: number): Page;
  /** Appends a state; `textAt` is told its revision. Returns the state. */
  put(key: string, textAt: (revision: number) => string): State;
  /** Appends the object's end; `textAt` gives its last state, numbered anew. */
  remove(key: string, textAt: (revision: number) => string): State;
}

/** Rejects a read at, or a watch from, a revision whose history is gone. */
class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly code = 'COMPACTED';
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS revisions (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    previous INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    value TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS by_key ON revisions (key, revision, deleted);
  -- The last revision that may be gone. Also keeps numbers from being given twice once the newest
  -- rows, being deletions, are compacted away.
  CREATE TABLE IF NOT EXISTS compaction (revision INTEGER NOT NULL) STRICT;
  INSERT INTO compaction SELECT 0 WHERE NOT EXISTS (SELECT * FROM compaction);
`;

const FORMAT = 1;

/** A batch of writes ends after this long even if more wait, so that reads get their turn. */
const BATCH_MS = 10;

/** Revisions looked at in one slice of compaction. */
const COMPACTION_SLICE = 500;

interface PendingWrite {
  run(transaction: Transaction): unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

type Row = Record<string, unknown>;

export class Revisions {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #pending: PendingWrite[] = [];
  #scheduled = false;
  #closed = false;
  #current: number;
  #compacted: number;

  /**
   * @param path The database file, made if absent; ':memory:' for a test.
   * @throws Error when another process has it open, or it is of another format.
   */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 1000 });
    try {
      // Exclusive: two servers on one file would give each other's watchers no events.
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE');
      this.#db.exec('PRAGMA journal_mode = WAL');
      this.#db.exec('PRAGMA synchronous = FULL');
      const { user_version: format } = this.#db.prepare('PRAGMA user_version').get() as Row;
      if (format !== 0 && format !== FORMAT)
        throw new Error(`${path} has format ${format}, this program reads format ${FORMAT}`);
      this.#db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${FORMAT}; COMMIT`);
    } catch (error) {
      this.#db.close();
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
        throw new Error(`${path} is in use: another API server runs on this data folder`);
      throw error;
    }
    this.#statements = prepareAll(this.#db);
    this.#compacted = number(this.#statements.compacted.get()!, 'revision');
    const newest = number(this.#statements.newest.get()!, 'revision');
    this.#current = Math.max(newest, this.#compacted);
  }

  /** The newest committed revision. */
  get current(): number {
    return this.#current;
  }

  /** States before this revision may be gone. */
  get compacted(): number {
    return this.#compacted;
  }

  get(key: string): State | undefined {
    return readCurrent(this.#statements.get, key);
  }

  /**
   * The objects within `range` as of revision `at`, in the order of their keys.
   * @throws CompactedError when `at` is compacted.
   */
  list(range: KeyRange, at: number, limit: number): Page {
    if (at < this.#compacted) throw new CompactedError(`revision ${at} is compacted`);
    return readPage(this.#statements.list, range, at, limit);
  }

  /** How many objects there are within `range` as of revision `at`, which is not compacted. */
  count(range: KeyRange, at: number): number {
    return number(this.#statements.count.get(range.from, range.to, at)!, 'objects');
  }

  /**
   * Up to `limit` changes within `range` after revision `after`, oldest first.
   * @throws CompactedError when some of them may be gone.
   */
  changes(range: KeyRange, after: number, limit: number): Change[] {
    if (after < this.#compacted) throw new CompactedError(`revision ${after} is compacted`);
    const rows = this.#statements.changes.all(after, range.from, range.to, limit);
    return rows.map(asChange);
  }

  /** The state that revision `revision` wrote, unless it is compacted away. */
  textAt(revision: number): string | undefined {
    return this.#statements.textAt.get(revision)?.value as string | undefined;
  }

  /**
   * Runs `run` in a transaction that it may share with other writes, and resolves with what it
   * returned once that is on disk. What `run` throws undoes its own writes and rejects; when the
   * disk refuses, every write of the transaction is rejected.
   */
  write<T>(run: (transaction: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new Error('the server is stopping'));
      this.#pending.push({ run, resolve: resolve as (result: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** `listener` gets each transaction's changes, after its commit and before its writers. */
  onCommit(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Forgets what was superseded or deleted up to `target`, a slice at a time.
   * @returns whether there is more to do.
   */
  compact(target: number): boolean {
    const end = Math.min(target, this.#current, this.#compacted + COMPACTION_SLICE);
    if (this.#closed || end <= this.#compacted) return false;
    this.#atomically(() => {
      this.#statements.dropSuperseded.run(this.#compacted, end);
      this.#statements.dropDeleted.run(this.#compacted, end);
      this.#statements.setCompacted.run(end);
    });
    this.#compacted = end;
    return end < Math.min(target, this.#current);
  }

  /** Commits what is pending and closes the file. */
  close(): void {
    if (this.#closed) return;
    while (this.#pending.length > 0) this.#commitBatch();
    this.#closed = true;
    this.#db.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the poll phase: every request that was readable by now is in the same batch.
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#commitBatch();
      if (this.#pending.length > 0) this.#schedule();
    });
  }

  #commitBatch(): void {
    const batch = new Batch(this.#db, this.#statements, this.#current);
    const settle: (() => void)[] = [];
    const deadline = performance.now() + BATCH_MS;
    let taken = 0;
    try {
      this.#atomically(() => {
        while (taken < this.#pending.length && performance.now() < deadline) {
          const { run, resolve, reject } = this.#pending[taken++]!;
          try {
            const result = batch.run(() => run(batch));
            settle.push(() => resolve(result));
          } catch (error) {
            // After some errors (a full disk) SQLite has rolled back all of it by itself.
            if (!this.#db.isTransaction) throw error;
            settle.push(() => reject(error));
          }
        }
      });
    } catch (error) {
      for (const { reject } of this.#pending.splice(0, taken)) reject(error);
      return;
    }
    this.#pending.splice(0, taken);
    this.#current = batch.revision;
    if (batch.changes.length > 0) for (const listener of this.#listeners) listener(batch.changes);
    for (const one of settle) one();
  }

  #atomically(work: () => void): void {
    this.#statements.begin.run();
    try {
      work();
      this.#statements.commit.run();
    } catch (error) {
      if (this.#db.isTransaction) this.#statements.rollback.run();
      throw error;
    }
  }
}

/** The transaction that writes share. */
class Batch implements Transaction {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  readonly changes: Change[] = [];
  revision: number;

  constructor(db: DatabaseSync, statements: Statements, revision: number) {
    this.#db = db;
    this.#statements = statements;
    this.revision = revision;
  }

  /** A write that throws leaves nothing behind, and the others of the transaction go on. */
  run<T>(work: () => T): T {
    const { revision } = this;
    const { length } = this.changes;
    this.#statements.savepoint.run();
    try {
      const result = work();
      this.#statements.release.run();
      return result;
    } catch (error) {
      this.revision = revision;
      this.changes.length = length;
      if (this.#db.isTransaction) {
        this.#statements.rollbackToSavepoint.run();
        this.#statements.release.run();
      }
      throw error;
    }
  }

  get(key: string): State | undefined {
    return readCurrent(this.#statements.get, key);
  }

  list(range: KeyRange, limit: number): Page {
    return readPage(this.#statements.list, range, this.revision, limit);
  }

  put(key: string, textAt: (revision: number) => string): State {
    return this.#append(key, textAt, false);
  }

  remove(key: string, textAt: (revision: number) => string): State {
    return this.#append(key, textAt, true);
  }

  #append(key: string, textAt: (revision: number) => string, deleted: boolean): State {
    const row = this.#statements.get.get(key);
    const lives = row !== undefined && row.deleted === 0;
    const previous = lives ? number(row, 'revision') : 0;
    const revision = this.revision + 1;
    const text = textAt(revision);
    this.#statements.append.run(revision, key, previous, deleted ? 1 : 0, text);
    this.revision = revision;
    this.changes.push({ key, revision, previous, deleted, text });
    return { key, revision, text };
  }
}

const SQLITE_BUSY = 5;

/** The newest revision of each key of a range, as of a revision. */
const NEWEST = `
  SELECT key, max(revision) AS newest, deleted FROM revisions
  WHERE key >= ? AND key < ? AND revision <= ? GROUP BY key`;

type Statements = ReturnType<typeof prepareAll>;

function prepareAll(db: DatabaseSync) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    savepoint: db.prepare('SAVEPOINT write'),
    release: db.prepare('RELEASE write'),
    rollbackToSavepoint: db.prepare('ROLLBACK TO write'),
    newest: db.prepare('SELECT coalesce(max(revision), 0) AS revision FROM revisions'),
    compacted: db.prepare('SELECT revision FROM compaction'),
    setCompacted: db.prepare('UPDATE compaction SET revision = ?'),
    get: db.prepare('SELECT * FROM revisions WHERE key = ? ORDER BY revision DESC LIMIT 1'),
    // The index alone finds each key's newest revision; only those that are returned are read.
    list: db.prepare(`
      SELECT key, newest AS revision,
        (SELECT value FROM revisions WHERE revisions.revision = newest) AS value
      FROM (${NEWEST}) WHERE NOT deleted ORDER BY key LIMIT ?`),
    count: db.prepare(`SELECT count(*) AS objects FROM (${NEWEST}) WHERE NOT deleted`),
    changes: db.prepare(`
      SELECT * FROM revisions WHERE revision > ? AND key >= ? AND key < ?
      ORDER BY revision LIMIT ?`),
    textAt: db.prepare('SELECT value FROM revisions WHERE revision = ?'),
    append: db.prepare('INSERT INTO revisions VALUES (?, ?, ?, ?, ?)'),
    dropSuperseded: db.prepare(`
      DELETE FROM revisions WHERE revision IN
        (SELECT previous FROM revisions WHERE revision > ? AND revision <= ? AND previous > 0)`),
    dropDeleted: db.prepare(
      'DELETE FROM revisions WHERE revision > ? AND revision <= ? AND deleted',
    ),
  };
}

function readCurrent(statement: StatementSync, key: string): State | undefined {
  const row = statement.get(key);
  return row === undefined || row.deleted !== 0 ? undefined : asState(row);
}

function readPage(statement: StatementSync, range: KeyRange, at: number, limit: number): Page {
  const rows = statement.all(range.from, range.to, at, limit + 1);
  const more = rows.length > limit;
  if (more) rows.pop();
  return { states: rows.map(asState), more };
}

function asState(row: Row): State {
  return {
    key: row.key as string,
    revision: number(row, 'revision'),
    text: row.value as string,
  };
}

function asChange(row: Row): Change {
  return { ...asState(row), previous: number(row, 'previous'), deleted: row.deleted !== 0 };
}

function number(row: Row, column: string): number {
  return row[column] as number;
}
