import {
  BGPConfiguration,
  BGPPeer,
  CUSTOM_RESOURCES,
  conform,
  crdManifests,
  IPAMBlock,
  IPPool,
  type OpenApiSchema,
  openApiSchema,
} from '../../api/index.ts';
import { VALID } from './valid-objects.ts';

/** What a structural schema may say (Kubernetes: "Specifying a structural schema"), as used here. */
const KEYWORDS = new Set([
  'type',
  'properties',
  'additionalProperties',
  'items',
  'required',
  'enum',
  'format',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'nullable',
  'default',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-validations',
]);

function* nodes(schema: OpenApiSchema, path: string): Generator<[string, OpenApiSchema]> {
  yield [path, schema];
  for (const [name, one] of Object.entries(schema.properties ?? {}))
    yield* nodes(one, `${path}.${name}`);
  if (schema.items) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* nodes(schema.additionalProperties, `${path}{}`);
}

test.each(CUSTOM_RESOURCES.map((type) => [type.kind, type] as const))(
  "%s's schema is structural: a type at every node, no alternatives",
  (_kind, type) => {
    for (const [path, schema] of nodes(openApiSchema(type), '')) {
      expect([path, Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword))]).toEqual([
        path,
        [],
      ]);
      const typed = schema.type !== undefined || schema['x-kubernetes-int-or-string'] === true;
      expect([path, typed]).toEqual([path, true]);
    }
  },
);

test('the CRDs are named, scoped and printed as Calico users know them', () => {
  const crds = crdManifests();
  expect(crds.map(({ metadata }) => metadata.name)).toContain('ippools.projectcalico.org');
  const pool = crds.find(({ spec }) => spec.names.kind === 'IPPool')!;
  expect(pool.spec).toMatchObject({
    group: 'projectcalico.org',
    scope: 'Cluster',
    names: { plural: 'ippools', singular: 'ippool', listKind: 'IPPoolList' },
    versions: [{ name: 'v3', served: true, storage: true, subresources: { status: {} } }],
  });
  expect(JSON.parse(JSON.stringify(crds))).toEqual(crds);
});

test('a configuration that a node overrides gets no defaults stored', () => {
  for (const [path, schema] of nodes(openApiSchema(BGPConfiguration), ''))
    expect([path, schema.default]).toEqual([path, undefined]);
});

test('conform drops and names unknown fields, drops nulls, and fills in defaults', () => {
  const pool = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'a', nam: 'b', labels: { any: 'c' } },
    spec: { cidr: '10.0.0.0/16', vxlanMode: null, namespaceSelector: null, natOutgoin: true },
    extra: 1,
  };
  const before = structuredClone(pool);
  const { object, unknown } = conform(IPPool, pool);
  expect(unknown.sort()).toEqual(['extra', 'metadata.nam', 'spec.natOutgoin']);
  expect(object).toEqual({
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name: 'a', labels: { any: 'c' } },
    spec: {
      cidr: '10.0.0.0/16',
      ipipMode: 'Never',
      vxlanMode: 'Never',
      udpMode: 'Never',
      natOutgoing: false,
      disabled: false,
      disableBGPExport: false,
      nodeSelector: 'all()',
      assignmentMode: 'Automatic',
    },
  });
  expect(pool).toEqual(before);
});

test('conform names the place in a list', () => {
  const { unknown } = conform(BGPConfiguration, {
    spec: { communities: [{ name: 'a', value: '1:1' }, { nam: 'a' }] },
  });
  expect(unknown).toEqual(['spec.communities[1].nam']);
});

test('conform leaves the unknown in a block, and the nulls that mean a free address', () => {
  const block = VALID.find(({ kind }) => kind === 'IPAMBlock')!;
  const { object, unknown } = conform(IPAMBlock, { ...block, ofTheFuture: 1 });
  expect(unknown).toEqual([]);
  expect(object).toMatchObject({ ...block, ofTheFuture: 1 });
});

test('conform hands back the very object when there is nothing to do', () => {
  const peer = {
    metadata: { name: 'a' },
    spec: { peerIP: '192.0.2.1', sourceAddress: 'None', reversePeering: 'Auto' },
  };
  expect(conform(BGPPeer, peer).object).toBe(peer);
  for (const value of [null, 5, 'x', []]) expect(conform(BGPPeer, value).object).toBe(value);
});
