/** The transport over the kernel's TCP, against plain sockets, on loopback and free ports. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { formatAddress } from 'net-ipaddr';
import type { Listener, Stream } from '../../../bgp/transport/transport.ts';
import { freePort } from '../../free-port.ts';
import { Ear, transport, until } from '../session/ear.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** Listens through the transport, and takes one connection of a plain socket to it. */
async function accepted(address = '127.0.0.1'): Promise<{ stream: Stream; plain: Socket }> {
  let port = 0;
  let stream: Stream | undefined;
  const at = { address, port: 0 };
  const listener = transport.listen(at, {
    listening: (bound) => {
      port = bound;
    },
    incoming: (one) => {
      stream = one;
    },
    failed: (why) => {
      throw new Error(why);
    },
  });
  open.push(listener);
  await until(() => port > 0);
  const plain = connect({ host: address, port });
  open.push({ close: () => plain.destroy() });
  await until(() => stream !== undefined);
  return { stream: stream!, plain };
}

/** A plain server, and the sockets that come to it. */
async function plainServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  open.push({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return { server, port: (server.address() as { port: number }).port, sockets };
}

test('connects from the source address that it is given', async () => {
  const { port, sockets } = await plainServer();
  const stream = transport.connect({ address: '127.0.0.1', port }, '127.0.7.7', {});
  const ear = new Ear(stream);
  await until(() => ear.isConnected && sockets.length === 1);
  expect(sockets[0]!.remoteAddress).toBe('127.0.7.7');
  expect(formatAddress(stream.localAddress!)).toBe('127.0.7.7');
  sockets[0]!.end();
  await until(() => ear.closedWhy !== undefined);
  expect(ear.closedWhy).toBe('the peer closed the connection');
});

test.each([
  ['nobody listens there', '127.0.0.1', undefined, 'ECONNREFUSED'],
  ['the source address is not ours', '127.0.0.1', '192.0.2.77', 'EADDRNOTAVAIL'],
])('tells why it cannot connect: %s', async (_, address, source, why) => {
  const ear = new Ear(transport.connect({ address, port: 1 }, source, {}));
  await until(() => ear.closedWhy !== undefined);
  expect(ear.closedWhy).toContain(why);
});

test('one port on :: and on 0.0.0.0, each for its family', async () => {
  const families: string[] = [];
  const port = await freePort();
  let listening = 0;
  const listen = (address: string): Listener =>
    transport.listen(
      { address, port },
      {
        listening: () => {
          listening++;
        },
        incoming: (stream) => {
          families.push(`${address} ${formatAddress(stream.remoteAddress!)}`);
          stream.destroy();
        },
        failed: (why) => families.push(why),
      },
    );
  open.push(listen('::'));
  open.push(listen('0.0.0.0'));
  await until(() => listening === 2);
  for (const host of ['127.0.0.1', '::1']) {
    await until(() => {
      const plain = connect({ host, port });
      plain.on('error', () => {});
      open.push({ close: () => plain.destroy() });
      return families.length > 0;
    });
    await until(() => families.some((line) => line.endsWith(host)));
  }
  expect(new Set(families)).toEqual(new Set(['0.0.0.0 127.0.0.1', ':: ::1']));
});

test('says when enough is queued, and when there is room again', async () => {
  const { stream, plain } = await accepted();
  const ear = new Ear(stream);
  plain.pause();
  const piece = new Uint8Array(65_536);
  let written = 0;
  // Until TCP's own buffers are full, which grow for a while.
  do {
    ear.writable = 0;
    while (written < 1_000 && stream.write([piece])) written++;
    written++;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (ear.writable > 0);
  expect(written).toBeLessThan(1_000);
  let read = 0;
  plain.on('data', (chunk) => {
    read += chunk.length;
  });
  plain.resume();
  await until(() => ear.writable === 1 && read === written * piece.length);
});

test('after pause nothing more is read than what was read already', async () => {
  const { stream, plain } = await accepted();
  const ear = new Ear(stream);
  stream.pause();
  const size = 8 * 1024 * 1024;
  plain.write(new Uint8Array(size));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(ear.octets).toBeLessThanOrEqual(128 * 1024);
  stream.resume();
  await until(() => ear.octets === size);
});

test('what was said last arrives, though the other side’s words were never read', async () => {
  const { stream, plain } = await accepted();
  new Ear(stream);
  stream.pause();
  let heard = '';
  let error: string | undefined;
  let hasEnded = false;
  plain.on('data', (chunk) => {
    heard += chunk;
  });
  plain.on('error', ({ message }) => {
    error = message;
  });
  plain.on('end', () => {
    hasEnded = true;
  });
  plain.write(new Uint8Array(1024 * 1024));
  await new Promise((resolve) => setTimeout(resolve, 50));
  plain.pause();
  stream.write([Buffer.from('goodbye')]);
  let isDone = false;
  stream.end(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  plain.resume();
  await until(() => hasEnded && isDone);
  expect([heard, error]).toEqual(['goodbye', undefined]);
});

test('a stream ends also when the other side does not close, or the socket is closed already', async () => {
  const { port, sockets } = await plainServer();
  const stubborn = transport.connect({ address: '127.0.0.1', port }, undefined, {});
  const ear = new Ear(stubborn);
  await until(() => ear.isConnected && sockets.length === 1);
  sockets[0]!.pause(); // and so it never sees that we closed
  let done = 0;
  stubborn.end(() => done++);
  const gone = transport.connect({ address: '127.0.0.1', port: 1 }, undefined, {});
  const other = new Ear(gone);
  await until(() => other.closedWhy !== undefined);
  gone.end(() => done++);
  await until(() => done === 2);
});

test('a stream that the peer has closed knows between whom it was: what came before is read still', async () => {
  const { stream, plain } = await accepted();
  const ear = new Ear(stream);
  const { server, port } = await plainServer();
  const dialled = transport.connect({ address: '127.0.0.1', port }, undefined, {});
  const other = new Ear(dialled);
  server.on('connection', (socket) => socket.destroy());
  plain.resetAndDestroy();
  await until(() => ear.closedWhy !== undefined && other.closedWhy !== undefined);
  for (const { localAddress, remoteAddress } of [stream, dialled])
    expect([localAddress, remoteAddress].map((one) => one && formatAddress(one))).toEqual([
      '127.0.0.1',
      '127.0.0.1',
    ]);
});
