/*
 * The Unix socket where the forwarder is asked, by one byte each time:
 *
 *   ?        what it is and has counted: NAME VALUE a line, an empty line at the end
 *   c, a     for its place, which it then has no more (handover.h): by one that an agent started, by one that runs apart
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <poll.h>
#include <stdbool.h>

/* The listener and those who are connected. */
#define MAX_CLIENTS 8
#define CLIENT_SOCKETS (1 + MAX_CLIENTS)

/* Which program this is: what its source hashes to. */
#ifndef PROGRAM
#define PROGRAM "unnamed"
#endif

enum { ASK_COUNTERS = '?', ASK_PLACE = 'c', ASK_PLACE_APART = 'a' };

/* Whatever lies at the path is replaced, in one step. Ends the program if that fails. */
void listen_for_clients(const char *path, bool is_apart);

/* Names the sockets to poll. */
void list_clients(struct pollfd sockets[CLIENT_SOCKETS]);

/* Answers those of whom poll(2) said something. The connection of one who asks for the place and may have it, or -1. */
int answer_clients(const struct pollfd sockets[CLIENT_SOCKETS]);

/* Listens no more, and all connections end. */
void close_clients(void);

#endif
