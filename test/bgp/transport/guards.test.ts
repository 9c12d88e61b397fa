/** What keeps strangers' segments out, in the kernel's TCP, on loopback and free ports: RFC 2385, RFC 5925 and RFC 5082. */

import { Socket } from 'node:net';
import { parseAddress, parsePrefix } from 'net-ipaddr';
import {
  addTcpAoKey,
  closeDescriptor,
  openTcp,
  type SystemCallError,
  type TcpAoAlgorithm,
  type TcpAoKey,
} from 'rtnetlink-ts';
import type { Guards, Listener, PeerKeys, Stream } from '../../../bgp/transport/transport.ts';
import { Ear, transport, until } from '../session/ear.ts';

const HOSTS = { 4: '127.0.0.1', 6: '::1' } as const;

interface Acceptor {
  readonly port: number;
  readonly listener: Listener;
  /** What has come, guarded. */
  readonly streams: { stream: Stream; ear: Ear }[];
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(address: string, keys: PeerKeys[], guards: Guards): Promise<Acceptor> {
  let port = 0;
  const streams: Acceptor['streams'] = [];
  const listener = transport.listen(
    { address, port: 0 },
    {
      listening: (bound) => {
        port = bound;
      },
      incoming(stream) {
        const ear = new Ear(stream);
        stream.guard(guards);
        streams.push({ stream, ear });
        open.push({ close: () => stream.destroy() });
      },
      failed: (why) => {
        throw new Error(why);
      },
    },
  );
  listener.setKeys(keys);
  open.push(listener);
  await until(() => port > 0);
  return { port, listener, streams };
}

function dial(address: string, port: number, guards: Guards): { stream: Stream; ear: Ear } {
  const stream = transport.connect({ address, port }, undefined, guards);
  open.push({ close: () => stream.destroy() });
  return { stream, ear: new Ear(stream) };
}

/** Long enough for a segment on loopback, and for TCP to have sent it twice. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 600));

describe.each([4, 6] as const)('IPv%i', (family) => {
  const host = HOSTS[family];
  const exact = parsePrefix(`${host}/${family === 4 ? 32 : 128}`);
  const around = parsePrefix(family === 4 ? '127.0.0.0/8' : '::/16');

  test('RFC 2385 §2.0: who has the key gets through, who has another or none does not', async () => {
    const { port, streams } = await listen(host, [{ prefix: exact, md5Key: 'meow' }], {
      md5Key: 'meow',
    });
    const others = [dial(host, port, { md5Key: 'woof' }), dial(host, port, {})];
    const friend = dial(host, port, { md5Key: 'meow' });
    await until(() => friend.ear.isConnected && streams.length === 1);
    friend.stream.write([Buffer.from('hello')]);
    await until(() => streams[0]!.ear.octets === 5);
    expect(others.map(({ ear }) => ear.isConnected)).toEqual([false, false]);
  });

  test('a key by prefix, also given while it listens, changed and taken away', async () => {
    const { port, listener, streams } = await listen(host, [], { md5Key: 'of all' });
    listener.setKeys([{ prefix: around, md5Key: 'old' }]);
    listener.setKeys([{ prefix: around, md5Key: 'of all' }]);
    const friend = dial(host, port, { md5Key: 'of all' });
    await until(() => friend.ear.isConnected && streams.length === 1);
    friend.stream.write([Buffer.from('hello')]);
    await until(() => streams[0]!.ear.octets === 5);
    listener.setKeys([]);
    const unsigned = dial(host, port, {});
    await until(() => unsigned.ear.isConnected);
  });

  test('a key is rotated on one side, then on the other: what was said in between arrives', async () => {
    const keys = (md5Key: string) => [{ prefix: exact, md5Key }];
    const { port, listener, streams } = await listen(host, keys('old'), { md5Key: 'old' });
    const { stream, ear } = dial(host, port, { md5Key: 'old' });
    await until(() => ear.isConnected && streams.length === 1);
    listener.setKeys(keys('new'));
    streams[0]!.stream.guard({ md5Key: 'new' });
    stream.write([Buffer.from('hello')]);
    await settle();
    expect(streams[0]!.ear.octets).toBe(0);
    stream.guard({ md5Key: 'new' });
    await until(() => streams[0]!.ear.octets === 5);
    expect([ear.closedWhy, streams[0]!.ear.closedWhy]).toEqual([undefined, undefined]);
  });

  test('an incoming stream that is to have a key hears nothing unsigned, though the listener let it in', async () => {
    const { port, streams } = await listen(host, [], { md5Key: 'meow' });
    const { stream, ear } = dial(host, port, {});
    await until(() => ear.isConnected && streams.length === 1);
    stream.write([Buffer.from('hello')]);
    await settle();
    expect(streams[0]!.ear.octets).toBe(0);
  });

  test('RFC 5082 §3: both ends send with 255, and take it when they want no less', async () => {
    const { port, streams } = await listen(host, [], { minTtl: 255 });
    const { stream, ear } = dial(host, port, { minTtl: 255 });
    await until(() => ear.isConnected && streams.length === 1);
    stream.write([Buffer.from('hello')]);
    await until(() => streams[0]!.ear.octets === 5);
  });

  test('RFC 5082 §3: what comes from further away is not heard', async () => {
    const { port, streams } = await listen(host, [], { minTtl: 254 });
    const far = new Socket({ fd: openTcp({ family, ttl: 253 }) });
    open.push({ close: () => far.destroy() });
    far.connect({ host, port });
    await until(() => streams.length === 1);
    far.write('hello');
    await settle();
    expect(streams[0]!.ear.octets).toBe(0);
  });
});

test('a stream that is closed is guarded no more: its descriptor may be another’s', async () => {
  const { port } = await listen('127.0.0.1', [], {});
  const { stream } = dial('127.0.0.1', port, {});
  stream.destroy();
  expect(() => stream.guard({ md5Key: 'meow' })).not.toThrow();
});

test('a key that is too long is refused', async () => {
  const { listener } = await listen('127.0.0.1', [], {});
  const keys = [{ prefix: parsePrefix('192.0.2.0/24'), md5Key: 'x'.repeat(81) }];
  expect(() => listener.setKeys(keys)).toThrow('at most 80 bytes');
});

/** Why this kernel has no TCP-AO; undefined: it has. */
function lackOfTcpAo(): string | undefined {
  const fd = openTcp({ family: 4 });
  try {
    addTcpAoKey(fd, parseAddress('192.0.2.1'), key(1, 'meow'));
    return undefined;
  } catch (error) {
    return (error as SystemCallError).message;
  } finally {
    closeDescriptor(fd);
  }
}

function key(id: number, secret: string, algorithm: TcpAoAlgorithm = 'HMAC-SHA-1-96'): TcpAoKey {
  return { id, secret, algorithm };
}

const LACK = lackOfTcpAo();

test('TCP-AO: a kernel without it is named, by the connection and by the listener', async () => {
  const aoKeys = [key(1, 'meow')];
  const { port, listener } = await listen('127.0.0.1', [], {});
  const setKeys = () => listener.setKeys([{ prefix: parsePrefix('127.0.0.0/8'), aoKeys }]);
  const { ear } = dial('127.0.0.1', port, { aoKeys });
  if (LACK === undefined) {
    expect(setKeys).not.toThrow();
    return;
  }
  const reason = 'this kernel has no TCP-AO: it takes Linux 6.7 or later, built with CONFIG_TCP_AO';
  expect(setKeys).toThrow(reason);
  await until(() => ear.closedWhy?.includes(reason) === true);
});

const withTcpAo =
  LACK === undefined ? describe.each([4, 6] as const) : describe.skip.each([4] as const);

withTcpAo('RFC 5925 (needs a kernel with TCP-AO), IPv%i', (family) => {
  const host = HOSTS[family];
  const prefix = parsePrefix(`${host}/${family === 4 ? 32 : 128}`);

  test.each(['HMAC-SHA-1-96', 'AES-128-CMAC-96'] as const)(
    '%s: who has the key gets through, who has another, MD5 or none does not',
    async (algorithm) => {
      const aoKeys = [key(7, 'meow', algorithm)];
      const { port, streams } = await listen(host, [{ prefix, aoKeys }], { aoKeys });
      const others = [
        dial(host, port, { aoKeys: [key(7, 'woof', algorithm)] }),
        dial(host, port, { aoKeys: [key(8, 'meow', algorithm)] }),
        dial(host, port, { md5Key: 'meow' }),
        dial(host, port, {}),
      ];
      const friend = dial(host, port, { aoKeys });
      await until(() => friend.ear.isConnected && streams.length === 1);
      friend.stream.write([Buffer.from('hello')]);
      await until(() => streams[0]!.ear.octets === 5);
      expect(others.map(({ ear }) => ear.isConnected)).toEqual([false, false, false, false]);
    },
  );

  test('§7.3: a key is rotated while the connection lives, and nothing waits', async () => {
    const [old, next] = [key(1, 'old'), key(2, 'new', 'AES-128-CMAC-96')];
    const both = { aoKeys: [next, old] };
    const { port, listener, streams } = await listen(host, [{ prefix, aoKeys: [old] }], {
      aoKeys: [old],
    });
    const { stream, ear } = dial(host, port, { aoKeys: [old] });
    await until(() => ear.isConnected && streams.length === 1);
    let octets = 0;
    const talk = async () => {
      octets += 5;
      stream.write([Buffer.from('hello')]);
      streams[0]!.stream.write([Buffer.from('hello')]);
      await until(() => streams[0]!.ear.octets === octets && ear.octets === octets);
    };
    await talk();
    listener.setKeys([{ prefix, ...both }]);
    streams[0]!.stream.guard(both);
    stream.guard(both);
    await talk();
    await talk();
    listener.setKeys([{ prefix, aoKeys: [next] }]);
    streams[0]!.stream.guard({ aoKeys: [next] });
    stream.guard({ aoKeys: [next] });
    await talk();
    expect([ear.closedWhy, streams[0]!.ear.closedWhy]).toEqual([undefined, undefined]);
  });

  test.each([
    ['§3.1: another secret of the same id', [key(1, 'other')], 'TCP-AO key 1 has changed'],
    ['none any more', undefined, 'removing TCP-AO key 1'],
  ])('%s ends the connection', async (_, aoKeys, why) => {
    const keys = [key(1, 'meow')];
    const { port } = await listen(host, [{ prefix, aoKeys: keys }], { aoKeys: keys });
    const { stream, ear } = dial(host, port, { aoKeys: keys });
    await until(() => ear.isConnected);
    stream.guard(aoKeys === undefined ? {} : { aoKeys });
    await until(() => ear.closedWhy?.includes(why) === true);
  });

  test('a connection that came in without a key, and is to have one, ends', async () => {
    const { port, streams } = await listen(host, [], { aoKeys: [key(1, 'meow')] });
    dial(host, port, {});
    await until(() => streams[0]?.ear.closedWhy?.includes('adding TCP-AO key 1') === true);
  });
});
