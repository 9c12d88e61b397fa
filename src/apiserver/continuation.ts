/** `continue` tokens: where a list goes on, and at which revision it began. */
import { badRequest } from './status.ts';

export interface Continuation {
  /** Absent: at whatever is current, since the first page's revision was compacted. */
  revision: number | undefined;
  /** The key after which the next page begins. */
  after: string;
}

export function writeContinuation({ revision, after }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: 1, rv: revision ?? -1, after })).toString('base64url');
}

/** @throws ApiError 400 */
export function readContinuation(token: string): Continuation {
  try {
    const { v, rv, after } = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (v !== 1 || !Number.isSafeInteger(rv) || typeof after !== 'string') throw new Error();
    return { revision: rv === -1 ? undefined : rv, after };
  } catch {
    throw badRequest('continue key is not valid: start the list again without it');
  }
}
