/** An object's metadata: what a writer may say there, and what the server says. */
import { type AnyMeta, type AnyObject, isMembers, type Members } from './objects.ts';
import { groupVersionOf } from './resources.ts';
import { isLabelKey, isLabelValue } from './selectors.ts';
import type { Served } from './served.ts';
import { badRequest, type Cause, invalidValue, required } from './status.ts';

/**
 * A body as an object of this resource: type and metadata are well-formed afterwards. Absent
 * apiVersion, kind and namespace are taken from the path, as kube does for its own kinds.
 * @throws ApiError 400
 */
export function readObject(
  served: Served,
  body: unknown,
  namespace: string | undefined,
): AnyObject {
  const { type } = served;
  if (!isMembers(body)) throw badRequest(`the body must be one ${type.kind} as a JSON object`);
  const apiVersion = groupVersionOf(type);
  if ((body.apiVersion ?? apiVersion) !== apiVersion)
    throw badRequest(
      `the API version in the data (${body.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  if ((body.kind ?? type.kind) !== type.kind)
    throw badRequest(
      `the kind in the data (${body.kind}) does not match the kind of this path (${type.kind})`,
    );
  const metadata = readMetadata(body.metadata ?? {});
  if (type.namespaced) {
    metadata.namespace ??= namespace;
    if (metadata.namespace !== namespace)
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace}, ${namespace})`,
      );
  } else if (metadata.namespace) {
    throw badRequest(`${type.kind} has no namespace, but metadata.namespace is set: remove it`);
  } else {
    delete metadata.namespace;
  }
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = body;
  return { apiVersion, kind: type.kind, metadata, ...rest };
}

const TEXTS = ['name', 'generateName', 'namespace', 'uid', 'resourceVersion'] as const;

function readMetadata(value: unknown): AnyMeta {
  if (!isMembers(value)) throw badRequest('metadata must be an object');
  const metadata: Members = { ...value };
  // Written by server-side apply only, which is not served; selfLink is of kube's past.
  delete metadata.managedFields;
  delete metadata.selfLink;
  for (const [field, one] of Object.entries(metadata)) if (one === null) delete metadata[field];
  for (const field of TEXTS)
    if (metadata[field] !== undefined && typeof metadata[field] !== 'string')
      throw badRequest(`metadata.${field} must be a string`);
  for (const field of ['labels', 'annotations']) {
    const texts = metadata[field];
    if (texts === undefined) continue;
    if (!isMembers(texts) || Object.values(texts).some((text) => typeof text !== 'string'))
      throw badRequest(`metadata.${field} must be an object whose values are strings`);
  }
  const { finalizers, ownerReferences } = metadata;
  if (
    finalizers !== undefined &&
    !(Array.isArray(finalizers) && finalizers.every((one) => typeof one === 'string'))
  )
    throw badRequest('metadata.finalizers must be a list of strings');
  if (
    ownerReferences !== undefined &&
    !(Array.isArray(ownerReferences) && ownerReferences.every(isMembers))
  )
    throw badRequest('metadata.ownerReferences must be a list of objects');
  metadata.name ??= '';
  return metadata as AnyMeta;
}

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SERVICE = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

const NAME_FORMS = {
  subdomain: {
    pattern: SUBDOMAIN,
    max: 253,
    rule: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  },
  label: {
    pattern: LABEL,
    max: 63,
    rule: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  },
  service: {
    pattern: SERVICE,
    max: 63,
    rule: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  },
} as const;

const MAX_ANNOTATION_BYTES = 256 * 1024;

/** What kube says of the name, labels, annotations and finalizers. */
export function metadataProblems(served: Served, { metadata }: AnyObject): Cause[] {
  const { name, labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  const causes: Cause[] = [];
  if (name === '') causes.push(required('metadata.name', 'name or generateName is required'));
  else {
    const { pattern, max, rule } = NAME_FORMS[served.nameForm];
    if (name.length > max)
      causes.push(invalidValue('metadata.name', name, `must be no more than ${max} bytes`));
    else if (!pattern.test(name)) causes.push(invalidValue('metadata.name', name, rule));
  }
  for (const [key, value] of Object.entries(labels)) {
    if (!isLabelKey(key)) causes.push(invalidValue('metadata.labels', key, QUALIFIED_NAME));
    if (!isLabelValue(value)) causes.push(invalidValue('metadata.labels', value, LABEL_VALUE));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    annotationBytes += key.length + Buffer.byteLength(value);
    if (!isLabelKey(key.toLowerCase()))
      causes.push(invalidValue('metadata.annotations', key, QUALIFIED_NAME));
  }
  if (annotationBytes > MAX_ANNOTATION_BYTES)
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`,
      field: 'metadata.annotations',
    });
  finalizers.forEach((finalizer, i) => {
    if (!isLabelKey(finalizer))
      causes.push(invalidValue(`metadata.finalizers[${i}]`, finalizer, QUALIFIED_NAME));
  });
  for (const [i, owner] of (ownerReferences as Members[]).entries())
    for (const field of ['apiVersion', 'kind', 'name', 'uid'])
      if (typeof owner[field] !== 'string' || owner[field] === '')
        causes.push(required(`metadata.ownerReferences[${i}].${field}`, ''));
  return causes;
}

const QUALIFIED_NAME =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'), at most 63 characters";

/** kube's: no vowels, so that no word comes out, and no characters that look alike. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_GENERATED_BASE = 63 - SUFFIX_LENGTH;

/** A name that begins with `base`. */
export function generateName(base: string, random: () => number): string {
  let name = base.slice(0, MAX_GENERATED_BASE);
  for (let i = 0; i < SUFFIX_LENGTH; i++)
    name += SUFFIX_LETTERS[Math.floor(random() * SUFFIX_LETTERS.length)];
  return name;
}

/** RFC 3339 to the second, as metav1.Time is written. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}
