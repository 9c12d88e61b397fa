/** One resource as the server serves it: all that the verbs need to know of it. */
import type { CustomResource } from '../../api/index.ts';
import type { ResourceType } from '../../ports.ts';
import type { AnyObject } from './objects.ts';
import type { Column } from './table.ts';

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection';

/** How strategic merge patches treat lists: path of the list → key of its elements, or as a set. */
export type MergeKeys = Readonly<Record<string, string | typeof AS_SET>>;

/** A list of plain values that a patch adds to. */
export const AS_SET = Symbol('as set');

export interface Served {
  readonly type: ResourceType;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Words that kubectl takes for several resources: `kubectl get all`. */
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly hasStatus: boolean;
  /** Present for our own resources: schema, validation and defaults. */
  readonly custom?: CustomResource;
  /** Whether metadata.generation counts the changes of what is not metadata or status. */
  readonly hasGeneration: boolean;
  /** Whether an update without a resourceVersion overwrites whatever is there. */
  readonly allowsUnconditionalUpdate: boolean;
  /** What a name must look like, as kube has it for this kind. */
  readonly nameForm: 'subdomain' | 'label' | 'service';
  /** Fields that a selector may use, beside metadata.name and metadata.namespace, and their paths. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly columns: readonly Column[];
  /** Absent: strategic merge patches are refused, as kube refuses them for custom resources. */
  readonly mergeKeys?: MergeKeys;
  /** What kube fills in or drops when such an object is created or updated. Changes `object`. */
  readonly fillIn?: (object: AnyObject, old: AnyObject | undefined) => void;
}

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

export const READ_VERBS: readonly Verb[] = ['get', 'list', 'watch'];
