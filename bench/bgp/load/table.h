/*
 * The routes of the benchmark: a table that nobody stores. Everything about a prefix or an attribute
 * set follows from its number, so that a receiver knows what it should have been told.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>

/* 7 of 10 are /24, 2 are /23, 1 is /22: 10 prefixes lie in each /20 from 16.0.0.0 on. */
struct prefix {
    uint32_t address;
    uint8_t length;
};

struct prefix prefix_at(uint32_t index);

/* -1: no prefix of the table. */
int64_t index_of(uint32_t address, uint8_t length);

/* Prefixes of one set have the same attributes: sets of 1, 2, 3, 5, 8 and 11 prefixes, 5 in the mean. */
uint32_t set_of(uint32_t index);

/* The last AS number of the path of a set, whoever announces it. */
uint32_t origin_as(uint32_t set);

struct announcer {
    uint32_t address;
    uint32_t as;
    int internal; /* iBGP: LOCAL_PREF, and the own AS is not in the path */
};

/*
 * Encodes the UPDATE messages that announce [first, first + count), one set a message.
 * Returns a buffer that the caller frees; *size is its length.
 */
uint8_t *encode_announcements(const struct announcer *from, uint32_t first, uint32_t count, size_t *size);

/* One UPDATE that withdraws one prefix; out has room for 64 octets. Returns its length. */
size_t encode_withdrawal(uint32_t index, uint8_t *out);

#endif
