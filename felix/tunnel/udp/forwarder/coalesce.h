/*
 * Joins TCP packets that follow one another into the super-packet from which they were cut: what the kernel's
 * tcp_gro_receive does for a device. Their payloads stay where they are: the super-packet is a list of parts.
 */
#ifndef COALESCE_H
#define COALESCE_H

#include <linux/virtio_net.h>
#include <sys/uio.h>

#include "packet.h"

#define MAX_JOINED 128 /* no datagram buffer has more: the kernel's UDP_MAX_SEGMENTS */

struct run {
  struct packet first; /* its headers become those of the whole */
  size_t tcp, headers, size, length;
  size_t count;  /* packets in it; 0: empty */
  bool is_ended; /* the last one had less payload, or PSH */
  struct virtio_net_hdr offload;
  struct iovec parts[1 + MAX_JOINED]; /* `offload`, then a part a packet */
};

/* False, and nothing changed: the packet does not continue the run, which is then to be handed on and begun anew. */
bool join(struct run *run, const struct packet *packet);

/* Begins an empty run with whatever packet it is. */
void begin(struct run *run, const struct packet *packet);

/* Completes the headers, for `parts` to be written to a TUN device with IFF_VNET_HDR. */
void complete(struct run *run);

#endif
