/** Entering and leaving network namespaces. Needs root: makes namespaces of its own. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { inNamespace, openNetlink, writeSysctls } from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { until } from './until.ts';

let network: PrivateNetwork;
const OWN = '/proc/thread-self/ns/net';
const home = readlinkSync(OWN);
beforeAll(async () => {
  network = await openPrivateNetwork();
  addPair(network);
});
afterEach(() => expect(readlinkSync(OWN)).toBe(home));
afterAll(() => network?.close());

test('inside it is another network, afterwards it is ours again', () => {
  const inside = inNamespace(network.path, () => readlinkSync(OWN));
  expect(inside).toBe(readlinkSync(network.path));
  expect(inside).not.toBe(home);
});

test('by descriptor, which stays open', () => {
  const fd = openSync(network.path, 'r');
  const inside = inNamespace(fd, () => readlinkSync(OWN));
  expect(inside).toBe(readlinkSync(network.path));
  expect(inNamespace(fd, () => statSync('/proc/thread-self/ns/net').ino)).toBeGreaterThan(0);
  closeSync(fd);
});

test('one within another', async () => {
  const other = await openPrivateNetwork();
  const seen = inNamespace(network.path, () => {
    const before = readlinkSync(OWN);
    const inner = inNamespace(other.path, () => readlinkSync(OWN));
    return [before, inner, readlinkSync(OWN)];
  });
  other.close();
  expect(seen[1]).not.toBe(seen[0]);
  expect(seen[2]).toBe(seen[0]);
});

test('whatever the function throws comes out, and we are back', () => {
  expect(() =>
    inNamespace(network.path, () => {
      throw new RangeError('inside');
    }),
  ).toThrow(new RangeError('inside'));
});

test('an asynchronous function is refused, and we are back', () => {
  expect(() => inNamespace(network.path, async () => {})).toThrow('an asynchronous function');
});

test.each([
  ['/proc/none/ns/net', 'ENOENT'],
  ['/proc/self/ns/uts', 'EINVAL'],
  ['/etc/hostname', 'EINVAL'],
])('%s cannot be entered: %s', (path, code) => {
  const attempt = () => inNamespace(path, () => {});
  expect(attempt).toThrow(expect.objectContaining({ code }));
  expect(() => openNetlink({ netns: path })).toThrow(expect.objectContaining({ code }));
  if (code === 'EINVAL') expect(attempt).toThrow(`entering network namespace ${path}: EINVAL`);
});

test('a socket stays in the namespace that it was opened in, also when its path and process go', async () => {
  const passing = await openPrivateNetwork();
  const fd = openSync(passing.path, 'r');
  const netlink = openNetlink({ netns: fd });
  closeSync(fd);
  passing.netlink.change({ action: 'add', link: { name: 'inside', kind: { kind: 'bridge' } } });
  passing.close();
  expect(netlink.link('inside')?.name).toBe('inside');
  expect((await netlink.links()).map(({ name }) => name)).toEqual(['lo', 'inside']);
  expect(Object.keys(networkInterfaces())).not.toContain('inside');
  netlink.close();
});

test('without a namespace it is the caller’s', () => {
  const netlink = inNamespace(network.path, () => openNetlink());
  expect(netlink.link('a')?.name).toBe('a');
  netlink.close();
});

test('opening and closing leaves no descriptor behind', async () => {
  const before = ours();
  for (let i = 0; i < 20; i++) {
    const netlink = openNetlink({ netns: network.path });
    netlink.monitor(
      ['link'],
      () => {},
      () => {},
    );
    await netlink.links();
    await netlink.batchOffLoop([]);
    netlink.close();
    expect(() => inNamespace('/etc/hostname', () => {})).toThrow();
  }
  // The off-loop socket is closed in its turn.
  const added = () => ours().filter((each) => !before.includes(each));
  await until(
    () => added().length === 0,
    () => `${added()}`,
  );
});

/** This process's sockets and namespaces; jest opens and closes files of its own. */
function ours(): string[] {
  const folder = `/proc/${process.pid}/fd`;
  const targets = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`);
    } catch {
      return 'the folder itself, closed by now';
    }
  });
  const kept = targets.filter((target) => /^(socket|net):/.test(target)).sort();
  // A namespace that is open twice is two of them.
  return kept.map((target, i) => `${target} ${i - kept.indexOf(target) + 1}`);
}

describe('sysctls', () => {
  const read = (name: string) => network.run('cat', `/proc/sys/${name}`).trim();

  test('are written inside, and only there', () => {
    const host = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');
    const wanted = read('net/ipv4/ip_forward') === '1' ? 0 : 1;
    writeSysctls(network.path, {
      'net/ipv4/ip_forward': wanted,
      'net/ipv4/conf/a/proxy_arp': '1',
      'net/ipv6/conf/a/accept_dad': 0,
    });
    expect(read('net/ipv4/ip_forward')).toBe(`${wanted}`);
    expect(read('net/ipv4/conf/a/proxy_arp')).toBe('1');
    expect(read('net/ipv6/conf/a/accept_dad')).toBe('0');
    expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8')).toBe(host);
  });

  test('one that is not there is an error that names it', () => {
    expect(() => writeSysctls(network.path, { 'net/ipv4/conf/none/proxy_arp': 1 })).toThrow(
      '/proc/sys/net/ipv4/conf/none/proxy_arp',
    );
  });

  test.each(['../etc/passwd', '/etc/passwd', 'net/../../x'])('%s is none', (key) => {
    expect(() => writeSysctls(network.path, { [key]: 1 })).toThrow(`"${key}" is not a sysctl`);
  });
});
