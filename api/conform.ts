/**
 * What a kube-apiserver does with an object of a CRD before it validates it: fields that the schema
 * does not have are dropped (or reported, under `fieldValidation`), nulls where null means nothing
 * are dropped, defaults are filled in.
 */
import { type OpenApiSchema, openApiSchema } from './crd.ts';
import type { CustomResource } from './resource.ts';

export interface Conformed {
  /** Shares with the object given whatever did not change. */
  object: unknown;
  /** Paths of the fields that were dropped: `spec.peerIp`, `spec.communities[0].nam`. */
  unknown: string[];
}

/** kube-apiserver's ObjectMeta; it drops what else a client writes there, for CRDs too. */
const METADATA: OpenApiSchema = {
  type: 'object',
  properties: Object.fromEntries(
    [
      'name',
      'generateName',
      'namespace',
      'selfLink',
      'uid',
      'resourceVersion',
      'generation',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'labels',
      'annotations',
      'ownerReferences',
      'finalizers',
      'managedFields',
    ].map((name) => [name, { 'x-kubernetes-preserve-unknown-fields': true }]),
  ),
};

export function conform(type: CustomResource, object: unknown): Conformed {
  const unknown: string[] = [];
  const schema = openApiSchema(type);
  const whole = { ...schema, properties: { ...schema.properties, metadata: METADATA } };
  return { object: conformNode(whole, object, '', unknown), unknown };
}

function conformNode(
  schema: OpenApiSchema,
  value: unknown,
  path: string,
  unknown: string[],
): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    return mapKept(value, (one, index) => conformNode(items, one, `${path}[${index}]`, unknown));
  }
  if (typeof value !== 'object' || value === null) return value;
  return conformMembers(schema, value as Record<string, unknown>, path, unknown);
}

function conformMembers(
  schema: OpenApiSchema,
  members: Record<string, unknown>,
  path: string,
  unknown: string[],
): Record<string, unknown> {
  const { properties, additionalProperties } = schema;
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (!properties && !additionalProperties) return members;
  const changes: [name: string, value: unknown][] = [];
  for (const [name, value] of Object.entries(members)) {
    const own = properties && Object.hasOwn(properties, name);
    const member = own ? properties[name] : additionalProperties;
    const at = path === '' ? name : `${path}.${name}`;
    if (!member) {
      if (keeps) continue;
      unknown.push(at);
      changes.push([name, undefined]);
      continue;
    }
    const wanted =
      value === null && !allowsNull(member)
        ? structuredClone(member.default)
        : conformNode(member, value, at, unknown);
    if (wanted !== value) changes.push([name, wanted]);
  }
  for (const [name, member] of Object.entries(properties ?? {})) {
    if (member.default === undefined || Object.hasOwn(members, name)) continue;
    // The default of an object is {} here; its members have defaults of their own.
    changes.push([name, conformNode(member, structuredClone(member.default), '', unknown)]);
  }
  if (changes.length === 0) return members;
  const changed = { ...members };
  for (const [name, value] of changes) {
    if (value === undefined) delete changed[name];
    else changed[name] = value;
  }
  return changed;
}

function allowsNull(schema: OpenApiSchema): boolean {
  return schema.nullable === true || schema.type === undefined;
}

/** `list` itself when `change` changes nothing. */
function mapKept(list: unknown[], change: (one: unknown, index: number) => unknown): unknown[] {
  let changed = false;
  const mapped = list.map((one, index) => {
    const wanted = change(one, index);
    changed ||= wanted !== one;
    return wanted;
  });
  return changed ? mapped : list;
}
