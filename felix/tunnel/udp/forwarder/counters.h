/* What the forwarder has seen. Packets are inner ones, of the wire's size. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

#define COUNTERS(X)                                                              \
  X(sent, "packets that left in datagrams")                                      \
  X(received, "packets that came in datagrams and went to the kernel")           \
  X(segmented, "of those sent: cut from a TCP super-packet of the kernel's")     \
  X(coalesced, "of those received: went to the kernel as parts of one")          \
  X(send_no_node, "dropped: no node has the destination")                        \
  X(send_unusable, "dropped: what the kernel gave is not one packet")            \
  X(send_failed, "dropped: the underlay does not take it")                       \
  X(receive_no_node, "dropped: the datagram's sender is no node")                \
  X(receive_port, "dropped: it did not come from the port that nodes send from") \
  X(receive_malformed, "dropped: not one whole IP packet")                       \
  X(receive_foreign_source, "dropped: its source is not of the sending node")    \
  X(receive_failed, "dropped: the kernel does not take it")                      \
  X(tables, "tables read")                                                       \
  X(tables_refused, "tables that could not be used: the one before stays")

struct counters {
#define FIELD(name, meaning) uint64_t name; /* meaning */
  COUNTERS(FIELD)
#undef FIELD
};

extern struct counters counters;

#endif
