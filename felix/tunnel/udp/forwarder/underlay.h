/* The UDP sockets between nodes, one a family. */
#ifndef UNDERLAY_H
#define UNDERLAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* What UDP_SEGMENT takes: UDP_MAX_SEGMENTS of kernels before 6.9, and the payload that an IPv4 packet has room for. */
#define MAX_SEGMENTS 64
#define MAX_PAYLOAD 65507

struct underlay {
  int ipv4, ipv6; /* -1 where the host is without the family */
  uint16_t port;  /* both ends' */
};

/* Ends the program if a socket can't be had. */
struct underlay open_underlay(uint16_t port);

/* Sets the options of sockets that another forwarder opened, which may be of another version. Ends the program if it can't. */
void adopt_underlay(const struct underlay *underlay);

/*
 * Sends the parts to a node by one system call: as datagrams of `size` octets each and the last with what is left, or as
 * one if `size` is 0. `local` is the address to send from, unspecified if the kernel may choose. errno, or 0.
 */
int send_datagrams(const struct underlay *underlay, const struct in6_addr *node, const struct in6_addr *local,
                   struct iovec *parts, size_t count, uint16_t size);

/* Datagrams of `size` octets each, the last with what is left, from one sender. */
struct arrival {
  struct in6_addr sender;
  uint16_t port;
  size_t length, size;
};

/* What waits on the socket, at most `capacity` octets of it. False: nothing does. */
bool receive_datagrams(int socket, uint8_t *bytes, size_t capacity, struct arrival *arrival);

#endif
