/** kubectl as the admin uses it, over TLS with the kubeconfig that the server wrote. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts';
import { systemClock } from '../../src/system.ts';
import { quiet } from './harness.ts';
import { findKubectls, type Kubectl } from './kubectl-programs.ts';

const kubectls = findKubectls();

let folder: string;
let server: ApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tortie-kubectl-'));
  server = await startApiServer({
    dataDir: join(folder, 'data'),
    listen: { host: '127.0.0.1', port: 0 },
    kubeconfigOut: join(folder, 'kubeconfig'),
    log: quiet,
    clock: systemClock,
  });
});

afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

const environment = () => ({
  ...process.env,
  HOME: folder,
  KUBECONFIG: join(folder, 'kubeconfig'),
});

function runner({ path }: Kubectl) {
  /** `input` is what `-f -` reads. */
  function run(command: string | string[], input = ''): Promise<Outcome> {
    const words = typeof command === 'string' ? command.split(' ') : command;
    return new Promise((resolve) => {
      const child = execFile(path, words, { env: environment() }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out: out.trim(), err: err.trim() }),
      );
      child.stdin!.end(input);
    });
  }
  /** Its output; fails when kubectl does, or has anything to complain about. */
  async function ok(command: string | string[], input = ''): Promise<string> {
    const { code, out, err } = await run(command, input);
    expect({ command, code, err }).toEqual({ command, code: 0, err: '' });
    return out;
  }
  return { run, ok };
}

/** Rows of a table as lists of cells. Cells are apart by two spaces or more. */
const rows = (table: string) => table.split('\n').map((line) => line.trim().split(/\s{2,}/));

const POOL = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: rack-a
spec:
  cidr: 10.60.0.0/16
  ipipMode: CrossSubnet
  natOutgoing: true
`;

// The forms that Calico's documentation shows, in values of our own.
const CALICO_POOLS = `
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: my.ippool-1
spec:
  cidr: 10.61.0.0/16
  ipipMode: CrossSubnet
  natOutgoing: true
  disabled: false
  nodeSelector: all()
  allowedUses:
    - Workload
    - Tunnel
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: zone-west
spec:
  cidr: 2001:db8:60::/48
  blockSize: 122
  vxlanMode: Always
  ipipMode: Never
  natOutgoing: false
  disableBGPExport: true
  assignmentMode: Manual
  nodeSelector: zone == "west" && !has(edge)
`;

const CALICO_PEERS = `
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: some.name
spec:
  node: rack1-host1
  peerIP: 192.0.2.1
  asNumber: 63400
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: global-v6
spec:
  peerIP: "[2001:db8::77]:1179"
  asNumber: "1.10"
  password:
    secretKeyRef:
      name: bgp-secrets
      key: rr-password
  maxRestartTime: 90s
  sourceAddress: None
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: peer-with-route-reflectors
spec:
  nodeSelector: all()
  peerSelector: route-reflector == 'true'
  filters:
    - no-defaults
`;

const NODE = `
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {rack: rack-1}}
spec: {podCIDR: 10.0.0.0/24}
`;

const BLOCK = `
apiVersion: projectcalico.org/v3
kind: IPAMBlock
metadata: {name: 10-60-0-0-26}
spec:
  cidr: 10.60.0.0/26
  affinity: host:node-1
  allocations: [null, 0]
  unallocated: [0]
  attributes: [{handle_id: net.abc}]
  sequenceNumber: 1787654321123456789
`;

if (kubectls.length === 0)
  test.skip('kubectl: there is none of 1.27 or later, and none could be built', () => {});

describe.each(kubectls.slice(0, 1))('kubectl $version', (kubectl) => {
  const { run, ok } = runner(kubectl);

  test('it finds the server, its version and its resources', async () => {
    // A kubectl some versions apart warns of it, and does its work.
    expect((await run('version')).out).toMatch(/Server Version: v1\.\d+\.\d+/);
    expect(await ok('api-resources --api-group=projectcalico.org -o name')).toContain(
      'ippools.projectcalico.org',
    );
    expect(await ok('get ns -o name')).toBe('namespace/default\nnamespace/kube-system');
    expect(await ok('get crd -o name')).toContain('/ippools.projectcalico.org');
  });

  test('apply: created, unchanged, configured', async () => {
    expect(await ok('apply -f -', POOL)).toBe('ippool.projectcalico.org/rack-a created');
    expect(await ok('apply -f -', POOL)).toBe('ippool.projectcalico.org/rack-a unchanged');
    const changed = POOL.replace('natOutgoing: true', 'disabled: true');
    expect(await ok('apply -f -', changed)).toBe('ippool.projectcalico.org/rack-a configured');
    const { spec } = parse(await ok('get ippool rack-a -o yaml'));
    // What is no longer in the file is taken away, and becomes its default.
    expect(spec).toMatchObject({ disabled: true, natOutgoing: false, ipipMode: 'CrossSubnet' });
    expect((await run('diff -f -', changed)).code).toBe(0);
    expect((await run('diff -f -', POOL)).out).toMatch(/^-\s+disabled: true/m);
  });

  test('get: the tables of pools, peers and blocks', async () => {
    await ok('create -f -', CALICO_POOLS);
    await ok('create -f -', CALICO_PEERS);
    await ok('create -f -', BLOCK);
    const tables = (await ok('get bgppeers,ippools,ipamblocks')).split('\n\n').map(rows);
    expect(tables.map(([head]) => head!.join(' '))).toEqual([
      'NAME PEER IP PEER SELECTOR AS NODE NODE SELECTOR AGE',
      'NAME CIDR BLOCK VXLAN IPIP UDP NAT DISABLED AGE',
      expect.stringMatching(/^NAME CIDR AFFINITY .*AGE$/),
    ]);
    expect(tables[0]!.slice(1).map(([name]) => name)).toEqual([
      'bgppeer.projectcalico.org/global-v6',
      'bgppeer.projectcalico.org/peer-with-route-reflectors',
      'bgppeer.projectcalico.org/some.name',
    ]);
    expect(tables[1]).toContainEqual([
      'ippool.projectcalico.org/zone-west',
      '2001:db8:60::/48',
      ...['122', 'Always', 'Never', 'Never', 'false', 'false'],
      expect.stringMatching(/^\d+s$/),
    ]);
    expect(tables[2]![1]).toEqual(
      expect.arrayContaining(['ipamblock.projectcalico.org/10-60-0-0-26', 'host:node-1']),
    );
    expect(await ok('get ipamblock 10-60-0-0-26 -o jsonpath={.spec.sequenceNumber}')).toBe(
      '1787654321123456789',
    );
    expect(await ok('get ippools -o custom-columns=N:.metadata.name --no-headers')).toBe(
      'my.ippool-1\nrack-a\nzone-west',
    );
  });

  test('describe and explain', async () => {
    const described = await ok('describe ippool zone-west');
    expect(described).toMatch(/Name: +zone-west/);
    expect(described).toMatch(/Cidr: +2001:db8:60::\/48/);
    expect(described).toMatch(/Events: +<none>/);
    const explained = await ok('explain ippool.spec');
    expect(explained).toMatch(/KIND: +IPPool/);
    expect(explained).toMatch(/cidr\t<string> -required-/);
    expect(explained).toMatch(/vxlanMode\t<string>\n +enum: Never, Always, CrossSubnet/);
    expect(await ok('explain bgppeer.spec.password.secretKeyRef')).toMatch(/key\t<string>/);
    expect(await ok('explain node.metadata.labels')).toMatch(/<map\[string\]string>/);
  });

  test('patch: merge, json, and strategic on a Node', async () => {
    const spec = (patch: object) => ['-p', JSON.stringify(patch)];
    await ok(['patch', 'ippool', 'rack-a', '--type=merge', ...spec({ spec: { blockSize: 28 } })]);
    const operation = [{ op: 'replace', path: '/spec/disabled', value: false }];
    await ok(['patch', 'ippool', 'rack-a', '--type=json', ...spec(operation)]);
    expect(parse(await ok('get ippool rack-a -o yaml')).spec).toMatchObject({
      blockSize: 28,
      disabled: false,
    });
    await ok('apply -f -', NODE);
    const condition = (type: string) =>
      spec({ status: { conditions: [{ type, status: 'True' }] } });
    await ok(['patch', 'node', 'node-1', '--subresource=status', ...condition('Ready')]);
    await ok(['patch', 'node', 'node-1', '--subresource=status', ...condition('Other')]);
    expect(parse(await ok('get node node-1 -o yaml')).status.conditions).toHaveLength(2);
    const refused = await run(['patch', 'ippool', 'rack-a', ...spec({ spec: {} })]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('is not supported')]);
  });

  test('a Node is applied, labelled, annotated, tainted, cordoned', async () => {
    expect(await ok('apply -f -', NODE)).toBe('node/node-1 unchanged');
    const moved = NODE.replace('rack: rack-1', 'rack: rack-2');
    expect(await ok('apply -f -', moved)).toBe('node/node-1 configured');
    await ok('label node node-1 tier=edge');
    await ok('annotate node node-1 projectcalico.org/ASNumber=65001');
    await ok('taint node node-1 a=b:NoSchedule');
    await ok('cordon node-1');
    const [, row] = rows(await ok('get nodes -l rack=rack-2,tier'));
    expect(row!.slice(0, 3)).toEqual(['node-1', 'Ready,SchedulingDisabled', '<none>']);
    const { metadata, spec } = parse(await ok('get node node-1 -o yaml'));
    expect(metadata.annotations['projectcalico.org/ASNumber']).toBe('65001');
    // Kubernetes' own controllers add a taint for a cordon; there are none here.
    expect(spec.taints).toEqual([{ key: 'a', value: 'b', effect: 'NoSchedule' }]);
    await ok('uncordon node-1');
    await ok('label node node-1 tier-');
    expect(await ok('describe node node-1')).toMatch(/Taints: +a=b:NoSchedule/);
  });

  test('a misspelt field and a bad value are refused, and say where', async () => {
    const misspelt = await run('create -f -', POOL.replace('rack-a', 'b').replace('cidr', 'cird'));
    expect(misspelt.err).toMatch(/strict decoding error: unknown field "spec.cird"$/);
    const bad = await run('apply -f -', POOL.replace('rack-a', 'b').replace('/16', '/99'));
    expect(bad.err).toBe(
      'The IPPool "b" is invalid: spec.cidr: Invalid value: "10.60.0.0/99" is not a prefix: after the "/" comes a length of 0–32',
    );
    const moved = await run('apply -f -', POOL.replace('10.60', '10.70'));
    expect(moved.err).toMatch(/spec.cidr: Invalid value: "10.70.0.0\/16": cannot be changed/);
    const warned = await run(
      ['create', '--validate=warn', '-f', '-'],
      POOL.replace('rack-a', 'warned').replace('natOut', 'netOut'),
    );
    expect([warned.code, warned.err]).toEqual([0, 'Warning: unknown field "spec.netOutgoing"']);
    expect((await run('get ippool b')).err).toBe(
      'Error from server (NotFound): ippools.projectcalico.org "b" not found',
    );
    expect((await run('create -f -', NODE)).err).toMatch(/nodes "node-1" already exists$/);
    expect((await run('apply --server-side -f -', NODE)).err).toMatch(/no server-side apply/);
  });

  test('get -w shows what happens', async () => {
    const watcher = spawn(kubectl.path, ['get', 'ippools', '-w', '--no-headers'], {
      env: environment(),
    });
    const seen: string[] = [];
    const lines = createInterface(watcher.stdout);
    lines.on('line', (line) => seen.push(line));
    const until = async (count: number) => {
      while (seen.length < count) await once(lines, 'line');
    };
    try {
      const present = Number((await ok('get ippools -o name')).split('\n').length);
      await until(present);
      await ok('apply -f -', POOL.replace('rack-a', 'seen').replace('10.60', '10.71'));
      await ok('delete ippool seen');
      await until(present + 2);
      expect(seen.slice(present).map((line) => line.split(/\s+/).slice(0, 2))).toEqual([
        ['seen', '10.71.0.0/16'],
        ['seen', '10.71.0.0/16'],
      ]);
    } finally {
      watcher.kill();
    }
  });

  test('delete, by name, by file and all; wait for a condition', async () => {
    await ok(['wait', 'node/node-1', '--for=condition=Ready', '--timeout=30s']);
    expect(await ok('delete ippool warned')).toMatch(/"warned" deleted/);
    await ok('delete -f -', CALICO_POOLS);
    expect(await ok('get ippools -o name')).toBe('ippool.projectcalico.org/rack-a');
    await ok('delete bgppeers --all');
    expect((await run('get bgppeers')).err).toBe('No resources found');
    await ok('delete node node-1 --grace-period=0');
    expect((await run('get node node-1')).err).toMatch(/nodes "node-1" not found/);
  });

  test('a Secret for a BGP password, in a namespace of its own, and its end', async () => {
    const made = await ok(
      'create secret generic bgp -n shop --from-literal=pw=x --dry-run=client -o yaml',
    );
    expect((await run('apply -f -', made)).err).toMatch(/namespaces "shop" not found$/);
    await ok('apply -f -', await ok('create namespace shop --dry-run=client -o yaml'));
    await ok('apply -f -', made);
    expect(rows(await ok('get secrets -n shop'))[1]!.slice(0, 3)).toEqual(['bgp', 'Opaque', '1']);
    await ok('delete namespace shop');
    expect((await run('get secrets -n shop')).err).toMatch(/No resources found/);
  });

  test('an event is shown where it belongs', async () => {
    const uid = await ok('get ippool rack-a -o jsonpath={.metadata.uid}');
    const event = `
apiVersion: v1
kind: Event
metadata: {name: rack-a.1, namespace: default}
involvedObject: {apiVersion: projectcalico.org/v3, kind: IPPool, name: rack-a, uid: ${uid}}
type: Warning
reason: PoolNearlyFull
message: 9 of 10 blocks are taken
lastTimestamp: ${new Date().toISOString()}
`;
    await ok('create -f -', event);
    expect(rows(await ok('get events'))[1]!.slice(1)).toEqual([
      'Warning',
      'PoolNearlyFull',
      'ippool/rack-a',
      '9 of 10 blocks are taken',
    ]);
    expect(await ok('describe ippool rack-a')).toMatch(/Warning +PoolNearlyFull/);
  });
});

const olderKubectls = kubectls.slice(1);
if (olderKubectls.length === 0)
  test.skip('an older kubectl: there is only one on this machine', () => {});

for (const kubectl of olderKubectls)
  describe(`an older kubectl, ${kubectl.version}`, () => {
    const { run, ok } = runner(kubectl);
    const older = POOL.replace('rack-a', 'older');

    test('applies, explains, gets and deletes', async () => {
      expect(await ok('apply -f -', older)).toMatch(/created$/);
      expect((await run('apply -f -', older.replace('cidr', 'cird'))).err).toMatch(/"spec.cird"/);
      expect(await ok('explain ippool.spec')).toMatch(/cidr\t<string> -required-/);
      expect(rows(await ok('get ippool older'))[1]!.slice(0, 2)).toEqual(['older', '10.60.0.0/16']);
      await ok('delete ippool older');
    });
  });
