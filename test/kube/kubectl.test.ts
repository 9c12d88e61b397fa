/** A current kubectl, unchanged, on the embedded API server and on a real one: the same answers. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ServerUnderTest } from '../datastore/contract.ts';
import { startEmbeddedUnderTest } from '../datastore/embedded.ts';
import { findPrograms } from './programs.ts';
import { startKubeUnderTest } from './under-test.ts';

const programs = findPrograms();

if ('missing' in programs) test.skip(`kubectl: there is no ${programs.missing}`, () => {});
else {
  kubectlSuite('embedded API server', programs.kubectl, startEmbeddedUnderTest);
  kubectlSuite('kube-apiserver', programs.kubectl, () => startKubeUnderTest(programs));
}

/** As Calico's documentation writes them. */
const EXAMPLES = `
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: some.name
spec:
  node: rack1-host1
  peerIP: 192.168.1.1
  asNumber: 63400
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: rack1-tor
spec:
  nodeSelector: rack == 'rack-1'
  peerSelector: has(route-reflector)
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: my.ippool-1
spec:
  cidr: 10.1.0.0/16
  ipipMode: CrossSubnet
  natOutgoing: true
  disabled: false
  nodeSelector: all()
  allowedUses:
    - Workload
    - Tunnel
`;

const BLOCK = `
apiVersion: projectcalico.org/v3
kind: IPAMBlock
metadata: { name: 10-1-0-0-26 }
spec:
  cidr: 10.1.0.0/26
  affinity: host:rack1-host1
  allocations: [0, null]
  unallocated: [1]
  attributes: [{ handle_id: h }]
  sequenceNumber: 1787654321123456789
  ofTheFuture: kept
`;

const NODE = (label: string) => `
apiVersion: v1
kind: Node
metadata: { name: rack1-host1, labels: { rack: ${label} } }
spec: { taints: [{ key: a, effect: NoSchedule }] }
`;

function kubectlSuite(name: string, kubectl: string, start: () => Promise<ServerUnderTest>): void {
  describe(`kubectl on ${name}`, () => {
    let server: ServerUnderTest;
    let folder: string;
    let files = 0;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tortie-kubectl-'));
      server = await start();
    }, 180_000);
    afterAll(async () => {
      await server?.close();
      rmSync(folder, { recursive: true });
    }, 60_000);

    const args = () => ['--kubeconfig', server.kubeconfig, '--cache-dir', join(folder, 'cache')];

    interface Outcome {
      status: number | null;
      stdout: string;
      stderr: string;
    }

    /** Not synchronous: the embedded server answers from this very process. */
    async function run(...words: string[]): Promise<Outcome> {
      const env = { PATH: process.env.PATH, HOME: folder };
      const child = spawn(kubectl, [...args(), ...words], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, stderr, status] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        new Promise<number | null>((resolve, reject) => {
          child.on('error', reject);
          child.on('close', resolve);
        }),
      ]);
      return { status, stdout, stderr };
    }

    /** Standard output, of a command that must succeed. */
    async function ok(...words: string[]): Promise<string> {
      const { status, stdout, stderr } = await run(...words);
      if (status !== 0) throw new Error(`kubectl ${words.join(' ')}: ${stderr}`);
      return stdout;
    }

    function file(content: string): string {
      const path = join(folder, `${++files}.yaml`);
      writeFileSync(path, content);
      return path;
    }

    /** Lines of a table as lists of cells. */
    const rows = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));

    test('apply: created, unchanged, configured', async () => {
      const examples = file(EXAMPLES);
      expect((await ok('apply', '-f', examples)).split('\n').slice(0, 3)).toEqual([
        'bgppeer.projectcalico.org/some.name created',
        'bgppeer.projectcalico.org/rack1-tor created',
        'ippool.projectcalico.org/my.ippool-1 created',
      ]);
      expect(await ok('apply', '-f', examples)).toMatch(/^(\S+ unchanged\n){3}$/);
      const changed = file(EXAMPLES.replace('disabled: false', 'disabled: true'));
      expect(await ok('apply', '-f', changed)).toContain('my.ippool-1 configured');
      expect(await ok('diff', '-f', changed)).toBe('');
      expect(await ok('apply', '-f', file(BLOCK))).toContain('10-1-0-0-26 created');
    });

    test('get: tables, short names, selectors, other forms', async () => {
      expect(rows(await ok('get', 'bgppeers'))).toEqual([
        ['NAME', 'PEER IP', 'PEER SELECTOR', 'AS', 'NODE', 'NODE SELECTOR', 'AGE'],
        ['rack1-tor', 'has(route-reflector)', "rack == 'rack-1'", expect.any(String)],
        ['some.name', '192.168.1.1', '63400', 'rack1-host1', expect.any(String)],
      ]);
      expect(rows(await ok('get', 'ippools'))[1]!.slice(0, -1)).toEqual([
        'my.ippool-1',
        '10.1.0.0/16',
        'Never',
        'CrossSubnet',
        'Never',
        'true',
        'true',
      ]);
      const all = await ok('get', 'bgppeers,ippools,ipamblocks');
      for (const heading of [
        'bgppeer.projectcalico.org/some.name',
        'ipamblock.projectcalico.org/10-1',
      ])
        expect(all).toContain(heading);
      expect(await ok('get', 'ippool', 'my.ippool-1', '-o', 'jsonpath={.spec.cidr}')).toBe(
        '10.1.0.0/16',
      );
      expect(await ok('get', 'ippools', '-o', 'name')).toBe(
        'ippool.projectcalico.org/my.ippool-1\n',
      );
      expect(await ok('get', 'ippools', '-o', 'yaml')).toContain('    assignmentMode: Automatic');
      expect(await ok('get', 'bgpconfigs')).toBe('');
      expect(await ok('get', 'ippools', '--field-selector', 'metadata.name=x')).toBe('');
    });

    test("a block's long number is shown, and survives an edit", async () => {
      const number = () =>
        ok(
          'get',
          'ipamblock',
          '10-1-0-0-26',
          '-o',
          'jsonpath={.spec.sequenceNumber} {.spec.ofTheFuture}',
        );
      expect(await number()).toBe('1787654321123456789 kept');
      await ok('label', 'ipamblock', '10-1-0-0-26', 'seen=yes');
      expect(await ok('get', 'ipamblocks', '-l', 'seen=yes', '-o', 'name')).toContain(
        '10-1-0-0-26',
      );
      expect(await number()).toBe('1787654321123456789 kept');
    });

    test('describe', async () => {
      const text = await ok('describe', 'ippool', 'my.ippool-1');
      expect(text).toMatch(/^Name: +my\.ippool-1$/m);
      expect(text).toMatch(/^ +Cidr: +10\.1\.0\.0\/16$/m);
      expect(text).toMatch(/^Events: +<none>$/m);
    });

    test('patch, label, annotate, replace', async () => {
      const merge = JSON.stringify({ spec: { asNumber: 4200000000 } });
      expect(await ok('patch', 'bgppeer', 'some.name', '--type', 'merge', '-p', merge)).toContain(
        'patched',
      );
      const json = JSON.stringify([{ op: 'replace', path: '/spec/asNumber', value: '1.10' }]);
      await ok('patch', 'bgppeer', 'some.name', '--type', 'json', '-p', json);
      expect(await ok('get', 'bgppeer', 'some.name', '-o', 'jsonpath={.spec.asNumber}')).toBe(
        '1.10',
      );
      expect(await ok('annotate', 'bgppeer', 'some.name', 'a=b')).toContain('annotated');
      const whole = file(EXAMPLES.split('---')[0]!.replace('63400', '64999'));
      expect(await ok('replace', '-f', whole)).toContain('replaced');
      expect(await ok('get', 'bgppeer', 'some.name', '-o', 'jsonpath={.spec.asNumber}')).toBe(
        '64999',
      );
    });

    test('a Node is applied, by strategic merge, and again', async () => {
      expect(await ok('apply', '-f', file(NODE('r1')))).toBe('node/rack1-host1 created\n');
      await ok('label', 'node', 'rack1-host1', 'mine=kept');
      expect(await ok('apply', '-f', file(NODE('r2')))).toBe('node/rack1-host1 configured\n');
      expect(await ok('get', 'nodes', '-l', 'rack=r2,mine=kept', '-o', 'name')).toBe(
        'node/rack1-host1\n',
      );
      expect(rows(await ok('get', 'nodes'))[0]).toEqual([
        'NAME',
        'STATUS',
        'ROLES',
        'AGE',
        'VERSION',
      ]);
      expect(await ok('describe', 'node', 'rack1-host1')).toMatch(/^Taints: +a:NoSchedule$/m);
    });

    test('what is wrong is refused, and said', async () => {
      const misspelt = await run(
        'apply',
        '-f',
        file(EXAMPLES.replace('natOutgoing', 'natOutgoin')),
      );
      expect(misspelt.status).toBe(1);
      expect(misspelt.stderr).toContain('unknown field "spec.natOutgoin"');
      const wrong = await run('apply', '-f', file(EXAMPLES.replace('10.1.0.0/16', '10.1.0.0/99')));
      expect(wrong.status).toBe(1);
      expect(wrong.stderr).toMatch(/"my\.ippool-1" is invalid[\s\S]*10\.1\.0\.0\/99/);
      const missing = await run('get', 'ippool', 'nobody');
      expect(missing.stderr).toBe(
        'Error from server (NotFound): ippools.projectcalico.org "nobody" not found\n',
      );
      expect((await run('get', 'wonders')).stderr).toContain(
        'the server doesn\'t have a resource type "wonders"',
      );
    });

    test('dry runs on the server', async () => {
      const other = file(EXAMPLES.replaceAll('my.ippool-1', 'other').replace('10.1.', '10.2.'));
      expect(await ok('apply', '--dry-run=server', '-f', other)).toContain(
        'other created (server dry run)',
      );
      expect((await run('get', 'ippool', 'other')).status).toBe(1);
    });

    test('explain and api-resources', async () => {
      expect(await ok('explain', 'ippool.spec.ipipMode')).toMatch(/FIELD: ipipMode <string>/);
      const resources = await ok('api-resources', '--api-group', 'projectcalico.org', '-o', 'wide');
      expect(resources).toMatch(
        /^bgpconfigurations +bgpconfig,bgpconfigs +projectcalico.org\/v3 +false +BGPConfiguration/m,
      );
      expect(await ok('version')).toMatch(/^Server Version: v1\.\d+/m);
    });

    test('get -w tells what happens', async () => {
      const words = ['get', 'ippools', '-w', '--output-watch-events'];
      const child = spawn(kubectl, [...args(), ...words], {
        env: { PATH: process.env.PATH, HOME: folder },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        let output = '';
        const saw = (line: RegExp) =>
          new Promise<void>((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`no ${line} in: ${output}`)), 60_000);
            const look = () => {
              if (!line.test(output)) return;
              clearTimeout(timer);
              child.stdout.off('data', look);
              resolve();
            };
            child.stdout.on('data', look);
            look();
          });
        child.stdout.on('data', (chunk) => {
          output += chunk;
        });
        await saw(/^ADDED +my\.ippool-1/m);
        await ok('label', 'ippool', 'my.ippool-1', 'seen=yes');
        await saw(/^MODIFIED +my\.ippool-1/m);
        await ok('delete', 'ippool', 'my.ippool-1');
        await saw(/^DELETED +my\.ippool-1/m);
      } finally {
        child.kill();
      }
    });

    test('delete: by name, by file, all; and wait', async () => {
      expect(await ok('delete', 'bgppeer', 'some.name')).toMatch(
        /^bgppeer\.projectcalico\.org "some\.name" deleted/,
      );
      expect(await ok('delete', '--ignore-not-found', '-f', file(EXAMPLES))).toContain(
        '"rack1-tor" deleted',
      );
      expect(await ok('delete', 'ipamblocks', '--all')).toContain('"10-1-0-0-26" deleted');
      await ok('wait', '--for=delete', 'ipamblock/10-1-0-0-26', '--timeout=10s');
      expect((await run('get', 'bgppeers')).stderr).toBe('No resources found\n');
    });

    // The embedded server has no such kinds.
    if (name === 'kube-apiserver')
      test('apply of deploy/kubernetes: no field that is unknown or out of place', async () => {
        const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));
        const said = await ok('apply', '--dry-run=server', '--validate=strict', '-f', folder);
        expect(said).toBe('daemonset.apps/tortie-udp-forwarder created (server dry run)\n');
      });
  });
}
