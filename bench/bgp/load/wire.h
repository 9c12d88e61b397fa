/* As much of BGP's wire as the benchmark speaks: RFC 4271, with AS numbers of four octets (RFC 6793). */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { OPEN = 1, UPDATE = 2, NOTIFICATION = 3, KEEPALIVE = 4 };
enum { OPTIONAL = 0x80, TRANSITIVE = 0x40, EXTENDED = 0x10 };
enum { HEADER = 19, LARGEST_MESSAGE = 4096 };

static inline void put16(uint8_t *out, uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static inline void put32(uint8_t *out, uint32_t value)
{
    put16(out, (uint16_t)(value >> 16));
    put16(out + 2, (uint16_t)value);
}

static inline uint16_t get16(const uint8_t *in)
{
    return (uint16_t)((in[0] << 8) | in[1]);
}

static inline uint32_t get32(const uint8_t *in)
{
    return ((uint32_t)get16(in) << 16) | get16(in + 2);
}

void put_header(uint8_t *out, uint8_t type, uint16_t length);

/* Both return the message's length; out has room for 64 octets. */
size_t put_open(uint8_t *out, uint32_t as, uint16_t hold_time, uint32_t router_id);
size_t put_keepalive(uint8_t *out);

/* 0: not all of the message is there yet; -1: this is not BGP. */
int message_length(const uint8_t *in, size_t available);

#endif
