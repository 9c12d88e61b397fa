/* One IP packet, checked, and the Internet checksum (RFC 1071). */
#ifndef PACKET_H
#define PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
  uint8_t *bytes; /* from the IP header to the end of the payload */
  size_t length;
  bool is_ipv4;
  struct in6_addr source, destination; /* IPv4 as ::ffff:a.b.c.d: one form for both families */
};

/* False: not one whole IPv4 or IPv6 packet of exactly that length, or its header is damaged. Copies no payload. */
bool read_packet(uint8_t *bytes, size_t length, struct packet *packet);

/* The unfolded sum of 16-bit words in memory order, added to `sum`. Words of one sum start at even offsets. */
uint64_t add_words(const void *bytes, size_t length, uint64_t sum);

/* The checksum field for that sum, in memory order. */
uint16_t checksum(uint64_t sum);

/* The sum of the pseudo-header that TCP's checksum covers (RFC 9293 §3.1, RFC 8200 §8.1). `length`: header and data. */
uint64_t tcp_pseudo_header(const struct packet *packet, size_t length);

struct in6_addr mapped(struct in_addr address);

/* Fields of headers, which need not be aligned. */
uint16_t read_u16(const uint8_t *at);
uint32_t read_u32(const uint8_t *at);
void write_u16(uint8_t *at, uint16_t value);
void write_u32(uint8_t *at, uint32_t value);
void write_checksum(uint8_t *at, uint16_t checksum);

/* Offsets, where a struct would be read unaligned. */
enum {
  IPV4_TOTAL_LENGTH = 2,
  IPV4_ID = 4,
  IPV4_FRAGMENT = 6,
  IPV4_TTL = 8,
  IPV4_PROTOCOL = 9,
  IPV4_CHECKSUM = 10,
  IPV4_SOURCE = 12,
  IPV4_DESTINATION = 16,
  IPV4_HEADER = 20, /* without options */

  IPV6_PAYLOAD_LENGTH = 4,
  IPV6_NEXT_HEADER = 6,
  IPV6_SOURCE = 8,
  IPV6_DESTINATION = 24,
  IPV6_HEADER = 40,

  TCP_SEQUENCE = 4,
  TCP_ACKNOWLEDGEMENT = 8,
  TCP_DATA_OFFSET = 12,
  TCP_FLAGS = 13,
  TCP_WINDOW = 14,
  TCP_CHECKSUM = 16,
  TCP_URGENT = 18,
  TCP_HEADER = 20, /* without options */
};

enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_CWR = 0x80 };

#define IPV4_DONT_FRAGMENT 0x4000
#define MAX_PACKET 65535

#endif
