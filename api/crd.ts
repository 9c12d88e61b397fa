/**
 * The CustomResourceDefinitions of our resources, read from their schemas. Structural in the sense
 * of kube-apiserver: every node has one type, and value rules stand beside it, never instead of it.
 */
import { z } from 'zod';
import type { CustomResourceDefinition } from './core.ts';
import type { CustomResource } from './resource.ts';
import { CUSTOM_RESOURCES } from './resources.ts';
import { celRules } from './rules.ts';

/** A node of an OpenAPI v3 schema. */
export interface OpenApiSchema {
  type?: string;
  properties?: Record<string, OpenApiSchema>;
  additionalProperties?: OpenApiSchema;
  items?: OpenApiSchema;
  required?: string[];
  default?: unknown;
  nullable?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  [keyword: string]: unknown;
}

export function crdManifests(): CustomResourceDefinition[] {
  return CUSTOM_RESOURCES.map(crd);
}

function crd(type: CustomResource): CustomResourceDefinition {
  const { group, version, kind, plural, singular, shortNames } = type;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'tortie' } },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
      },
      scope: 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: openApiSchema(type) },
          ...(type.hasStatus && { subresources: { status: {} } }),
          additionalPrinterColumns: type.columns.map((column) => ({ ...column })),
        },
      ],
    },
  };
}

const cache = new WeakMap<CustomResource, OpenApiSchema>();

/** The schema as the CRD has it. Shared: not to be changed. */
export function openApiSchema(type: CustomResource): OpenApiSchema {
  let schema = cache.get(type);
  if (!schema) {
    schema = structural(type);
    cache.set(type, schema);
  }
  return schema;
}

function structural(type: CustomResource): OpenApiSchema {
  const root = z.toJSONSchema(type.schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      const schema = jsonSchema as OpenApiSchema;
      // Loose objects: what kube-apiserver does with unknown fields is said once, below.
      if (schema.properties) delete schema.additionalProperties;
      // A default of {} would be stored although it says nothing.
      if (!type.storesDefaults) delete schema.default;
      delete schema.propertyNames;
      delete schema.$schema;
    },
  }) as OpenApiSchema;
  const { spec, status } = root.properties!;
  const properties: Record<string, OpenApiSchema> = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: spec!,
    ...(status && { status }),
  };
  const validations = celRules(type.rulesAsWritten);
  const schema: OpenApiSchema = {
    type: 'object',
    ...(root.required?.includes('spec') && { required: ['spec'] }),
    properties,
    ...(validations.length > 0 && { 'x-kubernetes-validations': validations }),
  };
  return type.keepsUnknownFields ? keepingUnknown(schema) : schema;
}

function keepingUnknown(schema: OpenApiSchema): OpenApiSchema {
  const kept: OpenApiSchema = { ...schema };
  // `metadata` has no properties here: its schema is kube-apiserver's own.
  if (schema.properties) {
    kept['x-kubernetes-preserve-unknown-fields'] = true;
    kept.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, one]) => [name, keepingUnknown(one)]),
    );
  }
  if (schema.items) kept.items = keepingUnknown(schema.items);
  if (typeof schema.additionalProperties === 'object')
    kept.additionalProperties = keepingUnknown(schema.additionalProperties);
  return kept;
}
