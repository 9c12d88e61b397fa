/** What an update makes of a stored object: pure, so that each rule can be read and tested alone. */
import { type AnyMeta, type AnyObject, sameJson } from './objects.ts';
import type { Served } from './served.ts';
import { conflict, forbiddenValue, invalid, invalidValue, MODIFIED } from './status.ts';
import { problemsOf } from './validation.ts';

export interface Update {
  served: Served;
  /** The stored object. */
  old: AnyObject;
  /** What the writer wants. It is not changed. */
  wanted: AnyObject;
  /** Through the status endpoint, which writes the status and nothing else of a custom resource. */
  isStatus: boolean;
  /** A patch names no resourceVersion unless it wants it compared. */
  isPatch: boolean;
}

/**
 * The object to store; `old` itself when nothing changes.
 * @throws ApiError 409, 422
 */
export function updated({ served, old, wanted, isStatus, isPatch }: Update): AnyObject {
  checkPreconditions(served, old, wanted, isPatch);
  const next = merged(served, old, wanted, isStatus);
  served.fillIn?.(next, old);
  if (served.hasGeneration && !isStatus && !sameJson(counted(served, old), counted(served, next)))
    next.metadata.generation = nextGeneration(old);
  const problems = problemsOf(served, next, old);
  if (old.metadata.deletionTimestamp !== undefined) {
    const known = old.metadata.finalizers ?? [];
    const added = (next.metadata.finalizers ?? []).filter((one) => !known.includes(one));
    if (added.length > 0)
      problems.push(
        forbiddenValue(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
        ),
      );
  }
  if (problems.length > 0) throw invalid(served.type, old.metadata.name, problems);
  return sameJson(old, next) ? old : next;
}

function checkPreconditions(
  { type, allowsUnconditionalUpdate }: Served,
  old: AnyObject,
  wanted: AnyObject,
  isPatch: boolean,
): void {
  const { uid, resourceVersion = '' } = wanted.metadata;
  const { name } = old.metadata;
  if (wanted.metadata.name !== name)
    throw invalid(type, name, [
      invalidValue('metadata.name', wanted.metadata.name, 'field is immutable'),
    ]);
  if (uid !== undefined && uid !== '' && uid !== old.metadata.uid)
    throw conflict(
      type,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (resourceVersion === '' || resourceVersion === '0') {
    if (!allowsUnconditionalUpdate && !isPatch)
      throw invalid(type, name, [
        invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
  } else if (resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(type, name, MODIFIED);
  }
}

function merged(served: Served, old: AnyObject, wanted: AnyObject, isStatus: boolean): AnyObject {
  const metadata = ownMetadata(old.metadata, wanted.metadata);
  if (isStatus) {
    const next: AnyObject = {
      ...old,
      // kube keeps a custom resource's metadata, and takes that of its own kinds.
      metadata: served.custom ? { ...old.metadata } : metadata,
      status: wanted.status,
    };
    if (next.status === undefined) delete next.status;
    return next;
  }
  const next: AnyObject = { ...wanted, metadata };
  if (served.hasStatus) {
    if (old.status === undefined) delete next.status;
    else next.status = old.status;
  }
  return next;
}

/** What the server says of an object's identity and age stays, whatever the writer says. */
const SERVER_OWNED = [
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

function ownMetadata(old: AnyMeta, wanted: AnyMeta): AnyMeta {
  const metadata: AnyMeta = { ...wanted };
  for (const field of SERVER_OWNED) {
    if (old[field] === undefined) delete metadata[field];
    else metadata[field] = old[field] as never;
  }
  return metadata;
}

/** What metadata.generation counts the changes of. */
function counted({ hasStatus }: Served, object: AnyObject): object {
  const { metadata: _, ...rest } = object;
  if (hasStatus) delete rest.status;
  return rest;
}

export function nextGeneration({ metadata: { generation = 0 } }: AnyObject): number {
  return Number(generation) + 1;
}
