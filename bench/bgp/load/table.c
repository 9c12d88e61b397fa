#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define BASE 0x10000000u /* 16.0.0.0 */
#define PER_BLOCK 10u
#define LARGEST_UPDATE 512u

/* Where in its /20 (in units of /24) a prefix begins, and how long it is. */
static const uint8_t SLOT[PER_BLOCK] = {0, 4, 6, 8, 9, 10, 11, 12, 13, 14};
static const uint8_t LENGTH[PER_BLOCK] = {22, 23, 23, 24, 24, 24, 24, 24, 24, 24};
static const int8_t AT_SLOT[16] = {0, -1, -1, -1, 1, -1, 2, -1, 3, 4, 5, 6, 7, 8, 9, -1};

/* Six sets in each 30 prefixes; where each begins. */
#define PER_CYCLE 30u
#define SETS_PER_CYCLE 6u
static const uint8_t SET_START[SETS_PER_CYCLE + 1] = {0, 1, 3, 6, 11, 19, 30};

struct prefix prefix_at(uint32_t index)
{
    uint32_t which = index % PER_BLOCK;
    struct prefix prefix = {
        .address = BASE + ((index / PER_BLOCK) << 12) + ((uint32_t)SLOT[which] << 8),
        .length = LENGTH[which],
    };
    return prefix;
}

int64_t index_of(uint32_t address, uint8_t length)
{
    if (address < BASE || (address & 0xff) != 0) return -1;
    int which = AT_SLOT[(address >> 8) & 15];
    if (which < 0 || LENGTH[which] != length) return -1;
    return (int64_t)((address - BASE) >> 12) * PER_BLOCK + which;
}

uint32_t set_of(uint32_t index)
{
    uint32_t rest = index % PER_CYCLE;
    uint32_t set = 0;
    while (SET_START[set + 1] <= rest) set++;
    return index / PER_CYCLE * SETS_PER_CYCLE + set;
}

static uint32_t set_end(uint32_t set)
{
    return set / SETS_PER_CYCLE * PER_CYCLE + SET_START[set % SETS_PER_CYCLE + 1];
}

/* Any good mixer does (this one is murmur3's finalizer). */
static uint32_t mix(uint32_t a, uint32_t b)
{
    uint32_t h = (a * 0x9e3779b1u) ^ ((b + 0x7f4a7c15u) * 0x85ebca6bu);
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/* Half of the AS numbers need four octets; none is one of the benchmark's own (64512 and above). */
static uint32_t some_as(uint32_t hash)
{
    return hash & 1 ? 1000 + (hash >> 1) % 20000 : 131072 + (hash >> 1) % 270000;
}

uint32_t origin_as(uint32_t set)
{
    return some_as(mix(set, 1));
}

static size_t put_attribute(uint8_t *out, uint8_t flags, uint8_t code, const uint8_t *value, size_t length)
{
    out[0] = flags;
    out[1] = code;
    out[2] = (uint8_t)length;
    memcpy(out + 3, value, length);
    return 3 + length;
}

static size_t put_u32_attribute(uint8_t *out, uint8_t flags, uint8_t code, uint32_t value)
{
    uint8_t bytes[4];
    put32(bytes, value);
    return put_attribute(out, flags, code, bytes, sizeof bytes);
}

static size_t put_attributes(uint8_t *out, const struct announcer *from, uint32_t set)
{
    uint32_t hash = mix(set, from->as ^ from->address);
    uint8_t *at = out;
    uint8_t origin = hash % 16 == 0 ? 2 : 0;
    at += put_attribute(at, TRANSITIVE, 1, &origin, 1);

    /* 2 to 6 AS numbers. */
    uint8_t path[2 + 6 * 4];
    uint32_t hops = 2 + (hash >> 4) % 5;
    path[0] = 2; /* AS_SEQUENCE */
    path[1] = (uint8_t)hops;
    for (uint32_t i = 0; i < hops; i++) {
        uint32_t as = i == hops - 1 ? origin_as(set) : some_as(mix(set / 4 + i, from->as + i));
        if (i == 0 && !from->internal) as = from->as;
        put32(path + 2 + 4 * i, as);
    }
    at += put_attribute(at, TRANSITIVE, 2, path, 2 + 4 * hops);
    at += put_u32_attribute(at, TRANSITIVE, 3, from->address);
    if (((hash >> 8) & 7) == 0)
        at += put_u32_attribute(at, OPTIONAL, 4, hash >> 16);
    if (from->internal) at += put_u32_attribute(at, TRANSITIVE, 5, 100);
    if ((hash >> 11) & 1) {
        uint8_t communities[4 * 4];
        uint32_t count = 1 + (hash >> 12) % 4;
        for (uint32_t i = 0; i < count; i++) put32(communities + 4 * i, mix(hash % 4096, i) | 0x01000000u);
        /* None of the well-known ones, 0xffff....: they would keep routes from being passed on. */
        for (uint32_t i = 0; i < count; i++) communities[4 * i] &= 0x7f;
        at += put_attribute(at, OPTIONAL | TRANSITIVE, 8, communities, 4 * count);
    }
    return (size_t)(at - out);
}

static size_t put_prefix(uint8_t *out, uint32_t index)
{
    struct prefix prefix = prefix_at(index);
    out[0] = prefix.length;
    uint8_t bytes[4];
    put32(bytes, prefix.address);
    size_t octets = (prefix.length + 7u) / 8;
    memcpy(out + 1, bytes, octets);
    return 1 + octets;
}

uint8_t *encode_announcements(const struct announcer *from, uint32_t first, uint32_t count, size_t *size)
{
    uint32_t end = first + count;
    size_t sets = count == 0 ? 0 : set_of(end - 1) - set_of(first) + 1;
    uint8_t *buffer = malloc(sets * LARGEST_UPDATE + 1);
    if (!buffer) abort();
    uint8_t *at = buffer;
    for (uint32_t index = first; index < end;) {
        uint32_t set = set_of(index);
        uint32_t last = set_end(set) < end ? set_end(set) : end;
        uint8_t *message = at;
        uint8_t *attributes = message + HEADER + 4;
        size_t length = put_attributes(attributes, from, set);
        put16(message + HEADER, 0); /* nothing is withdrawn */
        put16(message + HEADER + 2, (uint16_t)length);
        at = attributes + length;
        for (; index < last; index++) at += put_prefix(at, index);
        put_header(message, UPDATE, (uint16_t)(at - message));
    }
    *size = (size_t)(at - buffer);
    return buffer;
}

size_t encode_withdrawal(uint32_t index, uint8_t *out)
{
    size_t length = put_prefix(out + HEADER + 2, index);
    put16(out + HEADER, (uint16_t)length);
    put16(out + HEADER + 2 + length, 0);
    put_header(out, UPDATE, (uint16_t)(HEADER + 4 + length));
    return HEADER + 4 + length;
}
