/** What keeps strangers' segments out, in the kernel's TCP, on loopback and free ports: RFC 2385 and RFC 5082. */

import { Socket } from 'node:net';
import { parsePrefix } from 'net-ipaddr';
import { openTcp } from 'rtnetlink-ts';
import type { Guards, Listener, Md5Key, Stream } from '../../../bgp/session/transport.ts';
import { Ear, transport, until } from './ear.ts';

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

async function listen(address: string, keys: Md5Key[], guards: Guards): Promise<Acceptor> {
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
  listener.setMd5Keys(keys);
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
    const { port, streams } = await listen(host, [{ prefix: exact, key: 'meow' }], {
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
    listener.setMd5Keys([{ prefix: around, key: 'old' }]);
    listener.setMd5Keys([{ prefix: around, key: 'of all' }]);
    const friend = dial(host, port, { md5Key: 'of all' });
    await until(() => friend.ear.isConnected && streams.length === 1);
    friend.stream.write([Buffer.from('hello')]);
    await until(() => streams[0]!.ear.octets === 5);
    listener.setMd5Keys([]);
    const unsigned = dial(host, port, {});
    await until(() => unsigned.ear.isConnected);
  });

  test('a key is rotated on one side, then on the other: what was said in between arrives', async () => {
    const keys = (key: string) => [{ prefix: exact, key }];
    const { port, listener, streams } = await listen(host, keys('old'), { md5Key: 'old' });
    const { stream, ear } = dial(host, port, { md5Key: 'old' });
    await until(() => ear.isConnected && streams.length === 1);
    listener.setMd5Keys(keys('new'));
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
  const keys = [{ prefix: parsePrefix('192.0.2.0/24'), key: 'x'.repeat(81) }];
  expect(() => listener.setMd5Keys(keys)).toThrow('at most 80 bytes');
});
