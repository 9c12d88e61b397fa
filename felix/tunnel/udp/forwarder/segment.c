#include "segment.h"

#include <string.h>

bool read_super_packet(const struct packet *packet, size_t tcp, size_t size, struct super_packet *super) {
  size_t shortest = packet->is_ipv4 ? IPV4_HEADER : IPV6_HEADER;
  if (size == 0 || tcp < shortest || tcp + TCP_HEADER > packet->length) return false;
  size_t header = (packet->bytes[tcp + TCP_DATA_OFFSET] >> 4) * 4u;
  *super = (struct super_packet){.packet = *packet, .tcp = tcp, .headers = tcp + header, .size = size};
  return header >= TCP_HEADER && super->headers <= MAX_HEADERS && super->headers < packet->length;
}

void write_segment_headers(const struct super_packet *super, size_t offset, size_t length, uint8_t *headers) {
  const uint8_t *payload = super->packet.bytes + super->headers + offset;
  bool is_first = offset == 0, is_last = super->headers + offset + length == super->packet.length;
  memcpy(headers, super->packet.bytes, super->headers);
  if (super->packet.is_ipv4) {
    write_u16(headers + IPV4_TOTAL_LENGTH, (uint16_t)(super->headers + length));
    /* Each segment is a datagram of its own and may be fragmented: it has its own identification (RFC 791 §3.2). */
    write_u16(headers + IPV4_ID, (uint16_t)(read_u16(headers + IPV4_ID) + offset / super->size));
    write_u16(headers + IPV4_CHECKSUM, 0);
    write_checksum(headers + IPV4_CHECKSUM, checksum(add_words(headers, (headers[0] & 0x0f) * 4u, 0)));
  } else {
    write_u16(headers + IPV6_PAYLOAD_LENGTH, (uint16_t)(super->headers + length - IPV6_HEADER));
  }

  uint8_t *tcp = headers + super->tcp;
  write_u32(tcp + TCP_SEQUENCE, read_u32(tcp + TCP_SEQUENCE) + (uint32_t)offset);
  /* The end of the data is at the end of the last; that the window was reduced is said once (RFC 3168 §6.1.2). */
  if (!is_last) tcp[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PSH);
  if (!is_first) tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
  /* The kernel left the sum of its pseudo-header here; it counts the whole length, so it is made anew. */
  write_u16(tcp + TCP_CHECKSUM, 0);
  size_t header = super->headers - super->tcp;
  uint64_t sum = tcp_pseudo_header(&super->packet, header + length);
  write_checksum(tcp + TCP_CHECKSUM, checksum(add_words(payload, length, add_words(tcp, header, sum))));
}
