/*
 * How one forwarder takes the place of another: the device and the sockets go over as they are open, with the packets that
 * wait in them, so that none is lost.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "place.h"

/* A connection to the forwarder that answers at the path, or -1. */
int find_forwarder(const char *path);

/* Ends the program when it keeps its place, or does not answer. */
struct place take_over(int forwarder, bool is_apart, uint16_t port);

/* False: who asked is gone. */
bool hand_over(int successor, const struct place *place);

#endif
