/*
 * The UDP tunnel: carries packets between a TUN device and the other nodes, each bare in a UDP datagram (Flannel's
 * wire form). Where they go and who may send what is in a file that the agent writes (table.h).
 *
 *   forwarder DEVICE PORT TABLE SOCKET
 *
 * It runs by itself: without the agent it goes on with the last table, and reads a new one when a file of that name is
 * moved into place. Its end takes neither the device nor its routes away; the next one takes them up again.
 * SOCKET answers any byte with the counters, a line each, and is closed when the forwarder ends.
 *
 * A packet costs one system call on either side, whatever its size, so big ones count. The kernel hands over TCP
 * as super-packets of up to 64 KiB (IFF_VNET_HDR with TSO): their segments leave by one sendmsg (UDP_SEGMENT). What
 * arrives as one flow is received by one recvmsg (UDP_GRO), and goes to the kernel as a super-packet again.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coalesce.h"
#include "counters.h"
#include "fail.h"
#include "segment.h"
#include "table.h"
#include "underlay.h"

#define BURST 64 /* system calls on one side before the other gets its turn */

static const char *device, *table_path;
static int tun, table_changes;
static struct underlay underlay;
static struct table *table;

void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

/* ---- from the TUN device to the nodes ---- */

/* Datagrams of `size` octets, or one if that is 0. A node with several addresses sends from the one that others know. */
static int send_to(const struct in6_addr *node, struct iovec *parts, size_t count, uint16_t size) {
  return send_datagrams(&underlay, node, local_towards(table, node), parts, count, size);
}

static void send_packet(const struct in6_addr *node, struct iovec *parts, size_t count) {
  if (send_to(node, parts, count, 0) == 0) counters.sent++;
  else counters.send_failed++;
}

/* The parts are two a segment, its headers and its payload. */
static void send_segments(const struct in6_addr *node, struct iovec *parts, size_t segments, uint16_t size) {
  counters.segmented += segments;
  int error = send_to(node, parts, 2 * segments, size);
  if (error == 0) {
    counters.sent += segments;
  } else if (error == EINVAL || error == EMSGSIZE || error == EIO) {
    /* The path takes less than this size, or the device computes no checksums: one by one, fragmented if need be. */
    for (size_t i = 0; i < segments; i++) send_packet(node, parts + 2 * i, 2);
  } else {
    counters.send_failed += segments;
  }
}

/* Cuts as many segments as one sendmsg takes, sends them, and so on to the end. */
static void send_super_packet(const struct in6_addr *node, const struct super_packet *super) {
  static uint8_t headers[MAX_SEGMENTS][MAX_HEADERS];
  struct iovec parts[2 * MAX_SEGMENTS];
  uint8_t *payload = super->packet.bytes + super->headers;
  size_t whole = super->headers + super->size, at_once = MAX_PAYLOAD / whole;
  if (at_once > MAX_SEGMENTS) at_once = MAX_SEGMENTS;
  size_t end = super->packet.length - super->headers, segments = 0;
  for (size_t offset = 0; offset < end; offset += super->size) {
    size_t length = end - offset < super->size ? end - offset : super->size;
    write_segment_headers(super, offset, length, headers[segments]);
    parts[2 * segments] = (struct iovec){headers[segments], super->headers};
    parts[2 * segments + 1] = (struct iovec){payload + offset, length};
    segments++;
    if (segments < at_once && offset + length < end) continue;
    send_segments(node, parts, segments, (uint16_t)whole);
    segments = 0;
  }
}

/* The field holds the sum of the pseudo-header already: completed over the rest, as a device would. */
static bool complete_checksum(const struct packet *packet, const struct virtio_net_hdr *offload) {
  size_t start = offload->csum_start, field = start + offload->csum_offset;
  if (field + sizeof(uint16_t) > packet->length) return false;
  uint16_t sum = checksum(add_words(packet->bytes + start, packet->length - start, 0));
  /* RFC 768: zero on the wire is "no checksum". 0xffff is the same number, and TCP takes either. */
  write_checksum(packet->bytes + field, sum ? sum : 0xffff);
  return true;
}

/* One packet or super-packet of the kernel's. False: there was none. */
static bool forward_from_tun(void) {
  static struct virtio_net_hdr offload;
  static uint8_t bytes[MAX_PACKET];
  struct iovec parts[] = {{&offload, sizeof offload}, {bytes, sizeof bytes}};
  ssize_t got = readv(tun, parts, 2);
  /* EBADFD: somebody deleted the device. The next forwarder makes another. */
  if (got < 0 && errno != EAGAIN && errno != EINTR) fail("cannot read from %s: %s", device, strerror(errno));
  if (got < 0) return false;

  struct packet packet;
  struct super_packet super;
  const struct in6_addr *node;
  bool is_usable = (size_t)got > sizeof offload && read_packet(bytes, (size_t)got - sizeof offload, &packet);
  if (!is_usable) {
    counters.send_unusable++;
  } else if (!(node = node_of(table, &packet.destination))) {
    counters.send_no_node++;
  } else if (offload.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
    if (read_super_packet(&packet, offload.csum_start, offload.gso_size, &super)) send_super_packet(node, &super);
    else counters.send_unusable++;
  } else if (!(offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || complete_checksum(&packet, &offload)) {
    send_packet(node, &(struct iovec){packet.bytes, packet.length}, 1);
  } else {
    counters.send_unusable++;
  }
  return true;
}

/* ---- from the nodes to the TUN device ---- */

static void hand_on(struct run *run) {
  if (run->count == 0) return;
  complete(run);
  if (writev(tun, run->parts, (int)(1 + run->count)) < 0) {
    counters.receive_failed += run->count;
  } else {
    counters.received += run->count;
    if (run->count > 1) counters.coalesced += run->count;
  }
  run->count = 0;
}

static void take(uint8_t *bytes, size_t length, const struct in6_addr *sender, struct run *run) {
  struct packet packet;
  if (!read_packet(bytes, length, &packet)) {
    counters.receive_malformed++;
    return;
  }
  const struct in6_addr *owner = node_of(table, &packet.source);
  if (!owner || !IN6_ARE_ADDR_EQUAL(owner, sender)) {
    counters.receive_foreign_source++;
    return;
  }
  if (run->count > 0 && join(run, &packet)) return;
  hand_on(run);
  begin(run, &packet);
}

/* What one system call brings. False: nothing. */
static bool forward_from_underlay(int socket) {
  static uint8_t bytes[MAX_PACKET];
  static struct run run;
  struct arrival arrival;
  if (!receive_datagrams(socket, bytes, sizeof bytes, &arrival)) return false;
  size_t count = arrival.length == 0 ? 1 : (arrival.length + arrival.size - 1) / arrival.size;
  if (!is_node(table, &arrival.sender)) {
    counters.receive_no_node += count;
  } else if (arrival.port != underlay.port) {
    counters.receive_port += count;
  } else if (arrival.length == 0) {
    counters.receive_malformed++;
  } else {
    for (size_t at = 0; at < arrival.length; at += arrival.size) {
      size_t left = arrival.length - at;
      take(bytes + at, left < arrival.size ? left : arrival.size, &arrival.sender, &run);
    }
    hand_on(&run);
  }
  return true;
}

/* ---- the table ---- */

static void load_table(void) {
  struct table *fresh = read_table(table_path);
  if (!fresh) {
    counters.tables_refused++;
    return;
  }
  free_table(table);
  table = fresh;
  counters.tables++;
}

/* The folder is watched, since a file that is moved into place is another inode each time. */
static void watch_table(void) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s", table_path);
  table_changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (table_changes < 0 || inotify_add_watch(table_changes, dirname(folder), IN_MOVED_TO) < 0)
    fail("cannot watch the folder of %s: %s", table_path, strerror(errno));
  table = new_table();
  if (!table) exit(1);
  load_table();
}

static void hear_of_table(void) {
  char events[4096] __attribute__((aligned(8)));
  const char *slash = strrchr(table_path, '/'), *name = slash ? slash + 1 : table_path;
  bool is_new = false;
  ssize_t got;
  while ((got = read(table_changes, events, sizeof events)) > 0)
    for (char *at = events; at < events + got;) {
      const struct inotify_event *event = (const struct inotify_event *)at;
      bool is_table = event->len > 0 && strcmp(event->name, name) == 0;
      if (is_table || event->mask & IN_Q_OVERFLOW) is_new = true;
      at += sizeof *event + event->len;
    }
  if (is_new) load_table();
}

/* ---- start ---- */

static void open_device(void) {
  tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (tun < 0) fail("cannot open /dev/net/tun: %s", strerror(errno));
  /* NO_PI: no four octets of protocol before each packet, since its first nibble says it. */
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  if (strlen(device) >= sizeof request.ifr_name) fail("%s is too long for a device's name", device);
  strcpy(request.ifr_name, device);
  /* Takes up the device that an earlier forwarder left, with its addresses and routes, or makes it. */
  if (ioctl(tun, TUNSETIFF, &request) < 0) {
    if (errno == EBUSY) fail("another forwarder has the device %s", device);
    fail("cannot have the TUN device %s: %s", device, strerror(errno));
  }
  /* TSO needs CSUM: the kernel leaves checksums, too, to the device. Without ECN it cuts such flows by itself. */
  if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
    fail("the device %s takes no TCP segmentation: %s", device, strerror(errno));
  if (ioctl(tun, TUNSETPERSIST, 1) < 0) fail("cannot make %s outlive this process: %s", device, strerror(errno));
}

/* Everything privileged is open by then. */
static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capset, &header, none) < 0) fail("cannot drop capabilities: %s", strerror(errno));
}

__attribute__((noreturn)) static void forward(void) {
  enum { TUN, IPV4, IPV6, TABLE, CLIENTS };
  struct pollfd ready[CLIENTS + COUNTER_SOCKETS] = {
      [TUN] = {.fd = tun, .events = POLLIN},
      [IPV4] = {.fd = underlay.ipv4, .events = POLLIN}, /* -1, without the family: passed over */
      [IPV6] = {.fd = underlay.ipv6, .events = POLLIN},
      [TABLE] = {.fd = table_changes, .events = POLLIN},
  };
  for (;;) {
    list_clients(ready + CLIENTS);
    if (poll(ready, CLIENTS + COUNTER_SOCKETS, -1) < 0) {
      if (errno == EINTR) continue;
      fail("cannot poll: %s", strerror(errno));
    }
    if (ready[TABLE].revents) hear_of_table();
    if (ready[IPV4].revents)
      for (int i = 0; i < BURST && forward_from_underlay(underlay.ipv4); i++) {}
    if (ready[IPV6].revents)
      for (int i = 0; i < BURST && forward_from_underlay(underlay.ipv6); i++) {}
    if (ready[TUN].revents)
      for (int i = 0; i < BURST && forward_from_tun(); i++) {}
    answer_clients(ready + CLIENTS);
  }
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: forwarder DEVICE PORT TABLE SOCKET");
  char *end;
  unsigned long port = strtoul(arguments[2], &end, 10);
  if (*end || port < 1 || port > 65535) fail("%s is not a port (1–65535)", arguments[2]);
  device = arguments[1];
  table_path = arguments[3];
  /* The agent that reads our standard error may end before us. */
  signal(SIGPIPE, SIG_IGN);
  open_device(); /* first: whoever has it is the only one who may replace the socket */
  underlay = open_underlay((uint16_t)port);
  watch_table();
  listen_for_clients(arguments[4]);
  drop_capabilities();
  forward();
}
