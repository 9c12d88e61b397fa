#include "coalesce.h"

#include <string.h>

/* Where the payload of a TCP packet that may be joined starts, or 0. `tcp`: where its TCP header does. */
static size_t joinable(const struct packet *packet, size_t *tcp) {
  const uint8_t *bytes = packet->bytes;
  if (packet->is_ipv4) {
    /* Neither options nor fragments: 0x45, and no offset and no "more fragments". */
    bool is_plain = bytes[0] == 0x45 && (read_u16(bytes + IPV4_FRAGMENT) & ~IPV4_DONT_FRAGMENT) == 0;
    if (!is_plain || bytes[IPV4_PROTOCOL] != IPPROTO_TCP) return 0;
    *tcp = IPV4_HEADER;
  } else {
    if (bytes[IPV6_NEXT_HEADER] != IPPROTO_TCP) return 0;
    *tcp = IPV6_HEADER;
  }
  if (packet->length < *tcp + TCP_HEADER) return 0;
  size_t header = (bytes[*tcp + TCP_DATA_OFFSET] >> 4) * 4u;
  if (header < TCP_HEADER || *tcp + header >= packet->length) return 0;
  /* Anything but data and its acknowledgement means something at the place where it is. */
  if ((bytes[*tcp + TCP_FLAGS] & ~TCP_PSH) != TCP_ACK) return 0;
  /* The kernel makes the checksums of a super-packet's segments anew, so a wrong one must not get into it. */
  size_t length = packet->length - *tcp;
  if (checksum(add_words(bytes + *tcp, length, tcp_pseudo_header(packet, length))) != 0) return 0;
  return *tcp + header;
}

/* Whether all that a segment repeats of its super-packet's headers is the same. */
static bool continues(const struct run *run, const struct packet *packet) {
  const uint8_t *a = run->first.bytes, *b = packet->bytes;
  if (run->first.is_ipv4) {
    bool is_atomic = (read_u16(a + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) != 0;
    uint16_t id = (uint16_t)(read_u16(a + IPV4_ID) + run->count);
    /* RFC 6864 §4.1: the identification of a packet that can't be fragmented means nothing. */
    if (!is_atomic && read_u16(b + IPV4_ID) != id) return false;
    if (memcmp(a, b, IPV4_TOTAL_LENGTH) != 0) return false; /* version and traffic class */
    if (memcmp(a + IPV4_FRAGMENT, b + IPV4_FRAGMENT, IPV4_CHECKSUM - IPV4_FRAGMENT) != 0) return false;
    if (memcmp(a + IPV4_SOURCE, b + IPV4_SOURCE, 8) != 0) return false;
  } else {
    if (memcmp(a, b, IPV6_PAYLOAD_LENGTH) != 0) return false; /* version, traffic class and flow label */
    if (memcmp(a + IPV6_NEXT_HEADER, b + IPV6_NEXT_HEADER, IPV6_HEADER - IPV6_NEXT_HEADER) != 0) return false;
  }
  a += run->tcp, b += run->tcp;
  size_t options = run->headers - run->tcp - TCP_HEADER;
  return memcmp(a, b, TCP_SEQUENCE) == 0 /* ports */
         && read_u32(b + TCP_SEQUENCE) == read_u32(a + TCP_SEQUENCE) + (uint32_t)(run->length - run->headers) &&
         memcmp(a + TCP_ACKNOWLEDGEMENT, b + TCP_ACKNOWLEDGEMENT, TCP_FLAGS - TCP_ACKNOWLEDGEMENT) == 0 &&
         memcmp(a + TCP_WINDOW, b + TCP_WINDOW, 2) == 0 && memcmp(a + TCP_URGENT, b + TCP_URGENT, 2) == 0 &&
         memcmp(a + TCP_HEADER, b + TCP_HEADER, options) == 0;
}

static bool has_push(const struct packet *packet, size_t tcp) { return packet->bytes[tcp + TCP_FLAGS] & TCP_PSH; }

void begin(struct run *run, const struct packet *packet) {
  run->first = *packet;
  run->length = packet->length;
  run->count = 1;
  run->tcp = 0;
  run->headers = joinable(packet, &run->tcp);
  run->size = packet->length - run->headers;
  run->is_ended = run->headers == 0 || has_push(packet, run->tcp);
  run->offload = (struct virtio_net_hdr){0}; /* one packet: as it came, its checksum for its receiver to verify */
  run->parts[0] = (struct iovec){&run->offload, sizeof run->offload};
  run->parts[1] = (struct iovec){packet->bytes, packet->length};
}

bool join(struct run *run, const struct packet *packet) {
  if (run->is_ended || run->count == MAX_JOINED || packet->is_ipv4 != run->first.is_ipv4) return false;
  size_t tcp = 0, headers = joinable(packet, &tcp), size = packet->length - headers;
  if (headers != run->headers || size > run->size || run->length + size > MAX_PACKET) return false;
  if (!continues(run, packet)) return false;
  run->is_ended = size < run->size || has_push(packet, tcp);
  /* PSH of the last is the whole's. */
  run->first.bytes[tcp + TCP_FLAGS] |= packet->bytes[tcp + TCP_FLAGS] & TCP_PSH;
  run->length += size;
  run->parts[1 + run->count++] = (struct iovec){packet->bytes + headers, size};
  return true;
}

void complete(struct run *run) {
  if (run->count < 2) return;
  uint8_t *bytes = run->first.bytes, *tcp = bytes + run->tcp;
  if (run->first.is_ipv4) {
    write_u16(bytes + IPV4_TOTAL_LENGTH, (uint16_t)run->length);
    write_u16(bytes + IPV4_CHECKSUM, 0);
    write_checksum(bytes + IPV4_CHECKSUM, checksum(add_words(bytes, IPV4_HEADER, 0)));
  } else {
    write_u16(bytes + IPV6_PAYLOAD_LENGTH, (uint16_t)(run->length - IPV6_HEADER));
  }
  /* VIRTIO 1.2 §5.1.6.2: with NEEDS_CSUM the field holds the sum of the pseudo-header, not complemented. */
  write_checksum(tcp + TCP_CHECKSUM, (uint16_t)~checksum(tcp_pseudo_header(&run->first, run->length - run->tcp)));
  run->offload = (struct virtio_net_hdr){
      .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
      .gso_type = run->first.is_ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
      .hdr_len = (uint16_t)run->headers,
      .gso_size = (uint16_t)run->size,
      .csum_start = (uint16_t)run->tcp,
      .csum_offset = TCP_CHECKSUM,
  };
}
