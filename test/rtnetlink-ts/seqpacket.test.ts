/** Unix SOCK_SEQPACKET with descriptors. Needs no root. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectSeqpacket,
  listenSeqpacket,
  type Message,
  type SeqpacketConnection,
  type SeqpacketServer,
} from 'rtnetlink-ts';
import { until } from './until.ts';

let folder: string;
let path: string;
let server: SeqpacketServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'seqpacket-'));
  path = join(folder, 'cni.sock');
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

function listen(onConnection: (connection: SeqpacketConnection) => void, options = {}): void {
  server = listenSeqpacket({ path, onConnection, ...options });
}

const text = (message: Message | undefined) => message && Buffer.from(message.bytes).toString();

test('a request with a descriptor, an answer, the end', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'what the descriptor is of');
  listen(async (connection) => {
    expect(connection.peer).toEqual({
      pid: process.pid,
      uid: process.getuid!(),
      gid: process.getgid!(),
    });
    const request = (await connection.receive())!;
    const [fd] = request.descriptors;
    const content = Buffer.alloc(100);
    const length = readSync(fd!, content, 0, 100, 0);
    const flags = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/flags:\s*(\d+)/)![1]!;
    closeSync(fd!);
    const isCloseOnExec = (Number.parseInt(flags, 8) & 0o2000000) !== 0;
    connection.send(
      Buffer.from(`${text(request)} ${content.toString('utf8', 0, length)} ${isCloseOnExec}`),
    );
    connection.close();
  });
  const client = connectSeqpacket(path);
  const fd = openSync(file, 'r');
  client.send(Buffer.from('ADD'), [fd]);
  closeSync(fd);
  expect(text(await client.receive())).toBe('ADD what the descriptor is of true');
  expect(await client.receive()).toBeUndefined();
  expect(await client.receive()).toBeUndefined();
  client.close();
  client.close();
});

test('messages stay apart, and wait until they are asked for', async () => {
  const received: (string | undefined)[] = [];
  const done = new Promise<void>((resolve) => {
    listen(async (connection) => {
      await new Promise((r) => setTimeout(r, 20));
      for (let i = 0; i < 4; i++) received.push(text(await connection.receive()));
      connection.close();
      resolve();
    });
  });
  const client = connectSeqpacket(path);
  for (const message of ['one', 'two', 'three']) client.send(Buffer.from(message));
  client.close();
  await done;
  expect(received).toEqual(['one', 'two', 'three', undefined]);
});

test('200 kB in one message', async () => {
  listen(async (connection) => {
    const message = await connection.receive();
    connection.send(Buffer.from(`${message!.bytes.length}`));
    connection.close();
  });
  const client = connectSeqpacket(path);
  client.send(Buffer.alloc(200_000, 'x'));
  expect(text(await client.receive())).toBe('200000');
  client.close();
});

test('more descriptors than anyone needs: an error, and none is left open', async () => {
  const refused = new Promise((resolve) => {
    listen((connection) => {
      connection.receive().catch((error) => {
        connection.close();
        resolve(error);
      });
    });
  });
  const client = connectSeqpacket(path);
  const own = openSync('/dev/null', 'r');
  const before = openDescriptors();
  client.send(
    Buffer.from('ADD'),
    Array.from({ length: 40 }, () => own),
  );
  expect(await refused).toMatchObject({ code: 'EMSGSIZE' });
  // The server's end of the connection is closed too.
  expect(openDescriptors()).toBeLessThanOrEqual(before);
  client.close();
  closeSync(own);
});

function openDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < 256; fd++) {
    try {
      fstatSync(fd);
      count++;
    } catch {
      // not open
    }
  }
  return count;
}

test('only so many at a time: the others wait until one closes', async () => {
  const connections: SeqpacketConnection[] = [];
  listen((connection) => connections.push(connection), { maxConnections: 2 });
  const clients = Array.from({ length: 4 }, () => connectSeqpacket(path));
  const accepted = (count: number) =>
    until(
      () => connections.length >= count,
      () => `${connections.length} connections`,
    );
  await accepted(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(connections).toHaveLength(2);
  connections[0]!.close();
  await accepted(3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(connections).toHaveLength(3);
  connections[1]!.close();
  await accepted(4);
  for (const each of [...connections, ...clients]) each.close();
});

test('close ends a receive that waits', async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  listen(async (connection) => {
    const waiting = connection.receive();
    await expect(connection.receive()).rejects.toThrow('awaited already');
    connection.close();
    resolve(await waiting);
  });
  const client = connectSeqpacket(path);
  expect(await promise).toBeUndefined();
  expect(await client.receive()).toBeUndefined();
  expect(() => client.send(Buffer.from('late'))).toThrow(
    expect.objectContaining({ code: 'EPIPE' }),
  );
  client.close();
});

test('the file: its mode, gone after close, replaced when stale, respected when alive', () => {
  listen(() => {}, { mode: 0o640 });
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(() => listenSeqpacket({ path, onConnection: () => {} })).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE', message: `binding ${path}: EADDRINUSE` }),
  );
  server!.close();
  expect(() => statSync(path)).toThrow('ENOENT');
  expect(() => connectSeqpacket(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  // A process that ends without a word leaves its file behind.
  const script = `
    import { listenSeqpacket } from 'rtnetlink-ts';
    listenSeqpacket({ path: ${JSON.stringify(path)}, onConnection() {} });
    process.kill(process.pid, 'SIGKILL');`;
  spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname });
  expect(() => connectSeqpacket(path)).toThrow(expect.objectContaining({ code: 'ECONNREFUSED' }));
  listen(() => {});
  connectSeqpacket(path).close();
});

test('a path that is too long for a socket', () => {
  const long = `/tmp/${'x'.repeat(103)}`;
  expect(() => listenSeqpacket({ path: long, onConnection: () => {} })).toThrow(
    `${long} cannot be a socket: its path has 108 bytes, and may have 107`,
  );
});
