/**
 * Kubernetes' strategic merge patch: a merge patch whose lists of objects are merged by a key, so
 * that a writer of one element keeps the others. Which list has which key is part of the kind. The
 * directives: `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/<list>`,
 * `$setElementOrder/<list>`.
 */
import { isMembers, type Members, sameJson, setMember } from '../objects.ts';
import { AS_SET, type MergeKeys } from '../served.ts';
import { badRequest } from '../status.ts';

const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';
const ELEMENT_ORDER = '$setElementOrder/';

/**
 * `target` with `patch` merged in; neither is changed.
 * @throws ApiError 400 when the patch is malformed.
 */
export function applyStrategicMergePatch(
  target: Members,
  patch: unknown,
  keys: MergeKeys,
): Members {
  if (!isMembers(patch)) throw badRequest('a strategic merge patch is an object');
  return mergeMembers(target, patch, keys, '') as Members;
}

/** Undefined: the patch deletes the object. */
function mergeMembers(
  target: Members | undefined,
  patch: Members,
  keys: MergeKeys,
  path: string,
): Members | undefined {
  const { $patch: directive, $retainKeys: retained } = patch;
  if (directive === 'delete') return undefined;
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge')
    throw badRequest(`unknown $patch directive ${JSON.stringify(directive)}`);
  const result: Members = directive === 'replace' ? {} : { ...target };
  if (retained !== undefined) {
    if (!Array.isArray(retained)) throw badRequest('$retainKeys must be a list');
    for (const name of Object.keys(result)) if (!retained.includes(name)) delete result[name];
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue;
    const at = path === '' ? name : `${path}.${name}`;
    const present = Object.hasOwn(result, name) ? result[name] : undefined;
    const merged = mergeValue(present, value, keys, at);
    if (merged === undefined) delete result[name];
    else setMember(result, name, merged);
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith(DELETE_FROM_LIST))
      deleteFromList(result, name.slice(DELETE_FROM_LIST.length), value);
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(ELEMENT_ORDER)) continue;
    const list = name.slice(ELEMENT_ORDER.length);
    const present = result[list];
    const key = keys[path === '' ? list : `${path}.${list}`];
    if (Array.isArray(present) && Array.isArray(order) && key !== undefined)
      result[list] = inOrder(present, order, key);
  }
  return result;
}

function mergeValue(present: unknown, value: unknown, keys: MergeKeys, path: string): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return mergeList(present, value, keys, path);
  if (!isMembers(value)) return value;
  return mergeMembers(isMembers(present) ? present : undefined, value, keys, path);
}

function mergeList(present: unknown, patch: unknown[], keys: MergeKeys, path: string): unknown[] {
  const key = keys[path];
  if (key === undefined) return withoutDirectives(patch);
  const existing = Array.isArray(present) ? present : [];
  if (key === AS_SET) {
    const added = patch.filter((one, i) => patch.indexOf(one) === i && !existing.includes(one));
    return [...existing, ...added];
  }
  let result = patch.some((one) => isMembers(one) && one.$patch === 'replace' && isBare(one, key))
    ? []
    : [...existing];
  for (const element of patch) {
    if (!isMembers(element)) throw badRequest(`${path}: each element must be an object`);
    const id = element[key];
    if (id === undefined) {
      if (element.$patch === 'replace') continue;
      throw badRequest(`${path}: each element must have "${key}", which the list is merged by`);
    }
    const same = (one: unknown) => isMembers(one) && sameJson(one[key], id);
    if (element.$patch === 'delete') {
      result = result.filter((one) => !same(one));
      continue;
    }
    const index = result.findIndex(same);
    const merged = mergeMembers(result[index] as Members | undefined, element, keys, path);
    if (index === -1) result.push(merged);
    else result[index] = merged;
  }
  return result;
}

/** `{$patch: replace}` alone in a list: the list is replaced by the other elements. */
function isBare(element: Members, key: string): boolean {
  return element[key] === undefined;
}

/** A list that is replaced whole; a `{$patch: replace}` in it says what happens anyway. */
function withoutDirectives(list: unknown[]): unknown[] {
  return list.filter((one) => !(isMembers(one) && one.$patch === 'replace'));
}

function deleteFromList(object: Members, list: string, values: unknown): void {
  const present = object[list];
  if (!Array.isArray(values)) throw badRequest(`${DELETE_FROM_LIST}${list} must be a list`);
  if (Array.isArray(present)) object[list] = present.filter((one) => !values.includes(one));
}

/**
 * Elements named in `order` in that order. One that it does not name, since the writer did not know
 * of it, keeps its place.
 */
function inOrder(list: unknown[], order: unknown[], key: string | typeof AS_SET): unknown[] {
  const idOf = (one: unknown) => (key === AS_SET || !isMembers(one) ? one : one[key]);
  const rank = (one: unknown) => order.findIndex((other) => sameJson(idOf(other), idOf(one)));
  const named = list.filter((one) => rank(one) !== -1).sort((a, b) => rank(a) - rank(b));
  const result: unknown[] = [];
  let next = 0;
  for (const one of list) result.push(rank(one) === -1 ? one : named[next++]);
  return result;
}
