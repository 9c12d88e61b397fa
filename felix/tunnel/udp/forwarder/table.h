/*
 * Which node has which addresses, from a file that the agent writes. One entry a line:
 *
 *   format 1                     of this text; a table of another is refused
 *   local 192.0.2.1              this node's address: datagrams leave with it (one a family)
 *   10.60.1.0/26 192.0.2.2       a prefix, and the node that it is at
 *   fd60::1:0/122 2001:db8::2
 *
 * The longest prefix counts, both for where a packet goes and for whose its source is.
 */
#ifndef TABLE_H
#define TABLE_H

#include <netinet/in.h>
#include <stdbool.h>

#define TABLE_FORMAT 1

struct table;

/* An empty one. */
struct table *new_table(void);

/* NULL if the file can't be read or has a line that can't be used: said on standard error, with its number. */
struct table *read_table(const char *path);

void free_table(struct table *table);

bool is_node(const struct table *table, const struct in6_addr *address);

/* The node that has the address, or NULL. Lives as long as the table. */
const struct in6_addr *node_of(const struct table *table, const struct in6_addr *address);

/* This node's own address in the node's family; unspecified when the file names none. */
const struct in6_addr *local_towards(const struct table *table, const struct in6_addr *node);

#endif
