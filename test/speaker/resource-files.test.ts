import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../src/ctl/kinds.ts';
import { readResourceFiles } from '../../src/speaker/resource-files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-speaker-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, ...documents: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, documents.join('---\n'));
  return path;
}

const peer = (name: string, spec: string) =>
  `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const node = (name: string) => `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\n`;

test('several files make one set of resources', () => {
  const { resources, problems } = readResourceFiles([
    file('a.yaml', peer('x', 'peerIP: 192.0.2.1'), node('a')),
    file('b.yaml', peer('y', 'peerIP: 192.0.2.2')),
  ]);
  expect(problems).toEqual([]);
  expect(resources.bgpPeers.map(({ metadata }) => metadata.name)).toEqual(['x', 'y']);
  expect(resources.nodes.map(({ metadata }) => metadata.name)).toEqual(['a']);
});

test.each([
  ['a bad value', peer('x', 'peerIP: 192.0.2.300'), /bad\.yaml: BGPPeer "x": spec\.peerIP /],
  ['what is no resource', 'kind: Pear\n', /bad\.yaml: .*Pear is not a resource of ours/],
  ['broken YAML', 'a: [', /bad\.yaml: /],
  [
    'a resource twice',
    `${peer('x', 'peerIP: 192.0.2.1')}---\n${peer('x', 'peerIP: 192.0.2.2')}`,
    /bad\.yaml: BGPPeer "x" is there twice/,
  ],
])('%s is refused with file, resource and field', (_, text, message) => {
  const path = file('bad.yaml', text);
  expect(() => readResourceFiles([path])).toThrow(UsageError);
  expect(() => readResourceFiles([path])).toThrow(message);
});

test('a resource in two files is refused with both', () => {
  const files = ['one.yaml', 'two.yaml'].map((name) => file(name, peer('x', 'peerIP: 192.0.2.1')));
  expect(() => readResourceFiles(files)).toThrow(/two\.yaml: BGPPeer "x" is in .*one\.yaml too/);
});

test('a misspelt field is named, and the rest used', () => {
  const path = file('typo.yaml', peer('x', 'peerIP: 192.0.2.1, asNumbr: 64500'));
  const { resources, problems } = readResourceFiles([path]);
  expect(resources.bgpPeers).toHaveLength(1);
  expect(problems).toEqual([
    `${path}: BGPPeer "x": spec.asNumbr is no field that we know, and has no effect`,
  ]);
});

test('a Secret may stand beside the BGPPeer that names it', () => {
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\nstringData: {rack: meow}\n';
  const { resources, problems } = readResourceFiles([file('secret.yaml', secret)]);
  expect([resources.secrets[0]?.stringData, problems]).toEqual([{ rack: 'meow' }, []]);
});

test('a problem that is found later gets its file', () => {
  const path = file('late.yaml', node('a'));
  const { located } = readResourceFiles([path]);
  expect(located('Node "a": annotation x is bad')).toBe(`${path}: Node "a": annotation x is bad`);
  expect(located('Node "b": is nowhere')).toBe('Node "b": is nowhere');
});
