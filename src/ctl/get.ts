/** `get`: tables for people, YAML and JSON for programs. */
import { stringify as stringifyYaml } from 'yaml';
import { stringifyJson } from '../../api/index.ts';
import type { KubeObject, ResourceType, Store } from '../../ports.ts';
import { formatTable } from '../text-table.ts';
import { columnsOf, nameOf, UsageError } from './kinds.ts';

export const OUTPUTS = ['wide', 'yaml', 'json', 'name'] as const;
export type Output = (typeof OUTPUTS)[number];

interface Found {
  kind: ResourceType;
  objects: KubeObject[];
}

export async function get(
  store: Store,
  kinds: readonly ResourceType[],
  names: readonly string[],
  output: Output | undefined,
): Promise<string> {
  if (names.length > 0 && kinds.length > 1)
    throw new UsageError('names go with one resource type, not with several');
  const found = await Promise.all(
    kinds.map(async (kind): Promise<Found> => {
      if (names.length === 0) return { kind, objects: (await store.list(kind)).items };
      return { kind, objects: await Promise.all(names.map((name) => store.get(kind, name))) };
    }),
  );
  const single = names.length === 1;
  switch (output) {
    case 'yaml':
      return stringifyYaml(forPrograms(found, single)).trimEnd();
    case 'json':
      return stringifyJson(forPrograms(found, single), 2);
    case 'name':
      return found
        .flatMap(({ kind, objects }) => objects.map((object) => nameOf(kind, object.metadata.name)))
        .join('\n');
    default:
      return found.map((one) => forPeople(one, output === 'wide', found.length > 1)).join('\n\n');
  }
}

/** One object as it is, several as a List, as kubectl gives them. */
function forPrograms(found: readonly Found[], single: boolean): unknown {
  const items = found.flatMap(({ kind, objects }) =>
    // Items of a list come without them: the list says it once.
    objects.map((object) => ({
      ...object,
      apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
      kind: kind.kind,
    })),
  );
  return single ? items[0] : { apiVersion: 'v1', kind: 'List', items };
}

function forPeople({ kind, objects }: Found, wide: boolean, several: boolean): string {
  if (objects.length === 0) return `No ${kind.plural} found`;
  const { titles, cells } = columnsOf(kind, wide);
  const rows = objects.map(cells);
  // Of several types, each name says which, as in kubectl.
  if (several) for (const row of rows) row[0] = nameOf(kind, row[0]!);
  return formatTable(titles, rows);
}
