import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, parseAddress } from 'net-ipaddr';
import type { Endpoint } from '../../../felix/endpoint/endpoint.ts';
import { EndpointFiles } from '../../../felix/endpoint/endpoint-files.ts';

const ENDPOINT: Endpoint = {
  containerID: '3f2a.b_c-9',
  ifname: 'eth0',
  hostInterface: 'cali0123456789a',
  mac: '02:11:22:33:44:55',
  namespace: 'default',
  pod: 'web',
  addresses: [parseAddress('10.60.0.1'), parseAddress('fd00::1')],
  mtu: 1450,
  network: 'k8s-pod-network',
  handleId: 'k8s-pod-network.3f2a.b_c-9',
  createdAt: 1_785_000_000_123,
};
const FILE = '3f2a.b_c-9@eth0.json';

let folder: string;
let files: EndpointFiles;

beforeEach(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'felix-files-'));
  folder = join(scratch, 'state', 'endpoints');
  files = new EndpointFiles(folder);
  await files.readAll();
});

afterEach(() => rm(join(folder, '..', '..'), { recursive: true }));

test('what was written is what is read', async () => {
  await files.write(ENDPOINT);
  await files.write({ ...ENDPOINT, ifname: 'net1' });
  const read = await new EndpointFiles(folder).readAll();
  expect(read.unreadable).toEqual([]);
  expect(read.endpoints).toEqual([ENDPOINT, { ...ENDPOINT, ifname: 'net1' }]);
  expect(read.endpoints[0]!.addresses.map(formatAddress)).toEqual(['10.60.0.1', 'fd00::1']);
});

test('a second write replaces the first; a removal, repeated, leaves nothing', async () => {
  await files.write(ENDPOINT);
  await files.write({ ...ENDPOINT, mtu: 9000 });
  expect((await files.readAll()).endpoints.map(({ mtu }) => mtu)).toEqual([9000]);
  await files.remove(ENDPOINT);
  await files.remove(ENDPOINT);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ['a truncated file', '{"version": 1, "containerID": "3f', /not JSON/],
  ['an empty file', '', /not JSON/],
  ['a later version', '{"version": 2}', /version/],
  ['an address that is none', { addresses: ['10.60.0.256'] }, /addresses\.0: is not an IP address/],
  ['no address', { addresses: [] }, /addresses/],
  ['an interface of someone else', { hostInterface: 'eth0' }, /hostInterface/],
  ['a container id that leaves the folder', { containerID: '../../etc' }, /containerID/],
  [
    'a copy under another name',
    { containerID: 'other' },
    /its content is that of other@eth0\.json/,
  ],
])('%s is reported and kept', async (_, content, reason) => {
  await files.write({ ...ENDPOINT, ifname: 'net1' });
  await files.write(ENDPOINT);
  const path = join(folder, FILE);
  const written = JSON.parse(await readFile(path, 'utf8'));
  const text = typeof content === 'string' ? content : JSON.stringify({ ...written, ...content });
  await writeFile(path, text);

  const read = await files.readAll();
  expect(read.endpoints.map(({ ifname }) => ifname)).toEqual(['net1']);
  expect(read.unreadable).toEqual([{ path, reason: expect.stringMatching(reason) }]);
  expect(await readFile(path, 'utf8')).toBe(text);
});

test('what a crash left of a write is cleared away', async () => {
  await writeFile(join(folder, `${FILE}.tmp`), '{"vers');
  expect(await files.readAll()).toEqual({ endpoints: [], unreadable: [] });
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that cannot be made is an error that names it', async () => {
  await writeFile(join(folder, 'plain'), '');
  const blocked = new EndpointFiles(join(folder, 'plain', 'endpoints'));
  await expect(blocked.readAll()).rejects.toMatchObject({
    code: 'ENOTDIR',
    path: expect.stringContaining('plain'),
  });
});
