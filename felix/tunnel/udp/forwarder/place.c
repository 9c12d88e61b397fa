#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fail.h"
#include "handover.h"

#define TRY_EVERY_US 10000
#define MAX_TRIES 500

/* What this version wants of the device, whoever made it. */
static void adopt_device(int tun, const char *device) {
  /* TSO needs CSUM: the kernel leaves checksums, too, to the device. Without ECN it cuts such flows by itself. */
  if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
    fail("the device %s takes no TCP segmentation: %s", device, strerror(errno));
  if (ioctl(tun, TUNSETPERSIST, 1) < 0) fail("cannot make %s outlive this process: %s", device, strerror(errno));
}

/* -1: another forwarder has it. */
static int open_device(const char *device) {
  int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (tun < 0) fail("cannot open /dev/net/tun: %s", strerror(errno));
  /* NO_PI: no four octets of protocol before each packet, since its first nibble says it. */
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  if (strlen(device) >= sizeof request.ifr_name) fail("%s is too long for a device's name", device);
  strcpy(request.ifr_name, device);
  /* Takes up the device that an earlier forwarder left, with its addresses and routes, or makes it. */
  if (ioctl(tun, TUNSETIFF, &request) == 0) return tun;
  if (errno != EBUSY) fail("cannot have the TUN device %s: %s", device, strerror(errno));
  close(tun);
  return -1;
}

struct place open_place(const char *device, uint16_t port, const char *path, bool is_apart, bool has_table) {
  struct place place = {0};
  for (int tries = 0; tries < MAX_TRIES; tries++) {
    int other = find_forwarder(path);
    if (other >= 0) {
      if (!has_table) fail("another forwarder has the device %s, and a table that it can use", device);
      place = take_over(other, is_apart, port);
      adopt_device(place.tun, device);
      adopt_underlay(&place.underlay);
      return place;
    }
    place.tun = open_device(device);
    if (place.tun >= 0) {
      adopt_device(place.tun, device);
      place.underlay = open_underlay(port);
      return place;
    }
    /* It is about to listen. */
    usleep(TRY_EVERY_US);
  }
  fail("another forwarder has the device %s, and does not answer at %s", device, path);
}

void close_place(const struct place *place) {
  close(place->tun);
  if (place->underlay.ipv4 >= 0) close(place->underlay.ipv4);
  if (place->underlay.ipv6 >= 0) close(place->underlay.ipv6);
}
