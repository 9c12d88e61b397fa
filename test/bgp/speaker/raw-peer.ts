/** A peer over the kernel's TCP that sends what it is told, octet for octet, and keeps what it is sent. */

import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../../../bgp/transport/transport.ts';
import { hex, message, toHex } from '../../bgp-parser-ts/wire.ts';

const OPEN = 1;
const NOTIFICATION = 3;
const KEEPALIVE = 4;
const HEADER_LENGTH = 19;
const AS_TRANS = 23_456;
const DEADLINE_MS = 30_000;

const hexOf = (number: number, octets: number) => number.toString(16).padStart(2 * octets, '0');

/** What is in our OPEN. */
interface OpenOptions {
  readonly as: number;
  /** Capabilities in hex, code and length with each. */
  readonly capabilities: string;
}

/** IPv4 and IPv6 unicast. */
export const BOTH_FAMILIES = '01 04 0001 00 01  01 04 0002 00 01';

/** RFC 6793 §3 */
export function fourOctetAs(as: number): string {
  return `41 04 ${hexOf(as, 4)}`;
}

export class RawPeer {
  /** What came, headers and all, in order. */
  readonly messages: Uint8Array[] = [];
  isClosed = false;
  readonly #from: string;
  readonly #socket: Socket;
  #unread = Buffer.alloc(0);

  /** @param from what the speaker knows it by */
  constructor(from: string, to: Endpoint) {
    this.#from = from;
    this.#socket = connect({ host: to.address, port: to.port, localAddress: from });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
    // 'close' comes after it.
    this.#socket.on('error', () => {});
  }

  /** Resolves when the session is established. @throws when the connection ends before it is */
  async establish({ as, capabilities }: OpenOptions): Promise<void> {
    const list = toHex(hex(capabilities));
    const octets = list.length / 2;
    const parameter = `02 ${hexOf(octets, 1)} ${list}`;
    const routerId = this.#from.split('.').map((octet) => hexOf(Number(octet), 1));
    const fixed = `04 ${hexOf(as > 65_535 ? AS_TRANS : as, 2)} 00b4 ${routerId.join('')}`;
    this.send(message(OPEN, hex(`${fixed} ${hexOf(octets + 2, 1)} ${parameter}`)));
    this.send(message(KEEPALIVE, new Uint8Array(0)));
    await this.until('the session', () => this.has(KEEPALIVE) || this.isClosed);
    if (!this.has(KEEPALIVE)) throw new Error('the connection was closed before the session');
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Whether a message of the type came. */
  has(type: number): boolean {
    return this.messages.some((one) => one[18] === type);
  }

  /** `code/subcode data` of the NOTIFICATION that came. */
  get notification(): string | undefined {
    const found = this.messages.find((one) => one[18] === NOTIFICATION);
    return found && `${found[19]}/${found[20]} ${toHex(found.subarray(21))}`.trim();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const endMs = performance.now() + DEADLINE_MS;
    while (!holds()) {
      if (performance.now() > endMs) {
        const seen = this.messages.map(toHex).join('\n');
        throw new Error(`waited ${DEADLINE_MS} ms in vain for ${what}; messages:\n${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length >= HEADER_LENGTH) {
      const length = this.#unread.readUInt16BE(16);
      if (this.#unread.length < length) return;
      this.messages.push(Uint8Array.from(this.#unread.subarray(0, length)));
      this.#unread = this.#unread.subarray(length);
    }
  }
}
