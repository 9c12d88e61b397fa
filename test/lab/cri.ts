/**
 * The kubelet's end of the Container Runtime Interface, as much as makes and removes pod sandboxes; run in a node.
 *
 *   cri.ts run POD CGROUP     prints the sandbox's id
 *   cri.ts remove ID          stops it first
 */
import { connect } from 'node:http2';
import { connect as connectTo } from 'node:net';

const SOCKET = '/run/containerd/containerd.sock';

/** Protocol Buffers: fields that are texts or messages, by number. */
function message(fields: Readonly<Record<number, string | Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).map(([number, value]) => {
      const bytes = Buffer.from(value);
      return Buffer.concat([varint((Number(number) << 3) | 2), varint(bytes.length), bytes]);
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** gRPC: each message after a byte and its length. @returns the answer's bytes */
function call(method: string, request: Buffer): Promise<Buffer> {
  const session = connect('http://localhost', { createConnection: () => connectTo(SOCKET) });
  const stream = session.request({
    ':method': 'POST',
    ':path': `/runtime.v1.RuntimeService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([head, request]));
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let status: Record<string, unknown> = {};
    session.on('error', reject);
    stream.on('error', reject);
    // Of an answer without a message the status is in the headers.
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (headers: object) => {
        status = { ...status, ...headers };
      });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      session.close();
      if (status['grpc-status'] === '0') resolve(Buffer.concat(parts).subarray(head.length));
      else reject(new Error(`${method}: ${decodeURIComponent(String(status['grpc-message']))}`));
    });
  });
}

const [command, argument = '', cgroup = ''] = process.argv.slice(2);
if (command === 'run') {
  const metadata = message({ 1: argument, 2: `uid-of-${argument}`, 3: 'default' });
  const linux = message({ 1: `/${cgroup}` });
  const config = message({ 1: metadata, 2: argument, 8: linux });
  const answer = await call('RunPodSandbox', message({ 1: config }));
  // Field 1, a text of 64 digits.
  console.log(answer.subarray(2).toString());
} else {
  await call('StopPodSandbox', message({ 1: argument }));
  await call('RemovePodSandbox', message({ 1: argument }));
}
