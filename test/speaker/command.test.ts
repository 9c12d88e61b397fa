/**
 * `tortie speaker` as a process, on loopback addresses of a network namespace of its own. Needs root.
 *
 *     a (AS 64501, 127.0.0.11) ── b (AS 64502, 127.0.0.12) ── an observer (AS 64503, 127.0.0.13)
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestNamespace } from '../felix/namespace.ts';
import { DEADLINE_MS, type Line, Program } from './program.ts';

const PROGRAM = join(import.meta.dirname, 'tortie-speaker.ts');
const OBSERVER = join(import.meta.dirname, 'observer.ts');
const TORTIECTL = join(import.meta.dirname, '../../src/ctl/tortiectl.ts');
let namespace: TestNamespace;
/** A machine across a cable, where a test needs one. */
let other: TestNamespace | undefined;
let folder: string;
const running: Program[] = [];

beforeAll(async () => {
  namespace = await TestNamespace.make();
  folder = mkdtempSync(join(tmpdir(), 'tortie-speaker-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.end()));
});
afterAll(() => {
  namespace.end();
  other?.end();
  rmSync(folder, { recursive: true });
});

/** As editors do: another file takes the name, so that nobody reads half of it. */
function write(name: string, ...documents: string[]): string {
  const path = join(folder, name);
  writeFileSync(`${path}~`, documents.join('---\n'));
  renameSync(`${path}~`, path);
  return path;
}

const calico = (kind: string, name: string, spec: string) =>
  `apiVersion: projectcalico.org/v3\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const peer = (name: string, spec: string) => calico('BGPPeer', name, spec);
const block = (cidr: string, node: string) =>
  calico(
    'IPAMBlock',
    cidr.replaceAll(/[./]/g, '-'),
    `cidr: ${cidr}, affinity: "host:${node}", allocations: [], unallocated: [], attributes: []`,
  );

const socketOf = (node: string) => join(folder, `${node}.sock`);

/** What `tortiectl` prints; what it complains of where it fails. */
function tortiectl(node: string, ...args: string[]): string {
  const command = [TORTIECTL, ...args, '--socket', socketOf(node)];
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return status === 0 ? stdout : stderr;
}

function speaker(
  node: string,
  address: string,
  as: number,
  file: string,
  {
    more = [],
    within = namespace,
    wrapper = [],
  }: { more?: string[]; within?: TestNamespace; wrapper?: string[] } = {},
) {
  const who = ['--node', node, '--address', address, '--as', String(as)];
  const where = ['--listen', `${address}:1790`, '--socket', socketOf(node), '-f', file];
  const program = new Program(PROGRAM, ['speaker', ...who, ...where, ...more], within, wrapper);
  running.push(program);
  return program;
}

function observer(address: string, as: number, peer: string, peerAs: number): Program {
  const program = new Program(OBSERVER, [address, String(as), peer, String(peerAs)], namespace);
  running.push(program);
  return program;
}

const has = (prefix: string) => (line: Line) =>
  line.routes?.find((route) => route.prefix === prefix);
const established = (peer: string) => (line: Line) =>
  line.msg === 'session established' && line.peer === peer;

const A = '127.0.0.11';
const B = '127.0.0.12';
const O = '127.0.0.13';

test('what one originates goes through the other; a reload adds, withdraws, and resets only what it must', async () => {
  const toB = peer('b', `peerIP: ${B}:1790, asNumber: 64502`);
  const toA = peer('a', `peerIP: ${A}:1790, asNumber: 64501`);
  const toObserver = (more: string) => peer('o', `peerIP: ${O}, asNumber: 64503${more}`);
  const fileA = write('a.yaml', toB, block('10.1.0.0/26', 'a'), block('10.9.0.0/26', 'other'));
  const fileB = write('b.yaml', toA, toObserver(''));
  const a = speaker('a', A, 64501, fileA);
  const b = speaker('b', B, 64502, fileB);
  const o = observer(O, 64503, `${B}:1790`, 64502);

  const { routes } = await o.line(has('10.1.0.0/26'));
  expect(routes).toEqual([
    {
      prefix: '10.1.0.0/26',
      nextHop: B,
      asPath: [{ type: 'sequence', as: [64502, 64501] }],
    },
  ]);

  // The file changes by rename: a block comes, another goes.
  write('a.yaml', toB, block('10.2.0.0/26', 'a'));
  await o.line((line) => has('10.2.0.0/26')(line) && !has('10.1.0.0/26')(line));
  expect(a.said('session established', B)).toBe(1);

  // Another hold time resets the observer's session; a's is not touched.
  write('b.yaml', toA, toObserver(', holdTime: 30s'));
  await b.line((line) => b.said('session established', O) === 2 && established(O)(line));
  expect(b.said('session ended', O)).toBe(1);
  expect(b.said('session ended', A)).toBe(0);
  expect(a.said('session ended', B)).toBe(0);

  // A bad file changes nothing, and says what is wrong where.
  write('b.yaml', toA, peer('o', `peerIP: ${O}, asNumber: 64503, nextHopMode: Yours`));
  const { why } = await b.line((line) => line.msg?.startsWith('the files cannot be used'));
  expect(why).toMatch(
    /b\.yaml: BGPPeer "o": spec\.nextHopMode "Yours" is none of Auto, Self, Keep/,
  );
  expect(b.said('session ended', A)).toBe(0);

  // SIGHUP reads anew too.
  const before = a.said('configured anew');
  a.signal('SIGHUP');
  await a.line(() => a.said('configured anew') > before);

  // To end is not to leave: what it announced stays until it is back, and nobody hears of it.
  const from = o.lines.length;
  expect(await a.end()).toBe(0);
  await b.line(() => b.said('session ended', A) === 1);
  speaker('a', A, 64501, fileA);
  await b.line((line) => b.said('session established', A) === 2 && established(A)(line));
  expect(o.lines.slice(from).filter(({ routes }) => routes)).toEqual([]);
}, 120_000);

test('RFC 9003: told to leave, it says why and ends; nothing of it is kept', async () => {
  const toA = peer('a', `peerIP: ${A}:1790, asNumber: 64501`);
  const toO = peer('o', `peerIP: ${O}, asNumber: 64503`);
  const toB = peer('b', `peerIP: ${B}:1790, asNumber: 64502`);
  const a = speaker('a', A, 64501, write('gone.yaml', toB, block('10.7.0.0/26', 'a')));
  const b = speaker('b', B, 64502, write('stays.yaml', toA, toO));
  const o = observer(O, 64503, `${B}:1790`, 64502);
  const seen = await o.line(has('10.7.0.0/26'));

  const leave = ['node', 'leave', '--drain', '1', '--reason', 'moved to rack 9'];
  expect(tortiectl('a', ...leave)).toMatch(/^This node has left/);
  expect(await a.ended()).toBe(0);
  await o.line((line) => line.routes?.length === 0, o.lines.indexOf(seen));
  const { error } = await b.line((line) => line.error?.name.startsWith('Cease'));
  expect(error).toMatchObject({
    // RFC 8538 §3.1: or b would keep the routes.
    name: 'Cease / Hard Reset: Cease / Administrative Shutdown',
    text: 'moved to rack 9',
  });
  expect(await b.line((line) => line.msg === 'session ended')).toMatchObject({ peer: A, kept: [] });
  expect(tortiectl('a', ...leave)).toMatch(/nobody answers at .*a\.sock/);
}, 60_000);

test('RFC 8326: first it asks for other paths; SIGTERM cuts that short, and peers are told all the same', async () => {
  const toA = peer('a', `peerIP: ${A}:1790, asNumber: 64501`);
  const toO = peer('o', `peerIP: ${O}, asNumber: 64503`);
  const toB = peer('b', `peerIP: ${B}:1790, asNumber: 64502`);
  const a = speaker('a', A, 64501, write('hurried.yaml', toB, block('10.8.0.0/26', 'a')));
  const b = speaker('b', B, 64502, write('told.yaml', toA, toO));
  const o = observer(O, 64503, `${B}:1790`, 64502);
  await o.line(has('10.8.0.0/26'));
  const leave = [TORTIECTL, 'node', 'leave', '--drain', '600', '--socket', socketOf('a')];
  const leaving = once(spawn(process.execPath, leave, { stdio: 'ignore' }), 'exit');
  await a.line((line) => line.msg?.startsWith('leaving for good'));
  await o.line((line) => has('10.8.0.0/26')(line)?.communities?.includes(0xffff_0000));
  expect(await a.end()).toBe(0);
  const { error } = await b.line((line) => line.error?.name.startsWith('Cease'));
  expect(error?.name).toBe('Cease / Hard Reset: Cease / Administrative Shutdown');
  expect(await b.line((line) => line.msg === 'session ended')).toMatchObject({ peer: A, kept: [] });
  expect((await leaving)[0]).toBe(1);
}, 60_000);

test('on a high port it needs no privilege', async () => {
  const none = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  const toB = peer('b', `peerIP: ${B}:1790, asNumber: 64502`);
  const toA = peer('a', `peerIP: ${A}:1790, asNumber: 64501`);
  const a = speaker('a', A, 64501, write('a.yaml', toB), { wrapper: none });
  speaker('b', B, 64502, write('b.yaml', toA), { wrapper: none });
  await a.line(established(B));
}, 60_000);

test('RFC 4456: with a cluster id, what an iBGP peer announces goes to the others', async () => {
  const clients = [A, O].map((ip, index) =>
    peer(`client-${index}`, `peerIP: ${ip}:1790, asNumber: 64500`),
  );
  speaker('rr', B, 64500, write('rr.yaml', ...clients), {
    more: ['--cluster-id', '127.0.0.12'],
  });
  const toB = peer('rr', `peerIP: ${B}:1790, asNumber: 64500`);
  speaker('a', A, 64500, write('client.yaml', toB, block('10.3.0.0/26', 'a')));
  const o = observer(O, 64500, `${B}:1790`, 64500);
  const { routes } = await o.line(has('10.3.0.0/26'));
  const routerId = (text: string) =>
    text.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
  expect(routes).toEqual([
    {
      prefix: '10.3.0.0/26',
      nextHop: A,
      asPath: [],
      originatorId: routerId(A),
      clusterList: [routerId(B)],
    },
  ]);
}, 60_000);

test('tortiectl bgp: peers, routes, and why a route is where it is', async () => {
  const toA = peer('a', `peerIP: ${A}:1790, asNumber: 64501`);
  const toO = peer('o', `peerIP: ${O}, asNumber: 64503`);
  const toB = peer('b', `peerIP: ${B}:1790, asNumber: 64502`);
  const own = block('10.4.0.0/26', 'b');
  speaker('a', A, 64501, write('seen-a.yaml', toB, block('10.4.0.0/24', 'a')));
  speaker('b', B, 64502, write('seen-b.yaml', toA, toO, own));
  await observer(O, 64503, `${B}:1790`, 64502).line(has('10.4.0.0/24'));

  const peers = tortiectl('b', 'bgp', 'peers');
  expect(peers).toMatch(/^PEER +AS +STATE +SINCE +RECEIVED +ACCEPTED +SENT +TYPE$/m);
  expect(peers).toMatch(/^127\.0\.0\.11 +64501 +Established +\S+ \S+ +1 +1 +1 +global$/m);
  const one = tortiectl('b', 'bgp', 'peers', A);
  expect(one).toMatch(/^Peer 127\.0\.0\.11, AS 64501\n/);
  expect(one).toMatch(/Routes: +1 received, 1 accepted, 1 sent$/m);
  expect(one).toMatch(/Capabilities: .*Four-octet AS Number/);

  expect(tortiectl('b', 'bgp', 'routes')).toMatch(
    /^\*> +10\.4\.0\.0\/24 +127\.0\.0\.11 +127\.0\.0\.11 +64501 +igp$/m,
  );
  expect(JSON.parse(tortiectl('b', 'bgp', 'routes', '--from', A, '-o', 'json'))).toEqual([
    {
      prefix: '10.4.0.0/24',
      paths: [
        {
          peer: A,
          pathId: 0,
          state: 'best',
          reason: 'only path',
          changedBy: [],
          isStale: false,
          nextHop: A,
          interiorCost: 0,
          attributes: { asPath: '64501', origin: 'igp' },
        },
      ],
      sentTo: [O],
      notSentTo: [{ peer: A, reason: 'the route is its own' }],
      changedFor: [],
    },
  ]);
  // By an address: the most specific route that covers it.
  expect(tortiectl('b', 'bgp', 'route', '10.4.0.7')).toMatch(
    /^10\.4\.0\.0\/26, one path\n {2}Best: originated here \(only path\)\n/,
  );
  expect(tortiectl('b', 'bgp', 'route', '10.4.0.200')).toMatch(
    /^10\.4\.0\.0\/24, one path\n {2}Best: from 127\.0\.0\.11 \(only path\)\n/,
  );

  expect(tortiectl('b', 'bgp', 'status')).toContain(`Listens on ${B}:1790\n`);
  expect(tortiectl('b', 'bgp', 'route', '192.0.2.1')).toBe(
    'tortiectl: there is no route to 192.0.2.1\n',
  );
  expect(tortiectl('b', 'bgp', 'route', '10.4.0.1/24')).toMatch(/10\.4\.0\.1\/24/);
  expect(tortiectl('b', 'bgp', 'peers', 'nobody')).toMatch(/there is no peer nobody; see/);
  expect(tortiectl('nowhere', 'bgp', 'peers')).toMatch(/nobody answers at .*nowhere\.sock/);
}, 120_000);

test('--install-routes: the kernel forwards by what was chosen, and keeps it when the speaker ends', async () => {
  other = await TestNamespace.make();
  await namespace.ip(`link add near type veth peer name far netns ${other.path}`);
  await namespace.ip('addr add 10.99.0.1/24 dev near');
  await namespace.ip('link set near up');
  await other.ip('addr add 10.99.0.2/24 dev far');
  await other.ip('link set far up');
  const [near, far] = ['10.99.0.1', '10.99.0.2'];

  const toNear = peer('near', `peerIP: ${near}:1790, asNumber: 64501`);
  const toFar = peer('far', `peerIP: ${far}:1790, asNumber: 64502`);
  const fileFar = write('far.yaml', toNear, block('10.5.0.0/26', 'far'));
  speaker('far', far, 64502, fileFar, { within: other });
  const file = write('near.yaml', toFar, block('10.6.0.0/26', 'near'));
  const router = speaker('near', near, 64501, file, { more: ['--install-routes'] });
  const installed = [
    '10.5.0.0/26 via 10.99.0.2 dev near proto 80 metric 1024',
    'blackhole 10.6.0.0/26 proto 80 metric 1024',
  ];
  const ours = () => namespace.routes(/proto 80/);
  const end = Date.now() + DEADLINE_MS;
  while ((await ours()).length < 2 && Date.now() < end) await sleep(50);
  expect((await ours()).sort()).toEqual(installed);
  expect(await router.end()).toBe(0);
  expect((await ours()).sort()).toEqual(installed);
}, 60_000);

describe('what cannot be started is said, and nothing is', () => {
  const refused = (...args: string[]) => {
    try {
      execFileSync(process.execPath, [PROGRAM, 'speaker', ...args], { stdio: 'pipe' });
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer };
      return { status, stderr: String(stderr) };
    }
    throw new Error('it ended as if all were well');
  };

  test('a bad file', () => {
    const file = write('bad.yaml', peer('x', 'asNumber: 64500'));
    const { status, stderr } = refused('--address', A, '-f', file);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tortie speaker: .*bad\.yaml: BGPPeer "x": spec\.peerIP is missing/);
  });

  test('a value that BGP cannot have', () => {
    const file = write('hold.yaml', peer('x', `peerIP: ${B}, holdTime: 1s`));
    const { status, stderr } = refused('--address', A, '-f', file);
    expect(status).toBe(1);
    expect(stderr).toMatch(/hold\.yaml: .*holdTime/);
  });

  test.each([
    ['an address twice', ['--address', A, '--address', B], /there is an IPv4 address already/],
    ['a port alone', ['--listen', '179'], /write an address and a port/],
    ['IPv6 without brackets', ['--listen', '::1:179'], /write an address and a port/],
    ['an IPv6 router id', ['--router-id', '::1'], /write it like an IPv4 address/],
    ['AS 0', ['--as', '0'], /--as/],
    ['no file', ['--address', A], /--file/],
  ])('%s', (_, args, message) => {
    const { status, stderr } = refused(...args);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
  });
});
