/** POST, PUT and PATCH: one object written, in a transaction that it shares with its neighbours. */
import { randomUUID } from 'node:crypto';
import { stringifyJson } from '../../api/index.ts';
import { type Body, parseBody } from './body.ts';
import { generateName, readObject, timestamp } from './metadata.ts';
import { checkNamespaceTakes, isNamespace } from './namespaces.ts';
import { type AnyObject, parseStored } from './objects.ts';
import { readPatch } from './patch.ts';
import { keyOf } from './resources.ts';
import type { Transaction } from './revisions.ts';
import type { Served } from './served.ts';
import { alreadyExists, badRequest, invalid, invalidValue, notFound } from './status.ts';
import { type Answer, type Storage, textAtRevision } from './storage.ts';
import { duplicateFields, fieldValidationOf, keepKnown } from './strict.ts';
import { isDryRun, type Target } from './target.ts';
import { updated } from './update.ts';
import { problemsOf } from './validation.ts';

const GENERATE_ATTEMPTS = 8;

export async function create(storage: Storage, target: Target, body: Body): Promise<Answer> {
  const { served, namespace, query } = target;
  const { type } = served;
  const { object: wanted, warnings } = readWanted(target, body);
  const { metadata } = wanted;
  if ((metadata.resourceVersion ?? '') !== '')
    throw badRequest('resourceVersion should not be set on objects to be created');
  const base = metadata.name === '' ? metadata.generateName : undefined;
  const object = newborn(storage, served, wanted);
  if (base) object.metadata.name = generateName(base, storage.random);
  served.fillIn?.(object, undefined);
  const problems = problemsOf(served, object);
  if (problems.length > 0) throw invalid(type, object.metadata.name, problems);
  const dryRun = isDryRun(query);
  const text = await storage.revisions.write((transaction) => {
    checkNamespaceTakes(transaction, served, namespace);
    for (let attempt = 1; base && attempt < GENERATE_ATTEMPTS; attempt++) {
      if (!transaction.get(keyOf(type, namespace, object.metadata.name))) break;
      object.metadata.name = generateName(base, storage.random);
    }
    const key = keyOf(type, namespace, object.metadata.name);
    if (transaction.get(key)) throw alreadyExists(type, object.metadata.name);
    if (dryRun) return stringifyJson(object);
    return transaction.put(key, (revision) => textAtRevision(object, revision)).text;
  });
  return { code: 201, text, warnings };
}

/** The object as the server begins its life. */
function newborn({ clock }: Storage, served: Served, wanted: AnyObject): AnyObject {
  const { resourceVersion: _, deletionTimestamp: __, ...metadata } = wanted.metadata;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  const object: AnyObject = {
    ...wanted,
    metadata: {
      ...metadata,
      uid: randomUUID(),
      ...(served.hasGeneration && { generation: 1 }),
      creationTimestamp: timestamp(clock.now()),
    },
  };
  // kube takes the status of its own kinds at birth (kubelet registers a node with it).
  if (served.custom && served.hasStatus) delete object.status;
  return object;
}

export async function update(storage: Storage, target: Target, body: Body): Promise<Answer> {
  const { name } = target;
  const { object: wanted, warnings } = readWanted(target, body);
  if (wanted.metadata.name === '') wanted.metadata.name = name!;
  if (wanted.metadata.name !== name)
    throw badRequest(
      `the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`,
    );
  const text = await storage.revisions.write((transaction) =>
    replace(transaction, target, () => wanted, false),
  );
  return { code: 200, text, warnings };
}

export async function patch(storage: Storage, target: Target, body: Body): Promise<Answer> {
  const { served, namespace, query } = target;
  const validation = fieldValidationOf(query);
  const apply = readPatch(served, body);
  const duplicates = validation === 'Ignore' ? [] : duplicateFields(body.text);
  let warnings: string[] = [];
  const patched = (old: AnyObject) => {
    const read = readObject(served, apply(old), namespace);
    const { object, complaints } = keepKnown(served, read);
    const all = [...duplicates, ...complaints];
    if (validation === 'Strict' && all.length > 0)
      throw invalid({ ...served.type, group: '', kind: '' }, '', [
        invalidValue('patch', body.text, `strict decoding error: ${all.join(', ')}`),
      ]);
    warnings = validation === 'Warn' ? all : [];
    return object;
  };
  const text = await storage.revisions.write((transaction) =>
    replace(transaction, target, patched, true),
  );
  return { code: 200, text, warnings };
}

/** Replaces the target by what `wantedOf` makes of it; returns the answer's text. */
function replace(
  transaction: Transaction,
  { served, namespace, name, isStatus, query }: Target,
  wantedOf: (old: AnyObject) => AnyObject,
  isPatch: boolean,
): string {
  const key = keyOf(served.type, namespace, name!);
  const state = transaction.get(key);
  if (state === undefined) throw notFound(served.type, name!);
  const old = parseStored(state.text);
  const next = updated({ served, old, wanted: wantedOf(old), isStatus, isPatch });
  if (next === old) return state.text;
  if (isDryRun(query)) return stringifyJson(next);
  const textAt = (revision: number) => textAtRevision(next, revision);
  // The last finalizer is gone: what was waiting to be deleted now is. A namespace must be empty too.
  const { deletionTimestamp, finalizers = [] } = next.metadata;
  if (deletionTimestamp !== undefined && finalizers.length === 0 && !isNamespace(served))
    return transaction.remove(key, textAt).text;
  return transaction.put(key, textAt).text;
}

/** The body as an object that its schema knows. @throws ApiError 400 */
function readWanted(
  { served, namespace, query }: Target,
  body: Body,
): { object: AnyObject; warnings: string[] } {
  const validation = fieldValidationOf(query);
  const read = readObject(served, parseBody(body), namespace);
  const { object, complaints } = keepKnown(served, read);
  if (validation === 'Ignore') return { object, warnings: [] };
  const all = [...duplicateFields(body.text), ...complaints];
  if (validation === 'Strict' && all.length > 0) {
    const { kind, version } = served.type;
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${all.join(', ')}`,
    );
  }
  return { object, warnings: all };
}
