/** IP packets by hand, and a plain reading of them: the forwarder's slow twin. */
import { formatAddress, parseAddress } from 'net-ipaddr';

export const ICMP = 1;
export const TCP = 6;

export interface TcpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly options?: Buffer;
  readonly payload?: Buffer;
}

export function ipPacket(from: string, to: string, protocol: number, payload: Buffer): Buffer {
  const [source, destination] = [parseAddress(from), parseAddress(to)];
  const header =
    source.family === 4 ? ipv4Header(protocol, payload) : ipv6Header(protocol, payload);
  header.set(source.bytes, source.family === 4 ? 12 : 8);
  header.set(destination.bytes, source.family === 4 ? 16 : 24);
  if (source.family === 4) header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** The first fragment of a larger one: RFC 791's "more fragments". */
export function fragment(packet: Buffer): Buffer {
  return altered(packet, 6, 0x20, 20);
}

/** One whose header says that it has 16 octets, with the checksum of these. */
export function shortened(packet: Buffer): Buffer {
  return altered(packet, 0, 0x44, 16);
}

/** With another octet at this place of the IPv4 header, and the checksum of so many of its octets. */
function altered(packet: Buffer, at: number, octet: number, headerLength: number): Buffer {
  const bytes = Buffer.from(packet);
  bytes[at] = octet;
  bytes.writeUInt16BE(0, 10);
  bytes.writeUInt16BE(checksum(bytes.subarray(0, headerLength)), 10);
  return bytes;
}

export function tcpPacket(from: string, to: string, fields: TcpFields): Buffer {
  const { options = Buffer.alloc(0), payload = Buffer.alloc(0) } = fields;
  const segment = Buffer.concat([Buffer.alloc(20), options, payload]);
  segment.writeUInt16BE(fields.sourcePort, 0);
  segment.writeUInt16BE(fields.destinationPort, 2);
  segment.writeUInt32BE(fields.sequence, 4);
  segment.writeUInt32BE(fields.acknowledgement, 8);
  segment[12] = ((20 + options.length) / 4) << 4;
  segment[13] = fields.flags;
  segment.writeUInt16BE(0xffff, 14);
  segment.writeUInt16BE(checksum(Buffer.concat([pseudoHeader(from, to, segment), segment])), 16);
  return ipPacket(from, to, TCP, segment);
}

/** What is in a TCP packet. Throws unless it is whole and its checksums are right. */
export function readTcpPacket(
  packet: Buffer,
): TcpFields & { from: string; to: string; id: number } {
  const isIpv4 = packet[0]! >> 4 === 4;
  const at = isIpv4 ? (packet[0]! & 15) * 4 : 40;
  const length = isIpv4 ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4);
  if (length !== packet.length)
    throw new Error(`it says ${length} octets, and has ${packet.length}`);
  if (isIpv4 && checksum(packet.subarray(0, at)) !== 0) throw new Error('IPv4 checksum');
  if (packet[isIpv4 ? 9 : 6] !== TCP) throw new Error('not TCP');
  const address = (start: number) =>
    formatAddress({
      family: isIpv4 ? 4 : 6,
      bytes: packet.subarray(start, start + (isIpv4 ? 4 : 16)),
    });
  const [from, to] = isIpv4 ? [address(12), address(16)] : [address(8), address(24)];
  const segment = packet.subarray(at);
  if (checksum(Buffer.concat([pseudoHeader(from, to, segment), segment])) !== 0)
    throw new Error('TCP checksum');
  const header = (segment[12]! >> 4) * 4;
  return {
    from,
    to,
    id: isIpv4 ? packet.readUInt16BE(4) : 0,
    sourcePort: segment.readUInt16BE(0),
    destinationPort: segment.readUInt16BE(2),
    sequence: segment.readUInt32BE(4),
    acknowledgement: segment.readUInt32BE(8),
    flags: segment[13]!,
    options: segment.subarray(20, header),
    payload: segment.subarray(header),
  };
}

/** RFC 1071, word by word. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function pseudoHeader(from: string, to: string, segment: Buffer): Buffer {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(segment.length, 0);
  rest[7] = TCP;
  return Buffer.concat([parseAddress(from).bytes, parseAddress(to).bytes, rest]);
}

function ipv4Header(protocol: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.set([64, protocol], 8);
  return header;
}

function ipv6Header(protocol: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header.set([protocol, 64], 6);
  return header;
}
