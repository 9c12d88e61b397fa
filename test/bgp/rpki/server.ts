/** An RPKI cache as a test wants it: answers in full or with differences, on any transport. */

import type { Listener, Stream, Transport } from '../../../bgp/transport/transport.ts';

export const PORT = 323;

/** `192.0.2.0/24-26 AS 65001`, IPv4 only. */
function prefixPdu(version: number, text: string, announces: boolean): Buffer {
  const [, address, length, max, as] = /^([\d.]+)\/(\d+)-(\d+) AS (\d+)$/.exec(text)!;
  const octets = address!.split('.').map(Number);
  const flags = [announces ? 1 : 0, Number(length), Number(max), 0];
  return Buffer.concat([
    header(version, 4, 0, 20),
    Buffer.from([...flags, ...octets]),
    u32(Number(as)),
  ]);
}

export class RpkiServer {
  /** What routers asked, as `reset` and `serial 7`. */
  readonly asked: string[] = [];
  version = 1;
  sessionId = 1;
  serial = 1;
  hasData = true;
  /** Refresh, retry, expire in seconds. */
  intervals: readonly [number, number, number] = [3600, 600, 7200];
  payloads: readonly string[] = [];
  /** By the serial that they lead on from: payloads with + or - before them. */
  readonly changes = new Map<number, readonly string[]>();
  readonly #listener: Listener;
  readonly #streams = new Set<Stream>();

  constructor(transport: Transport, address: string) {
    this.#listener = transport.listen(
      { address, port: PORT },
      { listening() {}, failed() {}, incoming: (stream) => this.#serve(stream) },
    );
  }

  /** Tells routers that there is something new. */
  notify(): void {
    const pdu = Buffer.concat([header(this.version, 0, this.sessionId, 12), u32(this.serial)]);
    for (const stream of this.#streams) stream.write([pdu]);
  }

  /** Sends what a test has made up. */
  write(bytes: Uint8Array): void {
    for (const stream of this.#streams) stream.write([bytes]);
  }

  close(): void {
    this.#listener.close();
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  #serve(stream: Stream): void {
    this.#streams.add(stream);
    stream.attach({
      connected() {},
      data: (chunk) => stream.write(this.#answer(Buffer.from(chunk))),
      writable() {},
      closed: () => void this.#streams.delete(stream),
    });
  }

  #answer(question: Buffer): Buffer[] {
    const { version } = this;
    const type = question[1];
    if (type === 10) {
      this.asked.push(`error ${question.readUInt16BE(2)}`);
      return [];
    }
    this.asked.push(type === 2 ? 'reset' : `serial ${question.readUInt32BE(8)}`);
    if (question[0]! > version) return [error(version, 4)];
    if (!this.hasData) return [error(version, 2)];
    const changes = type === 1 ? this.#changesSince(question.readUInt32BE(8)) : undefined;
    if (type === 1 && changes === undefined) return [header(version, 8, 0, 8)];
    const all = this.payloads.map((text) => `+${text}`);
    return [
      header(version, 3, this.sessionId, 8),
      ...(changes ?? all).map((text) => prefixPdu(version, text.slice(1), text.startsWith('+'))),
      this.#endOfData(),
    ];
  }

  #changesSince(serial: number): readonly string[] | undefined {
    return serial === this.serial ? [] : this.changes.get(serial);
  }

  #endOfData(): Buffer {
    const end = header(this.version, 7, this.sessionId, this.version === 0 ? 12 : 24);
    const intervals = this.version === 0 ? [] : this.intervals.map(u32);
    return Buffer.concat([end, u32(this.serial), ...intervals]);
  }
}

function error(version: number, code: number): Buffer {
  return Buffer.concat([header(version, 10, code, 16), u32(0), u32(0)]);
}

function header(version: number, type: number, session: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(version, 0);
  bytes.writeUInt8(type, 1);
  bytes.writeUInt16BE(session, 2);
  bytes.writeUInt32BE(length, 4);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
