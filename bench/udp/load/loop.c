/*
 * The plain UDP tunnel, Flannel's way: one packet a system call, on either side. Nothing is checked.
 *
 *   loop DEVICE PORT PEER
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 64 /* packets of one side before the other gets its turn, as the forwarder does */
#define MAX_PACKET 65535

static int open_tun(const char *device) {
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  if (tun < 0) err(1, "/dev/net/tun");
  strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  if (ioctl(tun, TUNSETIFF, &request) < 0) err(1, "%s", device);
  return tun;
}

static int open_udp(uint16_t port) {
  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const int buffer = 4 << 20;
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (udp < 0 || bind(udp, (struct sockaddr *)&here, sizeof here) < 0) err(1, "UDP port %u", port);
  setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  return udp;
}

int main(int count, char **arguments) {
  if (count != 4) errx(2, "usage: loop DEVICE PORT PEER");
  uint16_t port = (uint16_t)atoi(arguments[2]);
  int tun = open_tun(arguments[1]), udp = open_udp(port);
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, arguments[3], &peer.sin_addr) != 1) errx(2, "%s is no IPv4 address", arguments[3]);
  struct pollfd ready[] = {{.fd = tun, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
  static char packet[MAX_PACKET];
  for (;;) {
    if (poll(ready, 2, -1) < 0) err(1, "poll");
    for (int i = 0; i < BURST && ready[1].revents; i++) {
      ssize_t length = recv(udp, packet, sizeof packet, 0);
      if (length <= 0) break;
      (void)!write(tun, packet, (size_t)length);
    }
    for (int i = 0; i < BURST && ready[0].revents; i++) {
      ssize_t length = read(tun, packet, sizeof packet);
      if (length <= 0) break;
      (void)!sendto(udp, packet, (size_t)length, 0, (struct sockaddr *)&peer, sizeof peer);
    }
  }
}
