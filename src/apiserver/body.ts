/** A request's body: bounded, and JSON. */
import type { IncomingMessage } from 'node:http';
import { parseJson } from '../../api/index.ts';
import { ApiError, badRequest } from './status.ts';

/** kube-apiserver's limit. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface Body {
  /** `application/json`, without parameters. Empty when the request says none. */
  contentType: string;
  text: string;
}

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** @throws ApiError 413 past MAX_BODY_BYTES; the rest is then not read, but the answer still arrives. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > MAX_BODY_BYTES) throw tooLarge();
  const contentType = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  return { contentType, text: (await readAll(request)).toString('utf8') };
}

/** Not by `for await`, which destroys the connection when it is left early. */
function readAll(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        request.pause();
        reject(tooLarge());
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => {
      if (!request.readableEnded) reject(badRequest('the body ended too early'));
    });
  });
}

function tooLarge(): ApiError {
  return new ApiError(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: limit is ${MAX_BODY_BYTES}`,
  );
}

/** The body's value; undefined when there is none. @throws ApiError 400, 415 */
export function parseBody({ contentType, text }: Body, accepted = [JSON_TYPE]): unknown {
  if (text === '') return undefined;
  if (!accepted.includes(contentType === '' ? JSON_TYPE : contentType))
    throw unsupportedMediaType(contentType, accepted);
  if (isTooDeep(text)) throw badRequest(`the body is nested more than ${MAX_DEPTH} levels deep`);
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`);
  }
}

/** Deeper ones would overflow the stack of whoever walks them, our readers included. */
const MAX_DEPTH = 500;

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const OPENING = ['{', '['].map((bracket) => bracket.charCodeAt(0));
const CLOSING = ['}', ']'].map((bracket) => bracket.charCodeAt(0));

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) isInString = !isInString;
    else if (isInString) {
      if (code === BACKSLASH) i++;
    } else if (OPENING.includes(code)) {
      if (++depth > MAX_DEPTH) return true;
    } else if (CLOSING.includes(code)) depth--;
  }
  return false;
}

export function unsupportedMediaType(contentType: string, accepted: readonly string[]): ApiError {
  // kubectl's imperative commands (`create secret`, `create namespace`) send it.
  const cure =
    contentType === PROTOBUF
      ? '; this server reads JSON only: add --dry-run=client -o yaml | kubectl apply -f -'
      : '';
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format (${contentType || 'no Content-Type'}) - accepted media types include: ${accepted.join(', ')}${cure}`,
  );
}
