/** Which form of an answer the Accept header asks for. */
import { ApiError } from './status.ts';

export type Form = 'json' | 'table';

/**
 * The first of the list that we have. kubectl asks for a Table, then for JSON; Go's clients for
 * protobuf, which we don't have, then for JSON.
 * @throws ApiError 406
 */
export function formOf(accept: string | undefined): Form {
  if (accept === undefined || accept.trim() === '') return 'json';
  for (const range of accept.split(',')) {
    const [media, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (media !== 'application/json' && media !== 'application/*' && media !== '*/*') continue;
    const values = new Map(parameters.map((one) => one.split('=', 2) as [string, string]));
    const as = values.get('as');
    if (as === undefined) return 'json';
    if (as === 'table' && values.get('g') === 'meta.k8s.io' && values.get('v') === 'v1')
      return 'table';
  }
  throw new ApiError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io',
  );
}
