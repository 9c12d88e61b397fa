/** JSON patch, RFC 6902. */
import { stringifyJson } from '../../../api/index.ts';
import { isMembers, type Members, sameJson, setMember } from '../objects.ts';
import { ApiError, badRequest } from '../status.ts';

/** kube's own limit. */
const MAX_OPERATIONS = 10_000;

/** What `copy` may add up to, in characters: a patch of doublings must not fill the memory. */
const MAX_COPIED = 3 * 1024 * 1024;

/**
 * `document` with the operations applied; it is not changed.
 * @throws ApiError 400 when the patch is malformed, 422 when it does not fit the document.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch is a list of operations');
  if (patch.length > MAX_OPERATIONS)
    throw new ApiError(
      413,
      'RequestEntityTooLarge',
      `the JSON patch has ${patch.length} operations, at most ${MAX_OPERATIONS} are allowed`,
    );
  let copied = 0;
  let result = structuredCopy(document);
  patch.forEach((operation, index) => {
    result = apply(operation, `operation ${index}`);
  });
  return result;

  function apply(operation: unknown, where: string): unknown {
    if (!isMembers(operation)) throw badRequest(`${where} of the JSON patch is no object`);
    const { op } = operation;
    const path = pointer(operation, 'path', where);
    const here = `${op} ${operation.path}`;
    switch (op) {
      case 'add':
        return add(result, path, copy(givenValue(operation, where)), here);
      case 'remove':
        return remove(result, path, here);
      case 'replace':
        if (path.length === 0) return copy(givenValue(operation, where));
        find(result, path, here);
        return set(result, path, copy(givenValue(operation, where)), here);
      case 'move': {
        const from = pointer(operation, 'from', where);
        if (from.length < path.length && from.every((step, i) => step === path[i]))
          throw unfit(here, 'a value cannot be moved into itself');
        const value = find(result, from, here);
        return add(remove(result, from, here), path, value, here);
      }
      case 'copy':
        return add(result, path, copy(find(result, pointer(operation, 'from', where), here)), here);
      case 'test':
        if (!sameJson(find(result, path, here), givenValue(operation, where)))
          throw unfit(here, 'the value there is another');
        return result;
      default:
        throw badRequest(
          `${where} of the JSON patch has op ${JSON.stringify(op)}: use add, remove, replace, move, copy or test`,
        );
    }
  }

  function copy(value: unknown): unknown {
    copied += stringifyJson(value).length;
    if (copied > MAX_COPIED)
      throw new ApiError(413, 'RequestEntityTooLarge', 'the JSON patch makes the object too large');
    return structuredCopy(value);
  }
}

function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  // A number kept as text (JSON.rawJSON) is frozen and stays as it is.
  if (!isMembers(value) || Object.isFrozen(value)) return value;
  const copy: Members = {};
  for (const [name, member] of Object.entries(value)) setMember(copy, name, structuredCopy(member));
  return copy;
}

function givenValue(operation: Members, where: string): unknown {
  if (!Object.hasOwn(operation, 'value'))
    throw badRequest(`${where} of the JSON patch has no value`);
  return operation.value;
}

/** RFC 6901. */
function pointer(operation: Members, member: string, where: string): string[] {
  const text = operation[member];
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/')))
    throw badRequest(
      `${where} of the JSON patch: ${member} must be a JSON pointer such as /spec/cidr, not ${JSON.stringify(text)}`,
    );
  return text
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function find(document: unknown, path: readonly string[], here: string): unknown {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) value = value[indexOf(step, value.length - 1, here)];
    else if (isMembers(value) && Object.hasOwn(value, step)) value = value[step];
    else throw unfit(here, `there is no "${step}"`);
  }
  return value;
}

function add(document: unknown, path: readonly string[], value: unknown, here: string): unknown {
  if (path.length === 0) return value;
  const parent = find(document, path.slice(0, -1), here);
  const last = path.at(-1)!;
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : indexOf(last, parent.length, here);
    parent.splice(index, 0, value);
    return document;
  }
  return set(document, path, value, here);
}

function set(document: unknown, path: readonly string[], value: unknown, here: string): unknown {
  const parent = find(document, path.slice(0, -1), here);
  const last = path.at(-1)!;
  if (Array.isArray(parent)) parent[indexOf(last, parent.length - 1, here)] = value;
  else if (isMembers(parent)) setMember(parent, last, value);
  else throw unfit(here, 'its parent is neither an object nor a list');
  return document;
}

function remove(document: unknown, path: readonly string[], here: string): unknown {
  if (path.length === 0) throw unfit(here, 'the whole object cannot be removed');
  find(document, path, here);
  const parent = find(document, path.slice(0, -1), here) as Members | unknown[];
  const last = path.at(-1)!;
  if (Array.isArray(parent)) parent.splice(indexOf(last, parent.length - 1, here), 1);
  else delete parent[last];
  return document;
}

function indexOf(step: string, max: number, here: string): number {
  if (!/^(0|[1-9]\d*)$/.test(step) || Number(step) > max)
    throw unfit(here, `there is no element "${step}"`);
  return Number(step);
}

function unfit(here: string, why: string): ApiError {
  return new ApiError(422, 'Invalid', `the JSON patch does not fit the object: ${here}: ${why}`);
}
