#include "wire.h"

#include <string.h>

#define AS_TRANS 23456

void put_header(uint8_t *out, uint8_t type, uint16_t length)
{
    memset(out, 0xff, 16);
    put16(out + 16, length);
    out[18] = type;
}

size_t put_open(uint8_t *out, uint32_t as, uint16_t hold_time, uint32_t router_id)
{
    uint8_t capabilities[] = {
        1, 4, 0, 1, 0, 1,  /* multiprotocol: IPv4 unicast */
        2, 0,              /* route refresh */
        65, 4, 0, 0, 0, 0, /* AS numbers of four octets */
    };
    put32(capabilities + sizeof capabilities - 4, as);
    uint8_t *body = out + HEADER;
    body[0] = 4;
    put16(body + 1, as > 0xffff ? AS_TRANS : (uint16_t)as);
    put16(body + 3, hold_time);
    put32(body + 5, router_id);
    body[9] = sizeof capabilities + 2;
    body[10] = 2; /* capabilities */
    body[11] = sizeof capabilities;
    memcpy(body + 12, capabilities, sizeof capabilities);
    uint16_t length = HEADER + 12 + sizeof capabilities;
    put_header(out, OPEN, length);
    return length;
}

size_t put_keepalive(uint8_t *out)
{
    put_header(out, KEEPALIVE, HEADER);
    return HEADER;
}

int message_length(const uint8_t *in, size_t available)
{
    if (available < HEADER) return 0;
    int length = get16(in + 16);
    if (length < HEADER || length > LARGEST_MESSAGE || in[0] != 0xff) return -1;
    return (size_t)length <= available ? length : 0;
}
