/** The CustomResourceDefinitions of what is served, to be read only: tools look whether they exist. */
import { randomUUID } from 'node:crypto';
import { CustomResourceDefinition, crdManifests } from '../../api/index.ts';
import { timestamp } from './metadata.ts';
import { type AnyObject, parseStored, sameJson } from './objects.ts';
import { keyOf } from './resources.ts';
import { type Storage, textAtRevision } from './storage.ts';

/** Stores those that are new or of an older program. */
export function storeDefinitions({ revisions, clock }: Storage): Promise<void> {
  const now = timestamp(clock.now());
  return revisions.write((transaction) => {
    for (const manifest of crdManifests()) {
      const { spec, metadata } = manifest;
      const key = keyOf(CustomResourceDefinition, undefined, metadata.name);
      const state = transaction.get(key);
      const old = state === undefined ? undefined : parseStored(state.text);
      if (old !== undefined && sameJson(old.spec, spec)) continue;
      const object: AnyObject = {
        ...manifest,
        metadata: {
          uid: randomUUID(),
          creationTimestamp: now,
          ...old?.metadata,
          ...metadata,
          generation: Number(old?.metadata.generation ?? 0) + 1,
        },
        status: {
          acceptedNames: spec.names,
          storedVersions: spec.versions.map(({ name }) => name),
          conditions: [established('NamesAccepted', now), established('Established', now)],
        },
      };
      transaction.put(key, (revision) => textAtRevision(object, revision));
    }
  });
}

function established(type: string, now: string) {
  return {
    type,
    status: 'True',
    lastTransitionTime: now,
    reason: 'BuiltIn',
    message: 'served by tortie apiserver',
  };
}
