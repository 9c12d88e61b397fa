import {
  allowedUsesOf,
  BGPConfiguration,
  BGPPeer,
  blockSizeOf,
  CUSTOM_RESOURCES,
  describeProblem,
  IPAMConfiguration,
  IPPool,
  validate,
  withDefaults,
} from '../../api/index.ts';
import type { KubeObject } from '../../ports.ts';
import { REFUSED } from './refused-objects.ts';
import { VALID } from './valid-objects.ts';

const typeOf = (object: KubeObject) => CUSTOM_RESOURCES.find(({ kind }) => kind === object.kind)!;

const problemsOf = (object: KubeObject) =>
  validate(typeOf(object), object).map((problem) => describeProblem(object, problem));

test('every resource has a valid example', () => {
  const kinds = new Set(VALID.map(({ kind }) => kind));
  expect(CUSTOM_RESOURCES.filter(({ kind }) => !kinds.has(kind))).toEqual([]);
});

test.each(VALID.map((object) => [object.kind, object.metadata.name, object] as const))(
  '%s %s is valid',
  (_kind, _name, object) => expect(problemsOf(object)).toEqual([]),
);

test.each(REFUSED.map(({ object, text }) => [object.kind, text, object] as const))(
  '%s: %s',
  (kind, text, object) =>
    expect(problemsOf(object)).toContain(`${kind} "${object.metadata.name}": ${text}`),
);

test('every problem is named, not only the first', () => {
  expect(
    problemsOf({ ...VALID[0]!, spec: { listenPort: 0, asNumber: 0 } } as KubeObject),
  ).toHaveLength(2);
});

test.each(['', 'UPPER', 'a..b', '-a', 'a'.repeat(254)])('%p is not a name', (name) => {
  expect(problemsOf({ ...VALID.at(-1)!, metadata: { name } })).toEqual([
    expect.stringContaining('is not a name'),
  ]);
});

test('what is no object at all is a problem, not a crash', () => {
  for (const object of [null, 5, 'x', [], {}, { metadata: null }])
    expect(validate(IPPool, object)).not.toEqual([]);
});

test('defaults are filled in beside what is set and what is unknown', () => {
  const peer: BGPPeer = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name: 'tor' },
    spec: { peerIP: '192.0.2.1', reversePeering: 'Manual', ours: { kept: true } },
  };
  expect(withDefaults(BGPPeer, peer).spec).toEqual({
    peerIP: '192.0.2.1',
    sourceAddress: 'UseNodeIP',
    reversePeering: 'Manual',
    ours: { kept: true },
  });
});

test('a configuration without a spec is one of defaults', () => {
  const head = { apiVersion: 'projectcalico.org/v3', metadata: { name: 'default' } } as const;
  expect(withDefaults(BGPConfiguration, { ...head, kind: 'BGPConfiguration' }).spec).toMatchObject({
    asNumber: 64512,
    listenPort: 179,
    nodeToNodeMeshEnabled: true,
    holdTime: '90s',
  });
  expect(withDefaults(IPAMConfiguration, { ...head, kind: 'IPAMConfiguration' }).spec).toEqual({
    strictAffinity: false,
    autoAllocateBlocks: true,
    maxBlocksPerHost: 0,
  });
});

test('withDefaults refuses what is invalid, in words', () => {
  const pool = REFUSED[0]!.object as IPPool;
  expect(() => withDefaults(IPPool, pool)).toThrow('IPPool "wrong": spec.cidr "10.60.0.0/99"');
});

test("a pool's block size and uses default by what else it says", () => {
  expect(blockSizeOf({ cidr: '10.0.0.0/16' })).toBe(26);
  expect(blockSizeOf({ cidr: 'fd00::/48', blockSize: 0 })).toBe(122);
  expect(blockSizeOf({ cidr: '10.0.0.0/16', blockSize: 28 })).toBe(28);
  expect(allowedUsesOf({ allowedUses: [] })).toEqual(['Workload', 'Tunnel']);
  expect(allowedUsesOf({ namespaceSelector: 'all()' })).toEqual(['Workload']);
  expect(allowedUsesOf({ allowedUses: ['Tunnel'] })).toEqual(['Tunnel']);
});
