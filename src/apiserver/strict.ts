/**
 * `fieldValidation`: what a writer wrote that will not be kept, or twice. JSON.parse keeps the last
 * of two members of one name and says nothing, so the text itself is walked.
 */
import { conform } from '../../api/index.ts';
import type { AnyObject } from './objects.ts';
import type { Served } from './served.ts';
import { badRequest } from './status.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** kube's default, since 1.27, is Warn. @throws ApiError 400 */
export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const asked = query.get('fieldValidation') ?? '';
  if (asked === '') return 'Warn';
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked;
  throw badRequest(
    `fieldValidation: Unsupported value: "${asked}": supported values: "Ignore", "Strict", "Warn"`,
  );
}

/** kube stops at this many complaints too. */
const MAX_COMPLAINTS = 100;

/** Names that appear twice in one object, as `duplicate field "spec.cidr"`. `text` is JSON. */
export function duplicateFields(text: string): string[] {
  const complaints: string[] = [];
  /** One entry an open bracket: the names seen in an object, or the index in a list. */
  const open: { names?: Set<string>; index: number; at: string }[] = [];
  let at = '';
  for (const [token, string] of text.matchAll(TOKEN)) {
    const inside = open.at(-1);
    if (token === '{') open.push({ names: new Set(), index: 0, at: stepInto(inside, at) });
    else if (token === '[') open.push({ index: 0, at: stepInto(inside, at) });
    else if (token === '}' || token === ']') at = open.pop()?.at ?? '';
    else if (token === ',') {
      if (inside) inside.index++;
    } else if (string !== undefined && inside?.names) {
      const name: string = string.includes('\\') ? JSON.parse(string) : string.slice(1, -1);
      at = inside.at === '' ? name : `${inside.at}.${name}`;
      if (inside.names.has(name) && complaints.length < MAX_COMPLAINTS)
        complaints.push(`duplicate field "${at}"`);
      inside.names.add(name);
    }
  }
  return [...new Set(complaints)];
}

/** A name with its colon; other strings, which may hold brackets; and what gives structure. */
const TOKEN = /("(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"|[{}[\],]/gs;

function stepInto(
  inside: { names?: Set<string>; index: number; at: string } | undefined,
  at: string,
) {
  if (inside === undefined) return '';
  return inside.names ? at : `${inside.at}[${inside.index}]`;
}

export interface Kept {
  object: AnyObject;
  /** `unknown field "spec.cird"` */
  complaints: string[];
}

/** `object` as its schema has it: without unknown fields, with defaults. */
export function keepKnown({ custom }: Served, object: AnyObject): Kept {
  if (custom === undefined) return { object, complaints: [] };
  const { object: kept, unknown } = conform(custom, object);
  return {
    object: kept as AnyObject,
    complaints: unknown.map((path) => `unknown field "${path}"`),
  };
}
