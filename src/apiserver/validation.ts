/** What makes an object of ours invalid, as kube's causes; and fields that may not change. */
import { type OpenApiSchema, openApiSchema, validate } from '../../api/index.ts';
import { metadataProblems } from './metadata.ts';
import { type AnyObject, isMembers, sameJson } from './objects.ts';
import type { Served } from './served.ts';
import { type Cause, invalidValue } from './status.ts';

/** `old`: the stored object that `object` replaces. */
export function problemsOf(served: Served, object: AnyObject, old?: AnyObject): Cause[] {
  const causes = metadataProblems(served, object);
  const { custom } = served;
  if (custom === undefined) return causes;
  const isMetadataTold = causes.length > 0;
  for (const { path, message } of validate(custom, object)) {
    // The schema's word on a name, which kube's words above have said already.
    if (isMetadataTold && path.startsWith('metadata.')) continue;
    causes.push(
      message === 'is missing'
        ? { reason: 'FieldValueRequired', message: 'Required value', field: path }
        : { reason: 'FieldValueInvalid', message: `Invalid value: ${message}`, field: path },
    );
  }
  if (old !== undefined) collectChanged(openApiSchema(custom), old, object, '', causes);
  return causes;
}

/** The CRD's way to say that a field may not change. Like kube, only where both have the field. */
const IMMUTABLE_RULE = 'self == oldSelf';

function collectChanged(
  schema: OpenApiSchema,
  old: unknown,
  value: unknown,
  path: string,
  causes: Cause[],
): void {
  if (old === undefined || value === undefined) return;
  const rules = (schema['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[];
  for (const { rule, message } of rules)
    if (rule === IMMUTABLE_RULE && !sameJson(old, value))
      causes.push(invalidValue(path, value, message));
  if (!schema.properties || !isMembers(old) || !isMembers(value)) return;
  for (const [name, member] of Object.entries(schema.properties))
    collectChanged(member, old[name], value[name], path === '' ? name : `${path}.${name}`, causes);
}
