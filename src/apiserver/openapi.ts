/**
 * /openapi/v3: one document a group version. kubectl explains from the schemas, and looks into the
 * paths for `fieldValidation`, without which it does not apply. Our kinds have their CRDs' schemas;
 * Kubernetes' own are open objects.
 */
import { createHash } from 'node:crypto';
import { type OpenApiSchema, openApiSchema } from '../../api/index.ts';
import { groupVersionOf, type Resources } from './resources.ts';
import type { Served, Verb } from './served.ts';
import { KUBERNETES_VERSION } from './version.ts';

export class OpenApi {
  /** By `api/v1` or `apis/GROUP/VERSION`. */
  readonly #documents: ReadonlyMap<string, string>;
  readonly index: string;

  constructor(resources: Resources) {
    const documents = new Map<string, string>();
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const { group, version, resources: served } of resources.groupVersions()) {
      const name = group === '' ? `api/${version}` : `apis/${group}/${version}`;
      const text = JSON.stringify(documentOf(name, served));
      documents.set(name, text);
      // Clients keep a document for as long as its hash stays.
      const hash = createHash('sha256').update(text).digest('hex').slice(0, 32).toUpperCase();
      paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` };
    }
    this.#documents = documents;
    this.index = JSON.stringify({ paths });
  }

  /** The JSON document of `api/v1`, `apis/GROUP/VERSION`; undefined when there is none. */
  document(name: string): string | undefined {
    return this.#documents.get(name);
  }
}

function documentOf(name: string, served: readonly Served[]): object {
  const paths: Record<string, object> = {};
  const schemas: Record<string, object> = { [OBJECT_META]: objectMetaSchema };
  for (const one of served) {
    schemas[schemaName(one)] = schemaOf(one);
    const many = `/${name}/${one.type.namespaced ? 'namespaces/{namespace}/' : ''}${one.type.plural}`;
    paths[many] = pathItem(one, { get: 'list', post: 'create', delete: 'deletecollection' });
    paths[`${many}/{name}`] = pathItem(one, {
      get: 'get',
      put: 'update',
      patch: 'patch',
      delete: 'delete',
    });
    if (one.hasStatus)
      paths[`${many}/{name}/status`] = pathItem(one, { get: 'get', put: 'update', patch: 'patch' });
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Tortie', version: KUBERNETES_VERSION.gitVersion },
    paths,
    components: { schemas },
  };
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const text = (description: string) => ({ type: 'string', description });

const objectMetaSchema = {
  type: 'object',
  description: 'Metadata that every stored object has.',
  properties: {
    name: text('Unique within a namespace; cannot be changed.'),
    generateName: text('Beginning of a name that the server completes.'),
    namespace: text('The namespace that the object is in; empty for cluster-scoped objects.'),
    labels: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Keys and values that selectors choose by.',
    },
    annotations: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Keys and values that tools keep with the object.',
    },
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      description: 'The object is removed only once this list is empty.',
    },
    uid: text('Unique in time and space; set by the server.'),
    resourceVersion: text('Changes with every write of the object.'),
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Grows with every change of what is wanted.',
    },
    creationTimestamp: { ...text('Set by the server.'), format: 'date-time' },
    deletionTimestamp: { ...text('Set once a deletion was asked for.'), format: 'date-time' },
  },
};

function gvk({ type: { group, version, kind } }: Served) {
  return { group, version, kind };
}

/** `org.projectcalico.v3.IPPool`, as kube-apiserver names a CRD's schema. */
function schemaName({ type: { group, version, kind } }: Served): string {
  const reversed = (group === '' ? 'core.k8s.io' : group).split('.').reverse().join('.');
  return `${reversed}.${version}.${kind}`;
}

function schemaOf(served: Served): object {
  const { custom, type } = served;
  const own: OpenApiSchema = custom
    ? openApiSchema(custom)
    : { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    description: `${type.kind} of ${groupVersionOf(type)}`,
    ...own,
    properties: {
      ...own.properties,
      apiVersion: text('The version of the schema that this object is written in.'),
      kind: text('The kind of the object.'),
      metadata: {
        description: 'Name, labels, annotations and what the server keeps of the object.',
        allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }],
        default: {},
      },
    },
    'x-kubernetes-group-version-kind': [gvk(served)],
  };
}

/** kube's words for verbs, where they differ. */
const ACTIONS: Partial<Record<Verb, string>> = { create: 'post', update: 'put' };

const WRITES: readonly Verb[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

function pathItem(served: Served, operations: Readonly<Record<string, Verb>>): object {
  const item: Record<string, object> = {};
  for (const [method, verb] of Object.entries(operations))
    if (served.verbs.includes(verb)) item[method] = operation(served, verb);
  return item;
}

function operation(served: Served, verb: Verb): object {
  const $ref = `#/components/schemas/${schemaName(served)}`;
  const content = { 'application/json': { schema: { $ref } } };
  const takesObject = verb === 'create' || verb === 'update';
  return {
    'x-kubernetes-action': ACTIONS[verb] ?? verb,
    'x-kubernetes-group-version-kind': gvk(served),
    parameters: WRITES.includes(verb)
      ? ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
          name,
          in: 'query',
          schema: { type: 'string' },
        }))
      : [],
    ...(takesObject && { requestBody: { content, required: true } }),
    // No strategic merge patch is named, though served: kubectl would look for the lists' merge
    // keys in these schemas, which don't have them; without it, it takes them from its own types.
    ...(verb === 'patch' && {
      requestBody: { content: { 'application/merge-patch+json': {} }, required: true },
    }),
    responses: { 200: { description: 'OK', content } },
  };
}
