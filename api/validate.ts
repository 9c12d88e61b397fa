/** Judging an object by its resource's schema, and filling in what the schema has a default for. */
import type { z } from 'zod';
import type { KubeObject } from '../ports.ts';
import type { CustomResource } from './resource.ts';

export interface Problem {
  /** Where, as people write it: `spec.communities[0].value`. */
  path: string;
  /** What is wrong and what to do; reads on after the path. */
  message: string;
}

/** Everything that is wrong with `object`; empty when it is valid. */
export function validate(type: CustomResource, object: unknown): Problem[] {
  const result = type.schema.safeParse(object, { error: describe });
  if (!result.success)
    return result.error.issues.map(({ path, message }) => ({ path: formatPath(path), message }));
  return type.rulesAsWritten
    .filter((rule) => !rule.holds(object as KubeObject))
    .map(({ field = '', message }) => ({ path: field, message }));
}

/** `IPPool "rack-a": spec.cidr "10.60.0.0/99" is not a prefix: …` */
export function describeProblem(
  object: { kind?: unknown; metadata?: { name?: unknown } },
  { path, message }: Problem,
): string {
  const name = object.metadata?.name;
  const whose = `${object.kind}${typeof name === 'string' ? ` ${JSON.stringify(name)}` : ''}`;
  return `${whose}: ${path === '' ? '' : `${path} `}${message}`;
}

/** `object` with every default filled in. @throws Error naming every problem when it is invalid. */
export function withDefaults<T extends KubeObject, D extends KubeObject>(
  type: CustomResource<T, D>,
  object: T,
): D {
  const result = type.schema.safeParse(object, { error: describe });
  if (result.success) return result.data;
  const problems = validate(type as unknown as CustomResource, object);
  throw new Error(problems.map((problem) => describeProblem(object, problem)).join('\n'));
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w$-]+$/.test(String(step)))
      text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}

/** zod's issues in our words. Schemas that say their own message are not asked here. */
function describe(issue: z.core.$ZodRawIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      if (input === undefined) return 'is missing';
      return issue.expected === 'int'
        ? `must be a whole number, not ${quote(input)}`
        : `must be ${article(issue.expected)}, not ${quote(input)}`;
    case 'invalid_value':
      if (input === undefined) return 'is missing';
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}, not ${quote(input)}`
        : `${quote(input)} is none of ${issue.values.map((value) => String(value) || '""').join(', ')}`;
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be at least ${issue.minimum}, not ${quote(input)}`
        : `is too short: at least ${issue.minimum} ${unit(issue.origin)}`;
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be at most ${issue.maximum}, not ${quote(input)}`
        : `is too long: at most ${issue.maximum} ${unit(issue.origin)}`;
    default:
      return `is not valid: ${quote(input)}`;
  }
}

const ARTICLES: Record<string, string> = {
  array: 'a list',
  record: 'an object',
  object: 'an object',
  int: 'a whole number',
  boolean: 'true or false',
};

function article(type: string): string {
  return ARTICLES[type] ?? `a ${type}`;
}

function unit(origin: string): string {
  return origin === 'string' ? 'characters' : 'items';
}

const MAX_QUOTED = 64;

function quote(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
