/** BFD's transport over the kernel's UDP. */

import { networkInterfaces } from 'node:os';
import { type Address, equalPrefixes, parseInterfaceAddress, prefixOf } from 'net-ipaddr';
import { openUdp, type UdpSocket } from 'rtnetlink-ts';
import type { Clock, Random } from '../../ports.ts';
import { MAX_PACKET_BYTES } from './packet.ts';
import type { BfdTransport, Hops, Path } from './transport.ts';

/** RFC 5881 §4, RFC 5883 §5. */
const PORTS: Record<Hops, number> = { single: 3784, multi: 4784 };
/** RFC 5881 §4: a session sends from one port of this range. */
const MIN_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 65_536 - MIN_SOURCE_PORT;
const MAX_PORT_ATTEMPTS = 32;
/** RFC 5881 §5. Over several hops any will do. */
const TTL = 255;
/** All sessions' packets come to one socket: five thousand may wait while the loop does something else. */
const RECEIVE_BUFFER_BYTES = 4 << 20;
/** Reading all interfaces takes milliseconds where there are hundreds, as on a node full of pods. */
const SUBNETS_LIFE_MS = 1_000;

export function udpTransport(clock: Pick<Clock, 'monotonic'>, random: Random): BfdTransport {
  let subnets: readonly Subnet[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    isOnLink(address) {
      if (clock.monotonic() - readAtMs > SUBNETS_LIFE_MS) {
        subnets = readSubnets();
        readAtMs = clock.monotonic();
      }
      return subnets.some((subnet) => holds(subnet, address));
    },
    open: (path) => openSender(path, random),
    listen(family, hops, received) {
      const receiveBufferBytes = RECEIVE_BUFFER_BYTES;
      const socket = openUdp({ family, port: PORTS[hops], receiveBufferBytes });
      socket.receive(MAX_PACKET_BYTES, received);
      return socket;
    },
  };
}

function openSender({ local, remote, device, hops }: Path, random: Random): UdpSocket {
  for (let attempt = 1; ; attempt++) {
    try {
      return openUdp({
        family: remote.family,
        address: local,
        port: MIN_SOURCE_PORT + Math.floor(random() * SOURCE_PORTS),
        ttl: TTL,
        remote: { address: remote, port: PORTS[hops] },
        ...(device !== undefined && { device }),
      });
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || attempt === MAX_PORT_ATTEMPTS) throw error;
    }
  }
}

type Subnet = ReturnType<typeof parseInterfaceAddress>;

function readSubnets(): Subnet[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ cidr }) => (cidr === null ? [] : [parseInterfaceAddress(cidr)]));
}

function holds({ address, length }: Subnet, other: Address): boolean {
  return (
    address.family === other.family &&
    equalPrefixes(prefixOf(address, length), prefixOf(other, length))
  );
}
