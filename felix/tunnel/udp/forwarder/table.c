#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define MAX_ENTRIES (1 << 20) /* 5,000 nodes × 4 blocks × 2 families are 40,000 */
#define MAX_LINE 256
#define IPV4_BITS 96 /* an IPv4 prefix of length n is one of 96 + n under ::ffff:0:0/96 */

/* A hash with linear probing, at most half full. Keys are masked prefixes, so that a look-up is one a length in use. */
struct entry {
  struct in6_addr prefix, node;
  uint8_t length;
  bool is_used;
};

struct map {
  struct entry *entries;
  size_t capacity, count; /* capacity is a power of two */
};

struct table {
  struct map prefixes, nodes; /* nodes: each one's address as a prefix of 128 bits */
  uint8_t lengths[129];       /* of prefixes, each once, longest first */
  size_t length_count;
  struct in6_addr local4, local6;
};

static struct in6_addr masked(const struct in6_addr *address, unsigned length) {
  struct in6_addr prefix = {0};
  memcpy(&prefix, address, length / 8);
  if (length % 8) prefix.s6_addr[length / 8] = (uint8_t)(address->s6_addr[length / 8] & (0xff00 >> length % 8));
  return prefix;
}

static bool is_same(const struct in6_addr *a, const struct in6_addr *b) { return memcmp(a, b, sizeof *a) == 0; }

/* The entry of that key, or the free one where it belongs. */
static struct entry *find(const struct map *map, const struct in6_addr *prefix, uint8_t length) {
  uint64_t high, low;
  memcpy(&high, prefix->s6_addr, 8);
  memcpy(&low, prefix->s6_addr + 8, 8);
  /* Fibonacci hashing: the upper half of the product depends on every bit of the key. */
  uint64_t hash = (high * 31 + low + length) * 0x9e3779b97f4a7c15u;
  for (size_t slot = hash >> 32;; slot++) {
    struct entry *entry = &map->entries[slot & (map->capacity - 1)];
    if (!entry->is_used || (entry->length == length && is_same(&entry->prefix, prefix))) return entry;
  }
}

static bool grow(struct map *map) {
  struct map larger = {.capacity = map->capacity ? map->capacity * 2 : 64, .count = map->count};
  larger.entries = calloc(larger.capacity, sizeof *larger.entries);
  if (!larger.entries) return false;
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].is_used) *find(&larger, &map->entries[i].prefix, map->entries[i].length) = map->entries[i];
  free(map->entries);
  *map = larger;
  return true;
}

/* False: it was there. */
static bool insert(struct map *map, const struct in6_addr *prefix, uint8_t length, const struct in6_addr *node) {
  struct entry *entry = find(map, prefix, length);
  if (entry->is_used) return false;
  *entry = (struct entry){.prefix = *prefix, .node = *node, .length = length, .is_used = true};
  map->count++;
  return true;
}

static bool has_room(struct map *map) { return map->count * 2 < map->capacity || grow(map); }

static bool read_address(const char *text, struct in6_addr *address) {
  struct in_addr ipv4;
  if (inet_pton(AF_INET, text, &ipv4) == 1) {
    *address = mapped(ipv4);
    return true;
  }
  return inet_pton(AF_INET6, text, address) == 1 && !IN6_IS_ADDR_V4MAPPED(address);
}

static bool read_prefix(char *text, struct in6_addr *prefix, uint8_t *length) {
  char *slash = strchr(text, '/'), *end;
  if (!slash) return false;
  *slash = '\0';
  bool is_address = read_address(text, prefix);
  *slash = '/';
  if (!is_address || slash[1] < '0' || slash[1] > '9') return false;
  unsigned long bits = strtoul(slash + 1, &end, 10);
  unsigned offset = IN6_IS_ADDR_V4MAPPED(prefix) ? IPV4_BITS : 0;
  if (*end || bits > 128 - offset) return false;
  *length = (uint8_t)(bits + offset);
  struct in6_addr start = masked(prefix, *length);
  return is_same(&start, prefix);
}

/* What is wrong with the line, or NULL. */
static const char *read_line(struct table *table, char *line) {
  char *rest = line;
  char *what = strtok_r(rest, " \n", &rest), *where = strtok_r(rest, " \n", &rest);
  if (!what) return NULL;
  struct in6_addr node, prefix;
  if (!where || strtok_r(rest, " \n", &rest)) return "is not \"PREFIX NODE\" or \"local ADDRESS\"";
  if (strcmp(what, "format") == 0) return atoi(where) == TABLE_FORMAT ? NULL : "is of a format that this forwarder does not know";
  if (!read_address(where, &node)) return "does not end in an address";
  if (strcmp(what, "local") == 0) {
    *(IN6_IS_ADDR_V4MAPPED(&node) ? &table->local4 : &table->local6) = node;
    return NULL;
  }
  uint8_t length;
  if (!read_prefix(what, &prefix, &length)) return "does not start with a prefix";
  if (table->prefixes.count >= MAX_ENTRIES) return "is one too many";
  if (!has_room(&table->prefixes) || !has_room(&table->nodes)) return "finds no memory";
  if (!insert(&table->prefixes, &prefix, length, &node)) return "has a prefix that an earlier line has";
  insert(&table->nodes, &node, 128, &node);
  return NULL;
}

static void list_lengths(struct table *table) {
  bool has[129] = {false};
  for (size_t i = 0; i < table->prefixes.capacity; i++)
    if (table->prefixes.entries[i].is_used) has[table->prefixes.entries[i].length] = true;
  for (int length = 128; length >= 0; length--)
    if (has[length]) table->lengths[table->length_count++] = (uint8_t)length;
}

struct table *new_table(void) {
  struct table *table = calloc(1, sizeof *table);
  if (table && grow(&table->prefixes) && grow(&table->nodes)) return table;
  fprintf(stderr, "no memory for the table\n");
  free_table(table);
  return NULL;
}

struct table *read_table(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) {
    fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
    return NULL;
  }
  struct table *table = new_table();
  char line[MAX_LINE];
  for (size_t number = 1; table && fgets(line, sizeof line, file); number++) {
    const char *fault = strchr(line, '\n') ? read_line(table, line) : "is too long, or not ended";
    if (!fault) continue;
    fprintf(stderr, "%s: line %zu %s\n", path, number, fault);
    free_table(table);
    table = NULL;
  }
  if (table && ferror(file)) {
    fprintf(stderr, "cannot read %s: %s\n", path, strerror(errno));
    free_table(table);
    table = NULL;
  }
  fclose(file);
  if (table) list_lengths(table);
  return table;
}

void free_table(struct table *table) {
  if (!table) return;
  free(table->prefixes.entries);
  free(table->nodes.entries);
  free(table);
}

bool is_node(const struct table *table, const struct in6_addr *address) {
  return find(&table->nodes, address, 128)->is_used;
}

const struct in6_addr *node_of(const struct table *table, const struct in6_addr *address) {
  /* ::ffff:0:0/96 lies in ::/0: an IPv4 address must not match an IPv6 prefix. */
  unsigned shortest = IN6_IS_ADDR_V4MAPPED(address) ? IPV4_BITS : 0;
  for (size_t i = 0; i < table->length_count && table->lengths[i] >= shortest; i++) {
    struct in6_addr prefix = masked(address, table->lengths[i]);
    const struct entry *entry = find(&table->prefixes, &prefix, table->lengths[i]);
    if (entry->is_used) return &entry->node;
  }
  return NULL;
}

const struct in6_addr *local_towards(const struct table *table, const struct in6_addr *node) {
  return IN6_IS_ADDR_V4MAPPED(node) ? &table->local4 : &table->local6;
}
