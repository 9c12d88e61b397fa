/** DELETE of one object, or of a list of them. */
import { stringifyJson } from '../../api/index.ts';
import type { ResourceType } from '../../ports.ts';
import { type Body, parseBody } from './body.ts';
import { type Choice, chooseFrom, rangeOfChoice } from './choice.ts';
import { timestamp } from './metadata.ts';
import { checkNamespaceMayGo, isNamespace } from './namespaces.ts';
import { type AnyObject, isMembers, parseStored } from './objects.ts';
import { keyOf } from './resources.ts';
import type { State, Transaction } from './revisions.ts';
import type { Served } from './served.ts';
import { badRequest, conflict, notFound, type Status } from './status.ts';
import { type Answer, listText, type Storage, textAtRevision } from './storage.ts';
import { isDryRun, type Target } from './target.ts';
import { nextGeneration } from './update.ts';

/** What a delete asks for, from its body (DeleteOptions) and query. */
interface Deletion {
  uid?: string;
  resourceVersion?: string;
  dryRun: boolean;
}

/** @throws ApiError 400 */
function readDeletion({ query }: Target, body: Body): Deletion {
  const options = parseBody(body) ?? {};
  if (!isMembers(options)) throw badRequest('the body of a delete must be DeleteOptions');
  const { preconditions = {}, dryRun } = options;
  if (!isMembers(preconditions)) throw badRequest('preconditions must be an object');
  const { uid, resourceVersion } = preconditions;
  const inBody = Array.isArray(dryRun)
    ? dryRun.map((one): [string, string] => ['dryRun', String(one)])
    : [];
  return {
    ...(typeof uid === 'string' && { uid }),
    ...(typeof resourceVersion === 'string' && { resourceVersion }),
    dryRun: isDryRun(query) || isDryRun(new URLSearchParams(inBody)),
  };
}

export async function deleteOne(storage: Storage, target: Target, body: Body): Promise<Answer> {
  const { served, namespace, name } = target;
  const deletion = readDeletion(target, body);
  const text = await storage.revisions.write((transaction) => {
    const state = transaction.get(keyOf(served.type, namespace, name!));
    if (state === undefined) throw notFound(served.type, name!);
    const { object, isGone } = remove(storage, transaction, served, state, deletion);
    return isGone ? stringifyJson(success(served.type, object)) : object.text;
  });
  return { code: 200, text };
}

/** kube's answer when nothing of the object remains. */
function success(type: ResourceType, { text }: State): Status {
  const { name, uid } = parseStored(text).metadata;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(type.group !== '' && { group: type.group }),
      kind: type.plural,
      ...(uid !== undefined && { uid }),
    },
  };
}

/** What one transaction deletes of a list, so that other writes are not held up. */
const SLICE = 100;

export async function deleteCollection(
  storage: Storage,
  target: Target,
  body: Body,
): Promise<Answer> {
  const { served } = target;
  const deletion = readDeletion(target, body);
  const choice = chooseFrom(target);
  const range = rangeOfChoice(target, choice);
  const deleted: string[] = [];
  let { from } = range;
  for (let more = true; more; ) {
    more = await storage.revisions.write((transaction) => {
      const page = transaction.list({ from, to: range.to }, SLICE);
      for (const state of page.states) {
        from = `${state.key}\0`;
        if (!isChosen(served, choice, state)) continue;
        deleted.push(remove(storage, transaction, served, state, deletion).object.text);
      }
      return page.more;
    });
  }
  const { current } = storage.revisions;
  return { code: 200, text: listText(served, deleted, { resourceVersion: String(current) }) };
}

function isChosen(served: Served, choice: Choice, state: State): boolean {
  return choice.isAll || choice.includes(served, parseStored(state.text));
}

/**
 * Removes an object, or marks it as deleted while finalizers hold it.
 * @throws ApiError 409 when a precondition does not hold.
 */
export function remove(
  { clock }: Pick<Storage, 'clock'>,
  transaction: Transaction,
  served: Served,
  state: State,
  { uid, resourceVersion, dryRun }: Deletion,
): { object: State; isGone: boolean } {
  const { type } = served;
  const object = parseStored(state.text);
  const { metadata } = object;
  if (uid !== undefined && uid !== metadata.uid)
    throw preconditionFailed(type, metadata.name, 'UID', uid, metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw preconditionFailed(
      type,
      metadata.name,
      'ResourceVersion',
      resourceVersion,
      metadata.resourceVersion,
    );
  checkNamespaceMayGo(served, metadata.name);
  if (isNamespace(served) || (metadata.finalizers ?? []).length > 0) {
    if (metadata.deletionTimestamp !== undefined || dryRun) return { object: state, isGone: false };
    const marked = markDeleted(served, object, timestamp(clock.now()));
    const put = transaction.put(state.key, (revision) => textAtRevision(marked, revision));
    return { object: put, isGone: false };
  }
  if (dryRun) return { object: state, isGone: true };
  const end = transaction.remove(state.key, (revision) => textAtRevision(object, revision));
  return { object: end, isGone: true };
}

function markDeleted(served: Served, object: AnyObject, now: string): AnyObject {
  const marked: AnyObject = {
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
  };
  if (served.hasGeneration) marked.metadata.generation = nextGeneration(object);
  if (isNamespace(served))
    marked.status = { ...(isMembers(object.status) && object.status), phase: 'Terminating' };
  return marked;
}

function preconditionFailed(
  type: ResourceType,
  name: string,
  what: string,
  wanted: string,
  found: string | undefined,
) {
  return conflict(
    type,
    name,
    `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
  );
}
