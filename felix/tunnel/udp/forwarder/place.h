/* What only one forwarder at a time has: the device, and the sockets between nodes. */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "underlay.h"

struct place {
  int tun;
  struct underlay underlay;
};

/*
 * Takes them from the forwarder that answers at the path, if this one has a table to go on with; where none does, opens
 * them. Whoever has the device is the only one who may replace what is at the path. Ends the program if it can't.
 */
struct place open_place(const char *device, uint16_t port, const char *path, bool is_apart, bool has_table);

void close_place(const struct place *place);

#endif
