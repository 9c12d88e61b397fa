#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

bool read_packet(uint8_t *bytes, size_t length, struct packet *packet) {
  if (length == 0) return false;
  packet->bytes = bytes;
  packet->length = length;
  packet->is_ipv4 = bytes[0] >> 4 == 4;
  if (packet->is_ipv4) {
    size_t header = (bytes[0] & 0x0f) * 4u;
    if (length < IPV4_HEADER || header < IPV4_HEADER || header > length) return false;
    /* More octets than the packet says it has would reach the pod's node unseen by any check: not a bare packet. */
    if (read_u16(bytes + IPV4_TOTAL_LENGTH) != length) return false;
    if (checksum(add_words(bytes, header, 0)) != 0) return false;
    struct in_addr address;
    memcpy(&address, bytes + IPV4_SOURCE, sizeof address);
    packet->source = mapped(address);
    memcpy(&address, bytes + IPV4_DESTINATION, sizeof address);
    packet->destination = mapped(address);
    return true;
  }
  if (bytes[0] >> 4 != 6 || length < IPV6_HEADER) return false;
  if (read_u16(bytes + IPV6_PAYLOAD_LENGTH) + (size_t)IPV6_HEADER != length) return false;
  memcpy(&packet->source, bytes + IPV6_SOURCE, sizeof packet->source);
  memcpy(&packet->destination, bytes + IPV6_DESTINATION, sizeof packet->destination);
  /* An IPv4-mapped address on the wire would pass for the IPv4 block of that name. */
  return !IN6_IS_ADDR_V4MAPPED(&packet->source) && !IN6_IS_ADDR_V4MAPPED(&packet->destination);
}

/* RFC 1071 §2: the sum does not depend on the width of its words, as long as no carry is lost: 32-bit words in 64 bits
 * lose none below 2^32 of them. The compiler makes vector instructions of the loop. */
uint64_t add_words(const void *bytes, size_t length, uint64_t sum) {
  const uint8_t *at = bytes;
  uint32_t word;
  for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
    memcpy(&word, at, sizeof word);
    sum += word;
  }
  if (length > 0) {
    word = 0; /* an odd octet is padded with a zero after it */
    memcpy(&word, at, length);
    sum += word;
  }
  return sum;
}

uint16_t checksum(uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return (uint16_t)~sum;
}

uint64_t tcp_pseudo_header(const struct packet *packet, size_t length) {
  uint64_t sum = htons((uint16_t)length) + (uint64_t)htons(IPPROTO_TCP);
  return packet->is_ipv4 ? add_words(packet->bytes + IPV4_SOURCE, 8, sum)
                         : add_words(packet->bytes + IPV6_SOURCE, 32, sum);
}

struct in6_addr mapped(struct in_addr address) {
  struct in6_addr wide = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}};
  memcpy(&wide.s6_addr[12], &address, sizeof address);
  return wide;
}

uint16_t read_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

uint32_t read_u32(const uint8_t *at) { return (uint32_t)read_u16(at) << 16 | read_u16(at + 2); }

void write_u16(uint8_t *at, uint16_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

void write_u32(uint8_t *at, uint32_t value) {
  write_u16(at, (uint16_t)(value >> 16));
  write_u16(at + 2, (uint16_t)value);
}

void write_checksum(uint8_t *at, uint16_t checksum) { memcpy(at, &checksum, sizeof checksum); }
