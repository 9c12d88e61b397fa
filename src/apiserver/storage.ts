/** What every verb works with, and gives back. */
import { stringifyJson } from '../../api/index.ts';
import type { Clock, Random } from '../../ports.ts';
import type { AnyObject, Members } from './objects.ts';
import type { Resources } from './resources.ts';
import type { Revisions } from './revisions.ts';
import type { Served } from './served.ts';

export interface Storage {
  readonly revisions: Revisions;
  readonly resources: Resources;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Answer {
  code: number;
  /** JSON. */
  text: string;
  /** Texts of Warning headers. */
  warnings?: string[];
}

/** An object as it is stored: its resourceVersion is the revision that wrote it. */
export function textAtRevision(object: AnyObject, revision: number): string {
  const metadata = { ...object.metadata, resourceVersion: String(revision) };
  return stringifyJson({ ...object, metadata });
}

/** A list of objects that are JSON already. */
export function listText({ type }: Served, texts: readonly string[], metadata: Members): string {
  const { group, version, kind } = type;
  const head = stringifyJson({
    kind: `${kind}List`,
    apiVersion: group === '' ? version : `${group}/${version}`,
    metadata,
  });
  return `${head.slice(0, -1)},"items":[${texts.join(',')}]}`;
}
