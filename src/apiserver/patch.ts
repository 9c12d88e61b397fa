/** PATCH: which of the patches a body is, and what it makes of an object. */
import { type Body, parseBody, unsupportedMediaType } from './body.ts';
import type { AnyObject } from './objects.ts';
import { applyJsonPatch } from './patches/json-patch.ts';
import { applyMergePatch } from './patches/merge-patch.ts';
import { applyStrategicMergePatch } from './patches/strategic-merge-patch.ts';
import type { Served } from './served.ts';
import { ApiError, badRequest } from './status.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
const APPLY = ['application/apply-patch+yaml', 'application/apply-patch+cbor'];

/**
 * The body as a function from an object to the patched value, which is not checked yet. It may
 * throw an ApiError when the patch does not fit.
 * @throws ApiError 400, 415
 */
export function readPatch(served: Served, body: Body): (object: AnyObject) => unknown {
  const { contentType } = body;
  if (APPLY.includes(contentType))
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      'this server has no server-side apply: use `kubectl apply` without --server-side, or another patch type',
    );
  const accepted = patchTypes(served);
  if (!accepted.includes(contentType)) throw unsupportedMediaType(contentType, accepted);
  const patch = parseBody(body, accepted);
  if (patch === undefined) throw badRequest('the patch is empty');
  if (contentType === JSON_PATCH) return (object) => applyJsonPatch(object, patch);
  if (contentType === MERGE_PATCH) return (object) => applyMergePatch(object, patch);
  return (object) => applyStrategicMergePatch(object, patch, served.mergeKeys!);
}

/** kube has no strategic merge patch for custom resources either. */
function patchTypes(served: Served): string[] {
  return served.mergeKeys === undefined
    ? [JSON_PATCH, MERGE_PATCH]
    : [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH];
}
