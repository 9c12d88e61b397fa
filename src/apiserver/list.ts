/** GET of one object and of lists. */
import { setImmediate as turn } from 'node:timers/promises';
import { stringifyJson } from '../../api/index.ts';
import type { Form } from './accept.ts';
import { chooseFrom, rangeOfChoice } from './choice.ts';
import { readContinuation, writeContinuation } from './continuation.ts';
import { type Members, parseStored } from './objects.ts';
import { keyOf } from './resources.ts';
import type { KeyRange } from './revisions.ts';
import { badRequest, expired, notFound, tooLargeRevision } from './status.ts';
import { type Answer, listText, type Storage } from './storage.ts';
import { type IncludeObject, table } from './table.ts';
import type { Target } from './target.ts';

/** @throws ApiError 400 */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject') || 'Metadata';
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked;
  throw badRequest(`includeObject: Unsupported value: "${asked}": use None, Metadata or Object`);
}

/** A resourceVersion as a number; undefined when it is not given. @throws ApiError 400 */
export function readRevision(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: give one that this server has given, or none`,
    );
  return Number(text);
}

export function getOne(storage: Storage, target: Target, form: Form): Answer {
  const { served, namespace, name, query } = target;
  const state = storage.revisions.get(keyOf(served.type, namespace, name!));
  if (state === undefined) throw notFound(served.type, name!);
  if (form === 'json') return { code: 200, text: state.text };
  const object = parseStored(state.text);
  const { resourceVersion = '' } = object.metadata;
  const now = storage.clock.now();
  return {
    code: 200,
    text: stringifyJson(
      table(served.columns, [object], { resourceVersion }, now, includeObjectOf(query)),
    ),
  };
}

/** States read in one turn of the event loop. */
const SLICE = 200;

export async function list(storage: Storage, target: Target, form: Form): Promise<Answer> {
  const { revisions, clock } = storage;
  const { served, query } = target;
  const choice = chooseFrom(target);
  const limit = readLimit(query);
  const { revision, range, token } = readStart(storage, target, rangeOfChoice(target, choice));
  const texts: string[] = [];
  let after = range.from;
  let isMore = true;
  try {
    while (isMore && texts.length < limit) {
      const wanted = Math.min(SLICE, choice.isAll ? limit - texts.length : SLICE);
      const page = revisions.list({ from: after, to: range.to }, revision, wanted);
      isMore = page.more;
      for (const [index, { key, text }] of page.states.entries()) {
        after = `${key}\0`;
        if (choice.isAll || choice.includes(served, parseStored(text))) texts.push(text);
        if (texts.length === limit) {
          isMore = page.more || index < page.states.length - 1;
          break;
        }
      }
      if (isMore && texts.length < limit) await turn();
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'COMPACTED') throw error;
    throw compacted(token, after);
  }
  const metadata: Members = { resourceVersion: String(revision) };
  if (isMore) {
    metadata.continue = writeContinuation({ revision, after });
    // With a selector nobody has counted: kube says nothing then either.
    if (choice.isAll)
      metadata.remainingItemCount = revisions.count({ from: after, to: range.to }, revision);
  }
  if (form === 'json') return { code: 200, text: listText(served, texts, metadata) };
  const objects = texts.map(parseStored);
  const rows = table(served.columns, objects, metadata, clock.now(), includeObjectOf(query));
  return { code: 200, text: stringifyJson(rows) };
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;

function readLimit(query: URLSearchParams): number {
  const text = query.get('limit') || '0';
  if (!/^\d{1,9}$/.test(text))
    throw badRequest(`limit: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return Number(text) || UNLIMITED;
}

/** Where and when the list begins: kube's rules for resourceVersion and its match. */
function readStart(
  { revisions }: Storage,
  { query }: Target,
  range: KeyRange,
): { revision: number; range: KeyRange; token: boolean } {
  const { current } = revisions;
  const asked = readRevision(query.get('resourceVersion'));
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  if (token !== '') {
    if (asked !== undefined && asked !== 0)
      throw badRequest('specifying resource version is not allowed when using continue');
    const { revision = current, after } = readContinuation(token);
    if (after < range.from || after >= range.to)
      throw badRequest('continue key is not valid: it is of another list');
    return { revision, range: { from: after, to: range.to }, token: true };
  }
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan')
    throw badRequest(
      `resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan"`,
    );
  if (match !== '' && asked === undefined)
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  if (match === 'Exact' && asked === 0)
    throw badRequest(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"',
    );
  if (asked !== undefined && asked > current) throw tooLargeRevision(asked, current);
  // A page at a revision, without a match, was exact before the match existed, and still is.
  const isPaged = readLimit(query) !== UNLIMITED;
  const isExact = match === 'Exact' || (match === '' && isPaged && asked !== 0);
  const revision = isExact && asked !== undefined ? asked : current;
  return { revision, range, token: false };
}

function compacted(isContinued: boolean, after: string) {
  if (!isContinued)
    return expired(
      'The resourceVersion for the provided list is too old: list again without a resourceVersion',
    );
  return expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    writeContinuation({ revision: undefined, after }),
  );
}
