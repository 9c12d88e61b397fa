/** What a request's path and query say of the resource that it is about. */
import type { Resources } from './resources.ts';
import type { Served, Verb } from './served.ts';
import { badRequest, methodNotAllowed, noSuchPath } from './status.ts';

export interface Target {
  served: Served;
  /** Absent for cluster-scoped resources, and for a list over all namespaces. */
  namespace: string | undefined;
  name: string | undefined;
  isStatus: boolean;
  query: URLSearchParams;
}

/**
 * `/apis/GROUP/VERSION[/namespaces/NAMESPACE]/PLURAL[/NAME[/status]]`, or `/api/v1/…`.
 * @throws ApiError 404
 */
export function parseTarget(resources: Resources, path: string, query: URLSearchParams): Target {
  const [root, ...steps] = decodeSteps(path);
  const group = root === 'apis' ? steps.shift() : root === 'api' ? '' : undefined;
  const version = steps.shift();
  if (group === undefined || version === undefined) throw noSuchPath();
  let namespace: string | undefined;
  // /namespaces/NAME and /namespaces/NAME/status are about the namespace itself.
  if (
    steps[0] === 'namespaces' &&
    steps.length > 2 &&
    !(steps.length === 3 && steps[2] === 'status')
  ) {
    namespace = steps[1];
    steps.splice(0, 2);
  }
  const [plural, name, subresource, ...rest] = steps;
  const served = plural === undefined ? undefined : resources.find(group, version, plural);
  if (served === undefined || rest.length > 0 || name === '' || namespace === '')
    throw noSuchPath();
  if (subresource !== undefined && !(subresource === 'status' && served.hasStatus))
    throw noSuchPath();
  if (!served.type.namespaced && namespace !== undefined) throw noSuchPath();
  if (served.type.namespaced && namespace === undefined && name !== undefined) throw noSuchPath();
  return { served, namespace, name, isStatus: subresource === 'status', query };
}

function decodeSteps(path: string): string[] {
  try {
    return path.slice(1).replace(/\/$/, '').split('/').map(decodeURIComponent);
  } catch {
    throw badRequest(`the path ${path} is not percent-encoded UTF-8`);
  }
}

/** @throws ApiError 405 */
export function verbOf(method: string, { served, name, isStatus, query }: Target): Verb {
  const verb = name === undefined ? verbOfMany(method, query) : verbOfOne(method, query);
  if (verb === undefined || !served.verbs.includes(verb)) throw methodNotAllowed();
  if (isStatus && (verb === 'delete' || verb === 'watch')) throw methodNotAllowed();
  return verb;
}

function verbOfMany(method: string, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case 'GET':
      return isTrue(query.get('watch')) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'DELETE':
      return 'deletecollection';
    default:
      return undefined;
  }
}

function verbOfOne(method: string, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case 'GET':
      return isTrue(query.get('watch')) ? 'watch' : 'get';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    default:
      return undefined;
  }
}

/** As Go's clients write a true option. */
export function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1';
}

/** @throws ApiError 400 */
export function isDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll('dryRun').filter((one) => one !== '');
  if (asked.some((one) => one !== 'All'))
    throw badRequest(`dryRun: Unsupported value: "${asked.join(',')}": supported values: "All"`);
  return asked.length > 0;
}
