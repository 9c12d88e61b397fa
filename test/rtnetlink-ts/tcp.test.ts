/** TCP sockets with options that Node lacks, used by node:net. Needs root: makes a namespace of its own. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type Family, parseAddress, parsePrefix } from 'net-ipaddr';
import {
  closeDescriptor,
  openTcp,
  setMinTtl,
  setTcpMd5,
  setTtl,
  type TcpOptions,
} from 'rtnetlink-ts';
import { addPair, openPrivateNetwork, type PrivateNetwork } from './private-network.ts';

let network: PrivateNetwork;
const servers: net.Server[] = [];
beforeAll(async () => {
  network = await openPrivateNetwork();
  const { a } = addPair(network);
  network.netlink.change({
    action: 'add',
    address: { link: a, address: parseAddress('10.0.0.1'), length: 24 },
  });
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => network?.close());

const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;
const FAMILIES: Family[] = [4, 6];
/** For answers that do not come. */
const SHORT_MS = 400;

function open(family: Family, options: Partial<TcpOptions> = {}): number {
  return openTcp({ family, netns: network.path, ...options });
}

/** A listener in the namespace; `prepare` gets its descriptor first. */
async function listen(family: Family, prepare: (fd: number) => void = () => {}): Promise<number> {
  const fd = open(family, { address: parseAddress(LOOPBACK[family]) });
  prepare(fd);
  const server = net.createServer((socket) => socket.on('error', () => {}).end('hello'));
  servers.push(server);
  server.listen({ fd });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** What the listener says, or undefined when it does not answer in time. */
function talk(
  fd: number,
  family: Family,
  port: number,
  patienceMs = 30_000,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new net.Socket({ fd });
    let text = '';
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text === '' ? undefined : text);
    });
    socket.connect({ host: LOOPBACK[family], port });
  });
}

describe.each(FAMILIES)('IPv%i', (family) => {
  const address = parseAddress(LOOPBACK[family]);

  test('both ends in the namespace, taken over by node:net', async () => {
    const port = await listen(family);
    expect(await talk(open(family), family, port)).toBe('hello');
    // The same port of ours is another one.
    expect(await talk(openTcp({ family }), family, port, SHORT_MS)).toBeUndefined();
  });

  test('MD5: with the key it talks, without or with another it does not', async () => {
    const port = await listen(family, (fd) => setTcpMd5(fd, address, 'secret'));
    const withKey = (key: string) => {
      const fd = open(family);
      setTcpMd5(fd, address, key);
      return fd;
    };
    const answers = await Promise.all([
      talk(withKey('secret'), family, port),
      talk(withKey('wrong'), family, port, SHORT_MS),
      talk(open(family), family, port, SHORT_MS),
    ]);
    expect(answers).toEqual(['hello', undefined, undefined]);
  });

  test('MD5 by prefix, set while it listens, and taken away again', async () => {
    let listener = -1;
    const port = await listen(family, (fd) => {
      listener = fd;
    });
    const prefix = parsePrefix(family === 4 ? '127.0.0.0/8' : '::/64');
    setTcpMd5(listener, prefix, 'of all');
    const fd = open(family);
    setTcpMd5(fd, address, 'of all');
    expect(await talk(fd, family, port)).toBe('hello');
    setTcpMd5(listener, prefix, '');
    setTcpMd5(listener, prefix, '');
    expect(await talk(open(family), family, port)).toBe('hello');
  });

  test('GTSM: what comes from too far is dropped', async () => {
    const port = await listen(family, (fd) => setMinTtl(fd, family, 255));
    const answers = await Promise.all([
      talk(open(family, { ttl: 255 }), family, port),
      talk(open(family, { ttl: 254 }), family, port, SHORT_MS),
    ]);
    expect(answers).toEqual(['hello', undefined]);
  });

  test('free bind: an address that is not there', () => {
    const elsewhere = parseAddress(family === 4 ? '192.0.2.1' : '2001:db8::1');
    expect(() => open(family, { address: elsewhere })).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
    );
    closeDescriptor(open(family, { address: elsewhere, freeBind: true, port: 179 }));
  });

  test('a port that is taken says where', async () => {
    const port = await listen(family);
    expect(() => open(family, { address, port })).toThrow(
      `binding a TCP socket to ${LOOPBACK[family]}, port ${port}: EADDRINUSE`,
    );
  });
});

test('bound to an interface, it does not reach what is behind another', async () => {
  const port = await listen(4);
  expect(await talk(open(4, { device: 'lo' }), 4, port)).toBe('hello');
  expect(await talk(open(4, { device: 'a' }), 4, port, SHORT_MS)).toBeUndefined();
  expect(() => open(4, { device: 'none' })).toThrow('setting SO_BINDTODEVICE none: ENODEV');
});

test('an IPv6 listener leaves the IPv4 port of the same number free', () => {
  const six = open(6, { port: 1790 });
  closeDescriptor(open(4, { port: 1790 }));
  closeDescriptor(six);
});

test('what is out of range is an error that says what', () => {
  const fd = open(4);
  expect(() => setTtl(fd, 4, 256)).toThrow('setting IP_TTL 256: EINVAL');
  expect(() => setMinTtl(fd, 4, 256)).toThrow('setting IP_MINTTL 256: EINVAL');
  expect(() => setTcpMd5(fd, parseAddress('10.0.0.1'), 'x'.repeat(81))).toThrow('at most 80 bytes');
  closeDescriptor(fd);
  expect(() => closeDescriptor(fd)).toThrow('EBADF');
});
