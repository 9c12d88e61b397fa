/**
 * What makes a resource: its address at the API server, and the one zod schema that its type, its
 * validation, its defaults and its CRD are all read from.
 */
import { z } from 'zod';
import type { KubeObject, ResourceType } from '../ports.ts';
import type { Rule } from './rules.ts';

export const CALICO_GROUP = 'projectcalico.org';
export const CALICO_VERSION = 'v3';
const CALICO_API_VERSION = `${CALICO_GROUP}/${CALICO_VERSION}`;

/** One column of `kubectl get`, in the words of a CRD's additionalPrinterColumns. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
}

/**
 * A resource of ours. `T` is how it is stored: what has a default may be absent. `D` is how
 * `withDefaults` returns it: what has a default is there.
 */
export interface CustomResource<T extends KubeObject = KubeObject, D extends KubeObject = T>
  extends ResourceType<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Whether the status has an endpoint of its own, so that writers of spec and status never meet. */
  readonly hasStatus: boolean;
  /**
   * Whether the CRD keeps fields that the schema does not name. The IPAM data does: Calico adds
   * fields there, and dropping one from a live block loses an allocation's state.
   */
  readonly keepsUnknownFields: boolean;
  /**
   * Whether the API server fills in the defaults when it stores an object. Not where a field that
   * is absent means something else than one that holds its default (`node.<name>` configurations
   * override only what they set).
   */
  readonly storesDefaults: boolean;
  readonly columns: readonly PrinterColumn[];
  readonly schema: z.ZodType<D, T>;
  /** Rules over the object as it was written, where the schema's own see it with its defaults. */
  readonly rulesAsWritten: readonly Rule<T>[];
}

interface Definition<T extends KubeObject, D extends KubeObject> {
  plural: string;
  schema: z.ZodType<D, T>;
  shortNames?: readonly string[];
  hasStatus?: boolean;
  keepsUnknownFields?: boolean;
  storesDefaults?: boolean;
  columns?: readonly PrinterColumn[];
  rulesAsWritten?: readonly Rule<T>[];
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** A cluster-scoped resource of group projectcalico.org/v3. */
export function resource<T extends KubeObject, D extends KubeObject>(
  kind: string,
  definition: Definition<T, D>,
): CustomResource<T, D> {
  return {
    group: CALICO_GROUP,
    version: CALICO_VERSION,
    kind,
    plural: definition.plural,
    singular: kind.toLowerCase(),
    shortNames: definition.shortNames ?? [],
    namespaced: false,
    hasStatus: definition.hasStatus ?? false,
    keepsUnknownFields: definition.keepsUnknownFields ?? false,
    storesDefaults: definition.storesDefaults ?? true,
    columns: [...(definition.columns ?? []), AGE],
    schema: definition.schema,
    rulesAsWritten: definition.rulesAsWritten ?? [],
  };
}

/** RFC 1123 subdomain, as the API server asks of the names of cluster-scoped objects. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME_LENGTH = 253;

const texts = z.record(z.string(), z.string());

const objectMeta = z.looseObject({
  name: z.string().superRefine((name, context) => {
    if (name.length <= MAX_NAME_LENGTH && NAME.test(name)) return;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(name)} is not a name: at most ${MAX_NAME_LENGTH} lower-case letters, digits, "-" and ".", with a letter or digit at each end and beside each "."`,
    });
  }),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.union([z.number(), z.bigint()]).optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
  finalizers: z.array(z.string()).optional(),
});

/** The members that every resource of ours has, beside its spec. */
export function typeAndMeta<K extends string>(kind: K) {
  return {
    apiVersion: z.literal(CALICO_API_VERSION),
    kind: z.literal(kind),
    metadata: objectMeta,
  };
}
