#include "underlay.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fail.h"
#include "packet.h"

#define SOCKET_BUFFER (4 << 20)
/* A full buffer empties as fast as the device sends; a device that hangs is not waited for longer than this. */
#define SEND_DEADLINE_MS 100

union address {
  struct sockaddr any;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
};

static void set_options(int fd, int family) {
  const int on = 1, buffer = SOCKET_BUFFER, may_fragment = IP_PMTUDISC_DONT;
  const struct timeval deadline = {.tv_usec = SEND_DEADLINE_MS * 1000};
  /* The device's MTU leaves room for the outer headers; where a path is narrower, routers fragment. */
  bool is_set = family == AF_INET6 ||
                setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &may_fragment, sizeof may_fragment) == 0;
  is_set &= setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) == 0;
  /* FORCE: beyond net.core.rmem_max and wmem_max, whose 212,992 octets are four super-packets. */
  is_set &= setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) == 0;
  is_set &= setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) == 0;
  is_set &= setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline) == 0;
  if (!is_set) fail("cannot set the options of a UDP socket: %s", strerror(errno));
}

static int open_socket(int family, uint16_t port) {
  int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT) return -1;
  if (fd < 0) fail("cannot make a UDP socket: %s", strerror(errno));
  set_options(fd, family);
  const int on = 1;
  /* Only before it is bound. */
  if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
    fail("cannot make a UDP socket of IPv6 alone: %s", strerror(errno));
  union address here = {.any.sa_family = (sa_family_t)family};
  if (family == AF_INET) here.ipv4.sin_port = htons(port);
  else here.ipv6.sin6_port = htons(port);
  if (bind(fd, &here.any, family == AF_INET ? sizeof here.ipv4 : sizeof here.ipv6) < 0)
    fail("cannot have UDP port %u: %s", port, strerror(errno));
  return fd;
}

struct underlay open_underlay(uint16_t port) {
  return (struct underlay){.ipv4 = open_socket(AF_INET, port), .ipv6 = open_socket(AF_INET6, port), .port = port};
}

void adopt_underlay(const struct underlay *underlay) {
  if (underlay->ipv4 >= 0) set_options(underlay->ipv4, AF_INET);
  if (underlay->ipv6 >= 0) set_options(underlay->ipv6, AF_INET6);
}

int send_datagrams(const struct underlay *underlay, const struct in6_addr *node, const struct in6_addr *local,
                   struct iovec *parts, size_t count, uint16_t size) {
  union address to = {0};
  union {
    char space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof size)];
    struct cmsghdr align;
  } control = {{0}};
  struct msghdr message = {.msg_name = &to, .msg_iov = parts, .msg_iovlen = count, .msg_control = &control};
  message.msg_controllen = sizeof control; /* what CMSG_NXTHDR goes by; set to what is used at the end */
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(node);
  size_t used;
  if (is_ipv4) {
    to.ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(underlay->port)};
    memcpy(&to.ipv4.sin_addr, &node->s6_addr[12], sizeof to.ipv4.sin_addr);
    message.msg_namelen = sizeof to.ipv4;
    struct in_pktinfo from = {0};
    memcpy(&from.ipi_spec_dst, &local->s6_addr[12], sizeof from.ipi_spec_dst);
    *header = (struct cmsghdr){CMSG_LEN(sizeof from), IPPROTO_IP, IP_PKTINFO};
    memcpy(CMSG_DATA(header), &from, sizeof from);
    used = CMSG_SPACE(sizeof from);
  } else {
    to.ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(underlay->port), .sin6_addr = *node};
    message.msg_namelen = sizeof to.ipv6;
    struct in6_pktinfo from = {.ipi6_addr = *local};
    *header = (struct cmsghdr){CMSG_LEN(sizeof from), IPPROTO_IPV6, IPV6_PKTINFO};
    memcpy(CMSG_DATA(header), &from, sizeof from);
    used = CMSG_SPACE(sizeof from);
  }
  if (size > 0) {
    header = CMSG_NXTHDR(&message, header);
    *header = (struct cmsghdr){CMSG_LEN(sizeof size), SOL_UDP, UDP_SEGMENT};
    memcpy(CMSG_DATA(header), &size, sizeof size);
    used += CMSG_SPACE(sizeof size);
  }
  message.msg_controllen = used;
  return sendmsg(is_ipv4 ? underlay->ipv4 : underlay->ipv6, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

bool receive_datagrams(int socket, uint8_t *bytes, size_t capacity, struct arrival *arrival) {
  union address from;
  union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec part = {bytes, capacity};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT);
  if (got < 0) return false;
  bool is_ipv4 = from.any.sa_family == AF_INET;
  *arrival = (struct arrival){
      .sender = is_ipv4 ? mapped(from.ipv4.sin_addr) : from.ipv6.sin6_addr,
      .port = ntohs(is_ipv4 ? from.ipv4.sin_port : from.ipv6.sin6_port),
      .length = (size_t)got,
      .size = (size_t)got,
  };
  /* UDP_GRO: the size is told where several were joined. */
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
      int size;
      memcpy(&size, CMSG_DATA(header), sizeof size);
      if (size > 0) arrival->size = (size_t)size;
    }
  return true;
}
