/** The objects in YAML or JSON files: several documents a file, Lists unfolded, numbers beyond 2^53 exact. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { describeProblem, validate } from '../../api/index.ts';
import type { KubeObject, ResourceType } from '../../ports.ts';
import { customKind, kindOf, UsageError } from './kinds.ts';

export interface Manifest {
  kind: ResourceType;
  object: KubeObject;
}

/**
 * `-` is standard input. `also` are kinds beside those that tortiectl knows.
 * Throws UsageError that names every object that is not valid: then nothing is to be sent.
 */
export function readManifests(
  files: readonly string[],
  also: readonly ResourceType[] = [],
): Manifest[] {
  const manifests = files.flatMap((file) => readFile(file, also));
  if (manifests.length === 0)
    throw new UsageError(`${files.join(', ')}: there is no resource in it`);
  return manifests;
}

function readFile(file: string, also: readonly ResourceType[]): Manifest[] {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const objects = parseAllDocuments(text, { intAsBigInt: true }).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new UsageError(`${file}: ${error.message}`);
    const value = narrowIntegers(document.toJS()) as { kind?: unknown; items?: unknown } | null;
    if (value === null) return [];
    return typeof value.kind === 'string' &&
      value.kind.endsWith('List') &&
      Array.isArray(value.items)
      ? value.items
      : [value];
  });
  const problems: string[] = [];
  const manifests = objects.map((object: KubeObject) => {
    if (typeof object !== 'object' || object === null)
      throw new UsageError(`${file}: ${JSON.stringify(object)} is not a resource`);
    const kind = kindOf(object, also);
    if (typeof object.metadata?.name !== 'string')
      throw new UsageError(`${file}: a ${kind.kind} has no metadata.name`);
    const custom = customKind(kind);
    if (custom)
      problems.push(
        ...validate(custom, object).map(
          (problem) => `${file}: ${describeProblem(object, problem)}`,
        ),
      );
    return { kind, object };
  });
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return manifests;
}

/** YAML was read with every integer a bigint; those that a number holds exactly become one. */
function narrowIntegers(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(narrowIntegers);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, narrowIntegers(inner)]),
    );
  return value;
}
