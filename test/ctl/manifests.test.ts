import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../src/ctl/kinds.ts';
import { readManifests } from '../../src/ctl/manifests.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-manifests-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  const path = join(folder, 'x.yaml');
  writeFileSync(path, text);
  return readManifests([path]);
}

const pool = (name: string, cidr: string) =>
  `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: ${name}}\nspec: {cidr: ${cidr}}\n`;

test('several documents, and Lists unfolded', () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${pool('c', '10.3.0.0/16').trimEnd().replaceAll('\n', '\n  ')}\n`;
  const manifests = read(`${pool('a', '10.1.0.0/16')}---\n${pool('b', '10.2.0.0/16')}---\n${list}`);
  expect(manifests.map(({ object }) => object.metadata.name)).toEqual(['a', 'b', 'c']);
});

test('an integer beyond 2^53 stays what it is', () => {
  const [manifest] = read(
    'apiVersion: projectcalico.org/v3\nkind: IPAMBlock\nmetadata: {name: 10-0-0-0-30}\nspec: {cidr: 10.0.0.0/30, affinity: "host:a", allocations: [null, null, null, null], unallocated: [0, 1, 2, 3], attributes: [], deleted: false, strictAffinity: false, sequenceNumber: 1787654321123456789}\n',
  );
  expect(manifest!.object).toMatchObject({
    spec: { sequenceNumber: 1787654321123456789n, unallocated: [0, 1, 2, 3] },
  });
});

test.each([
  [
    'every bad object is named',
    `${pool('a', '10.60.0.0/99')}---\n${pool('b', '10.2.0.1/16')}`,
    /IPPool "a": spec\.cidr.*\n.*IPPool "b": spec\.cidr/,
  ],
  [
    'an unknown kind',
    'apiVersion: projectcalico.org/v3\nkind: IPPoll\nmetadata: {name: a}\n',
    /IPPoll is not a resource of ours/,
  ],
  [
    'no name',
    'apiVersion: projectcalico.org/v3\nkind: IPPool\nspec: {cidr: 10.0.0.0/16}\n',
    /IPPool has no metadata\.name/,
  ],
  ['an empty file', '', /there is no resource in it/],
  ['broken YAML', 'a: [', /x\.yaml: /],
])('%s', (_, text, message) => {
  expect(() => read(text)).toThrow(UsageError);
  expect(() => read(text)).toThrow(message);
});

test('a file that is not there is named', () => {
  expect(() => readManifests([join(folder, 'none.yaml')])).toThrow(/cannot read .*none\.yaml/);
});
