/** A collector as a test wants it: reads BMP with a decoder of its own, written from RFC 7854, and keeps each peer's routes. */

import { decodeMessage, decodeUpdate, type WireContext } from 'bgp-parser-ts';
import { formatAddress, formatPrefix } from 'net-ipaddr';
import type { Stream } from '../../../bgp/transport/transport.ts';
import type { World } from '../session/world.ts';

export const PORT = 11019;

const TYPES = [
  'route monitoring',
  'statistics',
  'peer down',
  'peer up',
  'initiation',
  'termination',
] as const;
const UNICAST = { addPath: false, extendedNextHop: false };
const CONTEXT: WireContext = {
  as4: true,
  ebgp: false,
  extendedMessage: false,
  ipv4: UNICAST,
  ipv6: UNICAST,
};

export interface BmpMessage {
  readonly type: (typeof TYPES)[number];
  /** Of the per-peer header. */
  readonly peer?: { address: string; as: number; routerId: number; atMs: number; flags: number };
  readonly body: Buffer;
}

/** What a collector knows of one peer. */
export interface MonitoredPeer {
  isUp: boolean;
  /** Prefix → AS path as text. */
  readonly routes: Map<string, string>;
  endOfRib: number;
}

export class CollectorStation {
  readonly messages: BmpMessage[] = [];
  readonly peers = new Map<string, MonitoredPeer>();
  connections = 0;
  stream: Stream | undefined;
  /** Whether what comes is read at all. */
  isReading = true;
  #unread = Buffer.alloc(0);

  constructor(world: World, address: string) {
    world
      .host(address)
      .listen(
        { address, port: PORT },
        { listening() {}, failed() {}, incoming: (stream) => this.#accept(stream) },
      );
  }

  /** Of the messages, in short. */
  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  of(type: BmpMessage['type']): BmpMessage[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** By peer: its routes. Only peers that are up. */
  get routes(): Record<string, Record<string, string>> {
    const up = [...this.peers].filter(([, { isUp }]) => isUp).sort();
    return Object.fromEntries(
      up.map(([address, { routes }]) => [address, Object.fromEntries([...routes].sort())]),
    );
  }

  #accept(stream: Stream): void {
    this.connections++;
    this.stream = stream;
    this.#unread = Buffer.alloc(0);
    this.messages.length = 0;
    this.peers.clear();
    stream.attach({
      connected() {},
      data: (chunk) => this.#read(chunk),
      writable() {},
      closed: () => {
        this.stream = undefined;
      },
    });
    if (!this.isReading) stream.pause();
  }

  #read(chunk: Uint8Array): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    while (this.#unread.length >= 6) {
      const length = this.#unread.readUInt32BE(1);
      if (this.#unread[0] !== 3 || length < 6) throw new Error('this is no BMP message');
      if (this.#unread.length < length) return;
      this.#take(Buffer.from(this.#unread.subarray(0, length)));
      this.#unread = this.#unread.subarray(length);
    }
  }

  #take(bytes: Buffer): void {
    const type = TYPES[bytes[5]!]!;
    if (type === 'initiation' || type === 'termination') {
      this.messages.push({ type, body: bytes.subarray(6) });
      return;
    }
    const flags = bytes[7]!;
    const octets = bytes.subarray(16, 32);
    const isIPv6 = (flags & 0x80) !== 0;
    if (!isIPv6 && octets.subarray(0, 12).some((octet) => octet !== 0)) throw new Error('not IPv4');
    const peer = {
      address: formatAddress(
        isIPv6 ? { family: 6, bytes: octets } : { family: 4, bytes: octets.subarray(12) },
      ),
      as: bytes.readUInt32BE(32),
      routerId: bytes.readUInt32BE(36),
      atMs: bytes.readUInt32BE(40) * 1000 + bytes.readUInt32BE(44) / 1000,
      flags,
    };
    const message = { type, peer, body: bytes.subarray(48) };
    this.messages.push(message);
    this.#note(message);
  }

  #note({ type, peer, body }: Required<BmpMessage>): void {
    const known = this.peers.get(peer.address);
    if (type === 'peer up') {
      if (known?.isUp) throw new Error(`${peer.address} is up already`);
      this.peers.set(peer.address, { isUp: true, routes: new Map(), endOfRib: 0 });
    } else if (!known?.isUp) throw new Error(`${type} of ${peer.address}, which is not up`);
    else if (type === 'peer down') known.isUp = false;
    else if (type === 'route monitoring') takeUpdate(body, (peer.flags & 0x20) === 0, known);
  }
}

function takeUpdate(body: Buffer, as4: boolean, peer: MonitoredPeer): void {
  if (body.readUInt16BE(16) !== body.length) throw new Error('more or less than one UPDATE');
  const decoded = decodeUpdate(body, 0, body.length, { ...CONTEXT, as4 });
  if ('error' in decoded) throw new Error(decoded.error.text);
  const { message } = decoded;
  if (message.outcome !== 'ok') throw new Error(`malformed: ${message.errors[0]?.text}`);
  for (const { prefix } of message.withdrawn) peer.routes.delete(formatPrefix(prefix));
  for (const { attributes, nlri } of message.announced) {
    const path = (attributes.asPath ?? []).flatMap(({ as }) => as).join(' ');
    for (const { prefix } of nlri) peer.routes.set(formatPrefix(prefix), path);
  }
  if (message.endOfRib) peer.endOfRib++;
}

/** The two OPENs of a Peer Up, and what is before them. */
export function readPeerUp(body: Buffer) {
  const sentLength = body.readUInt16BE(20 + 16);
  const sent = body.subarray(20, 20 + sentLength);
  const received = body.subarray(20 + sentLength);
  const open = (bytes: Buffer) => {
    const decoded = decodeMessage(bytes, CONTEXT);
    if ('error' in decoded || decoded.message.type !== 'open') throw new Error('no OPEN');
    return decoded.message;
  };
  return {
    localAddress: body.subarray(0, 16).toString('hex'),
    sent: open(sent),
    received: open(received),
  };
}

/** Type → value of TLVs. */
export function readTlvs(body: Buffer): Record<number, Buffer> {
  const found: Record<number, Buffer> = {};
  for (let at = 0; at < body.length; at += 4 + body.readUInt16BE(at + 2)) {
    found[body.readUInt16BE(at)] = body.subarray(at + 4, at + 4 + body.readUInt16BE(at + 2));
  }
  return found;
}
