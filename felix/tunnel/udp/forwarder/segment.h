/* Cuts a TCP super-packet into the packets that the wire takes: what the kernel's tcp_gso_segment does for a device. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "packet.h"

#define MAX_HEADERS 120 /* IPv4 and TCP with all their options; longer chains of IPv6 headers are not cut */

struct super_packet {
  struct packet packet;
  size_t tcp;     /* where the TCP header starts */
  size_t headers; /* both: what every segment begins with */
  size_t size;    /* payload of each segment; the last may have less */
};

/* Checks what the kernel says of the packet (virtio's csum_start and gso_size). False: it can't be cut. */
bool read_super_packet(const struct packet *packet, size_t tcp, size_t size, struct super_packet *super);

/* Writes the headers of the segment whose payload starts at `offset` of the super-packet's and has `length` octets. */
void write_segment_headers(const struct super_packet *super, size_t offset, size_t length, uint8_t *headers);

#endif
