/* What the forwarder has seen, and the Unix socket where that can be asked. Packets are inner ones, of the wire's size. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <poll.h>
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

/* The listener and those who are connected. */
#define MAX_CLIENTS 8
#define COUNTER_SOCKETS (1 + MAX_CLIENTS)

/* Whatever lies at the path is replaced. Ends the program if that fails. */
void listen_for_clients(const char *path);

/* Names the sockets to poll. */
void list_clients(struct pollfd sockets[COUNTER_SOCKETS]);

/* Answers those of whom poll(2) said something: any byte is a question, the answer ends with an empty line. */
void answer_clients(const struct pollfd sockets[COUNTER_SOCKETS]);

#endif
