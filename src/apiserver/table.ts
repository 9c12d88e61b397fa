/** Tables made by the server: what `kubectl get` prints, a column with its cell at a time. */
import type { PrinterColumn } from '../../api/index.ts';
import { type AnyObject, isMembers, type Members, textAt, valueAt } from './objects.ts';

export interface Column {
  name: string;
  type: string;
  format: string;
  description: string;
  /** Above 0: only with -o wide. */
  priority: number;
  cell(object: AnyObject, nowMs: number): unknown;
}

/** How much of each object a row carries. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function column(
  name: string,
  cell: Column['cell'],
  more: Partial<Pick<Column, 'type' | 'format' | 'description' | 'priority'>> = {},
): Column {
  return { name, type: 'string', format: '', description: '', priority: 0, ...more, cell };
}

export const NAME_COLUMN = column('Name', (object) => object.metadata.name, {
  format: 'name',
  description: 'Unique within a namespace.',
});

export const AGE_COLUMN = column(
  'Age',
  (object, nowMs) => age(textAt(object, ['metadata', 'creationTimestamp']), nowMs),
  { description: 'How long ago it was created.' },
);

/** A CRD's additionalPrinterColumn. Its jsonPath is dotted: none of ours has an index or filter. */
export function customColumn({ name, type, jsonPath, description }: PrinterColumn): Column {
  const path = jsonPath.split('.').slice(1);
  const cell: Column['cell'] = (object, nowMs) => {
    const value = valueAt(object, path);
    if (value === undefined || value === null) return null;
    if (type === 'date') return age(String(value), nowMs);
    return type === 'string' ? String(value) : value;
  };
  return column(name, cell, { type, ...(description !== undefined && { description }) });
}

/** `withColumns`: false for all but the first event of a watch. */
export function table(
  columns: readonly Column[],
  objects: readonly AnyObject[],
  metadata: Members,
  nowMs: number,
  include: IncludeObject,
  withColumns = true,
): Members {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns ? columns.map(({ cell: _, ...definition }) => definition) : null,
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, nowMs) ?? null),
      ...(include !== 'None' && { object: include === 'Object' ? object : partial(object) }),
    })),
  };
}

function partial({ metadata }: AnyObject): Members {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

/** `5d3h`: time since `timestamp`, rounded as kubectl rounds it. */
export function age(timestamp: string, nowMs: number): string {
  const then = Date.parse(timestamp);
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then);
}

/** Two units at most, and fewer the longer it is. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 365 * 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** `a=b,c=d`, or kubectl's word for nothing. */
export function formatLabels(labels: unknown): string {
  if (!isMembers(labels) || Object.keys(labels).length === 0) return '<none>';
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}
