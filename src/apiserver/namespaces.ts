/** Namespaces: two exist from the start, and objects are only made in one that exists. */
import { randomUUID } from 'node:crypto';
import { Namespace } from '../../api/index.ts';
import { timestamp } from './metadata.ts';
import { type AnyObject, parseStored } from './objects.ts';
import { keyOf } from './resources.ts';
import type { Transaction } from './revisions.ts';
import type { Served } from './served.ts';
import { forbidden, notFound } from './status.ts';
import { type Storage, textAtRevision } from './storage.ts';

const ALWAYS_THERE = ['default', 'kube-system'];

export function isNamespace({ type }: Pick<Served, 'type'>): boolean {
  return type.group === '' && type.plural === Namespace.plural;
}

/** @throws ApiError 404, 403 unless new objects may be made there. */
export function checkNamespaceTakes(
  transaction: Transaction,
  { type }: Served,
  name: string | undefined,
): void {
  if (!type.namespaced || name === undefined) return;
  const state = transaction.get(keyOf(Namespace, undefined, name));
  if (state === undefined) throw notFound(Namespace, name);
  if (parseStored(state.text).metadata.deletionTimestamp !== undefined)
    throw forbidden(
      type,
      '',
      `unable to create new content in namespace ${name} because it is being terminated`,
    );
}

/** @throws ApiError 403 */
export function checkNamespaceMayGo(served: Served, name: string): void {
  if (isNamespace(served) && ALWAYS_THERE.includes(name))
    throw forbidden(Namespace, name, 'this namespace may not be deleted');
}

/** Makes the namespaces that are always there, where they are not. */
export function ensureNamespaces({ revisions, clock }: Storage): Promise<void> {
  return revisions.write((transaction) => {
    for (const name of ALWAYS_THERE) {
      const key = keyOf(Namespace, undefined, name);
      if (transaction.get(key)) continue;
      const object: AnyObject = {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: {
          name,
          uid: randomUUID(),
          creationTimestamp: timestamp(clock.now()),
          labels: { 'kubernetes.io/metadata.name': name },
        },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      };
      transaction.put(key, (revision) => textAtRevision(object, revision));
    }
  });
}
