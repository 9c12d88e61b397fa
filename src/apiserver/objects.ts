/** Kubernetes objects as loose values: paths into them, and whether two of them are the same. */
import { parseJson } from '../../api/index.ts';
import type { KubeObject, ObjectMeta } from '../../ports.ts';

export interface Members {
  [member: string]: unknown;
}

export interface AnyMeta extends ObjectMeta, Members {
  generateName?: string;
}

/** An object whose metadata has been checked to be well-formed. */
export interface AnyObject extends KubeObject, Members {
  metadata: AnyMeta;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object as the store has it. */
export function parseStored(text: string): AnyObject {
  return parseJson(text) as AnyObject;
}

/** The value at `path`, undefined where the path ends early. */
export function valueAt(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Members)[step];
  }
  return value;
}

/** The text at `path`, empty when there is none: as selectors and table cells see a field. */
export function textAt(object: unknown, path: readonly string[]): string {
  const value = valueAt(object, path);
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

export function listAt(object: unknown, path: readonly string[]): Members[] {
  const value = valueAt(object, path);
  return Array.isArray(value) ? value.filter(isMembers) : [];
}

/** Same JSON, whatever the order of members. Members that are undefined count as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((one, i) => sameJson(one, b[i]))
    );
  }
  // A number kept as text (JSON.rawJSON) is an object with that text as its only member.
  const left = presentMembers(a as Members);
  const right = b as Members;
  return (
    left.length === presentMembers(right).length &&
    left.every((name) => Object.hasOwn(right, name) && sameJson((a as Members)[name], right[name]))
  );
}

function presentMembers(object: Members): string[] {
  return Object.keys(object).filter((name) => object[name] !== undefined);
}

/** `object[name] = value`, also for the name `__proto__`, which assignment takes for something else. */
export function setMember(object: Members, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  else object[name] = value;
}
