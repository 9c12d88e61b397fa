/*
 * Throws damaged tables and damaged datagrams at the forwarder's parts; built with sanitizers, which end it at the first
 * octet read or written beside what is there. What is joined must come apart again as it was.
 *
 *   fuzz SEED ROUNDS FILE      FILE: where tables are written
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coalesce.h"
#include "segment.h"
#include "table.h"

#define MAX_SENT 200

static uint64_t state;

/* xorshift64 */
static uint32_t below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % limit;
}

__attribute__((noreturn)) static void broken(const char *what) {
  fprintf(stderr, "broken: %s\n", what);
  exit(1);
}

/* ---- tables ---- */

static const char *const LINES[] = {
    "format 1\n",           "local 192.0.2.1\n",        "local fd00::1\n", "10.60.2.0/24 192.0.2.2\n",
    "0.0.0.0/0 192.0.2.3\n", "10.60.2.7/32 192.0.2.3\n", "::/0 fd00::3\n",  "fd60:2::/64 fd00::2\n",
};

static void fuzz_table(const char *path) {
  char text[4096];
  size_t length = 0;
  for (uint32_t lines = below(20); lines > 0; lines--) {
    const char *line = LINES[below(sizeof LINES / sizeof *LINES)];
    length += (size_t)sprintf(text + length, "%s", line);
  }
  for (uint32_t faults = below(4); length > 0 && faults > 0; faults--) {
    uint32_t at = below((uint32_t)length);
    if (below(3) == 0) length = at;
    else text[at] = below(2) ? (char)below(256) : " /.:\n09f"[below(8)];
  }
  FILE *file = fopen(path, "w");
  if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0) broken("the table cannot be written");
  struct table *table = read_table(path);
  if (!table) return;
  for (int i = 0; i < 20; i++) {
    struct in6_addr address;
    for (size_t at = 0; at < sizeof address; at++) address.s6_addr[at] = (uint8_t)below(256);
    if (below(2)) address = mapped((struct in_addr){htonl(0x0a3c0200 | below(16))});
    const struct in6_addr *node = node_of(table, &address);
    if (node && !is_node(table, node)) broken("a prefix is at a node that is none");
  }
  free_table(table);
}

/* ---- packets ---- */

struct sent {
  uint8_t *bytes; /* of exactly this size: what is read beyond is found */
  size_t length;
};

static void complete_checksums(uint8_t *bytes, size_t length, bool is_ipv4, size_t tcp) {
  struct packet packet = {.bytes = bytes, .length = length, .is_ipv4 = is_ipv4};
  if (is_ipv4) {
    write_u16(bytes + IPV4_CHECKSUM, 0);
    write_checksum(bytes + IPV4_CHECKSUM, checksum(add_words(bytes, IPV4_HEADER, 0)));
  }
  write_u16(bytes + tcp + TCP_CHECKSUM, 0);
  uint64_t sum = add_words(bytes + tcp, length - tcp, tcp_pseudo_header(&packet, length - tcp));
  write_checksum(bytes + tcp + TCP_CHECKSUM, checksum(sum));
}

/* A flow's packets, one after the other, some of them damaged. */
static size_t make_flow(struct sent *flow, bool is_ipv4) {
  size_t count = 1 + below(below(10) ? 40 : MAX_SENT), options = below(11) * 4, size = 1 + below(below(4) ? 1000 : 10);
  size_t tcp = is_ipv4 ? IPV4_HEADER : IPV6_HEADER, headers = tcp + TCP_HEADER + options;
  uint32_t is_damaged = below(2), words = (TCP_HEADER + (uint32_t)options) / 4;
  if (below(20) == 0) words = below(16);
  uint32_t sequence = below(UINT32_MAX), id = below(65536), is_atomic = below(2);
  for (size_t i = 0; i < count; i++) {
    size_t payload = below(100) ? size : below(2 * (uint32_t)size), length = headers + payload;
    uint8_t *bytes = calloc(1, length);
    if (!bytes) broken("no memory");
    if (is_ipv4) {
      bytes[0] = 0x45;
      write_u16(bytes + IPV4_TOTAL_LENGTH, (uint16_t)length);
      write_u16(bytes + IPV4_ID, (uint16_t)(id + i));
      write_u16(bytes + IPV4_FRAGMENT, is_atomic ? IPV4_DONT_FRAGMENT : 0);
      bytes[IPV4_TTL] = 64;
      bytes[IPV4_PROTOCOL] = IPPROTO_TCP;
      write_u32(bytes + IPV4_SOURCE, 0x0a3c0201);
    } else {
      bytes[0] = 0x60;
      write_u16(bytes + IPV6_PAYLOAD_LENGTH, (uint16_t)(length - IPV6_HEADER));
      bytes[IPV6_NEXT_HEADER] = IPPROTO_TCP;
      bytes[IPV6_SOURCE] = 0xfd;
    }
    write_u32(bytes + tcp + TCP_SEQUENCE, sequence);
    sequence += (uint32_t)(length - tcp) - words * 4;
    bytes[tcp + TCP_DATA_OFFSET] = (uint8_t)(words << 4);
    bytes[tcp + TCP_FLAGS] = TCP_ACK | (i + 1 == count ? TCP_PSH : 0);
    for (size_t at = headers; at < length; at++) bytes[at] = (uint8_t)below(256);
    if (is_damaged && below(20) == 0) bytes[below((uint32_t)(below(2) ? headers : length))] ^= (uint8_t)(1 + below(255));
    if (!is_damaged || below(8) > 0) complete_checksums(bytes, length, is_ipv4, tcp);
    if (is_damaged && below(40) == 0) {
      length = below((uint32_t)length + 1);
      bytes = realloc(bytes, length ? length : 1);
    }
    flow[i] = (struct sent){bytes, length};
  }
  return count;
}

/* Cuts what was joined, as the sending side does, and compares with what came. */
static void take_apart(const struct run *run, const struct sent *came) {
  uint8_t *bytes = malloc(run->length), headers[MAX_HEADERS];
  size_t at = 0;
  for (size_t part = 1; part <= run->count; part++) {
    memcpy(bytes + at, run->parts[part].iov_base, run->parts[part].iov_len);
    at += run->parts[part].iov_len;
  }
  if (at != run->length) broken("the parts are not the whole");
  struct packet packet;
  struct super_packet super;
  if (!read_packet(bytes, run->length, &packet)) broken("what is joined is no packet");
  if (!read_super_packet(&packet, run->offload.csum_start, run->offload.gso_size, &super))
    broken("what is joined cannot be cut");
  size_t payload = run->length - super.headers, segment = 0;
  for (size_t offset = 0; offset < payload; offset += super.size, segment++) {
    size_t length = payload - offset < super.size ? payload - offset : super.size;
    if (segment == run->count || came[segment].length != super.headers + length) broken("another length");
    write_segment_headers(&super, offset, length, headers);
    /* RFC 6864 §4.1: of a packet that can't be fragmented the identification means nothing. */
    if (packet.is_ipv4 && read_u16(headers + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) {
      memcpy(headers + IPV4_ID, came[segment].bytes + IPV4_ID, 2);
      memcpy(headers + IPV4_CHECKSUM, came[segment].bytes + IPV4_CHECKSUM, 2);
    }
    if (memcmp(headers, came[segment].bytes, super.headers) != 0) broken("another header");
    if (memcmp(bytes + super.headers + offset, came[segment].bytes + super.headers, length) != 0)
      broken("another payload");
  }
  if (segment != run->count) broken("another number of packets");
  free(bytes);
}

static uint64_t joined;

static void fuzz_packets(void) {
  struct sent flow[MAX_SENT], copies[MAX_SENT];
  size_t count = make_flow(flow, below(2));
  for (size_t i = 0; i < count; i++) {
    copies[i] = (struct sent){malloc(flow[i].length ? flow[i].length : 1), flow[i].length};
    memcpy(copies[i].bytes, flow[i].bytes, flow[i].length);
  }
  struct run run = {0};
  size_t first = 0;
  for (size_t i = 0; i <= count; i++) {
    struct packet packet;
    bool is_packet = i < count && read_packet(flow[i].bytes, flow[i].length, &packet);
    if (is_packet && run.count > 0 && join(&run, &packet)) continue;
    if (run.count > 1) {
      joined += run.count;
      complete(&run);
      take_apart(&run, copies + first);
    }
    run.count = 0;
    if (!is_packet) continue;
    begin(&run, &packet);
    first = i;
  }
  for (size_t i = 0; i < count; i++) free(flow[i].bytes), free(copies[i].bytes);
}

/* What the kernel might say of a packet. */
static void fuzz_super_packet(void) {
  struct sent flow[MAX_SENT];
  size_t count = make_flow(flow, below(2));
  struct packet packet;
  struct super_packet super;
  uint8_t headers[MAX_HEADERS];
  if (read_packet(flow[0].bytes, flow[0].length, &packet) &&
      read_super_packet(&packet, below(120), below(2000), &super)) {
    size_t payload = packet.length - super.headers;
    for (size_t offset = 0; offset < payload; offset += super.size)
      write_segment_headers(&super, offset, payload - offset < super.size ? payload - offset : super.size, headers);
  }
  for (size_t i = 0; i < count; i++) free(flow[i].bytes);
}

int main(int count, char **arguments) {
  if (count != 4) broken("usage: fuzz SEED ROUNDS FILE");
  state = strtoull(arguments[1], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
  for (long rounds = atol(arguments[2]); rounds > 0; rounds--) {
    fuzz_packets();
    fuzz_super_packet();
    if (rounds % 10 == 0) fuzz_table(arguments[3]);
  }
  printf("joined %llu\n", (unsigned long long)joined);
}
