/*
 * The UDP tunnel: carries packets between a TUN device and the other nodes, each bare in a UDP datagram (Flannel's
 * wire form). Where they go and who may send what is in a file that the agent writes (table.h).
 *
 *   forwarder [--apart] DEVICE PORT TABLE SOCKET
 *
 * It runs by itself: without the agent it goes on with the last table, and reads a new one when a file of that name is
 * moved into place. Its end takes neither the device nor its routes away; the next one takes them up again. One that is
 * started while another runs takes its place, and no packet is lost. SOCKET is where it is asked (clients.h); its
 * connections are closed when the forwarder ends.
 *
 * With --apart it is not an agent's child but a container or service of its own: it begins when there is a table, which
 * is as long as a pool needs the tunnel, and gives its place only to another such one.
 *
 * A packet costs one system call on either side, whatever its size, so big ones count. The kernel hands over TCP
 * as super-packets of up to 64 KiB (IFF_VNET_HDR with TSO): their segments leave by one sendmsg (UDP_SEGMENT). What
 * arrives as one flow is received by one recvmsg (UDP_GRO), and goes to the kernel as a super-packet again.
 */
#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clients.h"
#include "coalesce.h"
#include "counters.h"
#include "fail.h"
#include "handover.h"
#include "place.h"
#include "segment.h"
#include "table.h"
#include "underlay.h"

#define BURST 64 /* system calls on one side before the other gets its turn */
static const char *device, *table_path;
static int table_changes;
static struct place place;
static struct table *table;

/* ---- from the TUN device to the nodes ---- */

/* Datagrams of `size` octets, or one if that is 0. A node with several addresses sends from the one that others know. */
static int send_to(const struct in6_addr *node, struct iovec *parts, size_t count, uint16_t size) {
  return send_datagrams(&place.underlay, node, local_towards(table, node), parts, count, size);
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
  ssize_t got = readv(place.tun, parts, 2);
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
  if (writev(place.tun, run->parts, (int)(1 + run->count)) < 0) {
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
  } else if (arrival.port != place.underlay.port) {
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

static bool load_table(void) {
  struct table *fresh = read_table(table_path);
  if (!fresh) {
    counters.tables_refused++;
    return false;
  }
  free_table(table);
  table = fresh;
  counters.tables++;
  return true;
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
}

/* Whether a table was moved into place. */
static bool has_new_table(void) {
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
  return is_new;
}

static void wait_for_table(void) {
  struct pollfd ready = {.fd = table_changes, .events = POLLIN};
  while (access(table_path, F_OK) < 0)
    if (poll(&ready, 1, -1) > 0) has_new_table();
}

/* ---- start ---- */

/* Everything privileged is open by then. */
static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capset, &header, none) < 0) fail("cannot drop capabilities: %s", strerror(errno));
}

/* Until another forwarder has taken the place. */
static void forward(void) {
  enum { TUN, IPV4, IPV6, TABLE, CLIENTS };
  const int ipv4 = place.underlay.ipv4, ipv6 = place.underlay.ipv6;
  struct pollfd ready[CLIENTS + CLIENT_SOCKETS] = {
      [TUN] = {.fd = place.tun, .events = POLLIN},
      [IPV4] = {.fd = ipv4, .events = POLLIN}, /* -1, without the family: passed over */
      [IPV6] = {.fd = ipv6, .events = POLLIN},
      [TABLE] = {.fd = table_changes, .events = POLLIN},
  };
  for (;;) {
    list_clients(ready + CLIENTS);
    if (poll(ready, CLIENTS + CLIENT_SOCKETS, -1) < 0) {
      if (errno == EINTR) continue;
      fail("cannot poll: %s", strerror(errno));
    }
    if (ready[TABLE].revents && has_new_table()) load_table();
    if (ready[IPV4].revents)
      for (int i = 0; i < BURST && forward_from_underlay(ipv4); i++) {}
    if (ready[IPV6].revents)
      for (int i = 0; i < BURST && forward_from_underlay(ipv6); i++) {}
    if (ready[TUN].revents)
      for (int i = 0; i < BURST && forward_from_tun(); i++) {}
    int successor = answer_clients(ready + CLIENTS);
    if (successor >= 0 && hand_over(successor, &place)) return;
  }
}

/* By default the first process of a container does not end by it. */
static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(int count, char **arguments) {
  bool is_apart = count > 1 && strcmp(arguments[1], "--apart") == 0;
  if (count != (is_apart ? 6 : 5)) fail("usage: forwarder [--apart] DEVICE PORT TABLE SOCKET");
  if (is_apart) arguments++;
  char *rest;
  unsigned long port = strtoul(arguments[2], &rest, 10);
  if (*rest || port < 1 || port > 65535) fail("%s is not a port (1–65535)", arguments[2]);
  device = arguments[1];
  table_path = arguments[3];
  signal(SIGTERM, end);
  /* The agent that reads our standard error may end before us. */
  signal(SIGPIPE, SIG_IGN);
  watch_table();
  if (is_apart) wait_for_table();
  bool has_table = load_table();
  place = open_place(device, (uint16_t)port, arguments[4], is_apart, has_table);
  listen_for_clients(arguments[4], is_apart);
  drop_capabilities();
  forward();
  close_place(&place);
  close_clients();
  /* Whoever runs it would start it again, and it would take the place back. */
  while (is_apart) pause();
}
