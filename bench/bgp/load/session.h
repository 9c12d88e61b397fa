/* One BGP session of the load with the daemon under test: as little of a speaker as can be. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum state { DOWN, CONNECTING, OPEN_SENT, ESTABLISHED };

struct session {
    /* What it is. */
    uint32_t address; /* own, on the cable to the daemon; the router id too */
    uint32_t as;
    uint32_t first, count; /* of the table: what it announces */
    bool receives;         /* what it is told is counted; else only framed and dropped */

    /* How it is. */
    int fd;
    enum state state;
    double changed_at; /* when it began to connect, or went down */
    double heard_at, said_at;
    double arrived_at;      /* what was read last, at this host: seconds of the wall clock; 0 unless stamped */
    double longest_silence; /* seconds between two messages of the daemon, since `forget_silence` */
    unsigned drops;         /* how often it ended after it was Established */
    char why[160];          /* why it ended last */

    const uint8_t *out; /* announcements on their way */
    size_t out_left;
    uint8_t control[512]; /* OPEN, KEEPALIVE and withdrawals: they go first */
    size_t control_length;
    uint8_t in[65536];
    size_t in_length;

    /* What it was told: a bit a prefix of the table. */
    uint64_t *held;
    uint32_t held_count;
    uint64_t updates;
};

/* Of all sessions. */
struct load {
    uint32_t daemon;
    uint16_t port;
    uint32_t daemon_as;
    uint16_t hold_time;
    uint32_t table_size; /* every index is below */
    struct session *sessions;
    size_t count;
    int epoll;
    double now; /* read once a turn, and after each read from a socket */
    uint64_t wrong; /* prefixes that are not of the table, or came with another's attributes */
    /* Called for each prefix that a receiver learns or loses. */
    void (*changed)(struct session *session, uint32_t index, bool is_held);
};

double monotonic_seconds(void);
double wall_seconds(void);

void session_connect(struct load *load, struct session *session);
/* The TCP connection ends at once, as when a peer dies. Nobody connects it again. */
void session_drop(struct load *load, struct session *session, const char *why);
/* To be called when epoll says so. */
void session_ready(struct load *load, struct session *session, uint32_t events);
/* KEEPALIVEs and the hold time: to be called some times a second. */
void session_tick(struct load *load, struct session *session);

/*
 * From now on the kernel says when what is read had arrived. That it waited until this process came
 * to read it, behind hundreds of others, is then not held against the daemon.
 */
void session_stamp(struct session *session);

/* `bytes` must live until all of it is sent. */
void session_announce(struct load *load, struct session *session, const uint8_t *bytes, size_t size);
void session_control(struct load *load, struct session *session, const uint8_t *message, size_t length);

#endif
