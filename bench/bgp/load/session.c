#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

static double seconds_of(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return seconds_of(now);
}

double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return seconds_of(now);
}

static void watch(struct load *load, struct session *session, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = session};
    if (epoll_ctl(load->epoll, operation, session->fd, &event) != 0) abort();
}

void session_drop(struct load *load, struct session *session, const char *why)
{
    if (session->fd >= 0) close(session->fd);
    session->fd = -1;
    if (session->state == ESTABLISHED) session->drops++;
    snprintf(session->why, sizeof session->why, "%s", why);
    session->state = DOWN;
    session->changed_at = load->now;
    session->out_left = session->control_length = session->in_length = 0;
}

void session_connect(struct load *load, struct session *session)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) abort();
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(session->address)};
    struct sockaddr_in peer = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(load->daemon),
        .sin_port = htons(load->port),
    };
    session->fd = fd;
    session->state = CONNECTING;
    session->changed_at = load->now;
    session->in_length = session->control_length = session->out_left = 0;
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        (connect(fd, (struct sockaddr *)&peer, sizeof peer) != 0 && errno != EINPROGRESS)) {
        session_drop(load, session, strerror(errno));
        return;
    }
    watch(load, session, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

/* Sends what can be sent; asks epoll to tell when more can. */
static void flush(struct load *load, struct session *session)
{
    while (session->control_length > 0) {
        ssize_t sent = write(session->fd, session->control, session->control_length);
        if (sent <= 0) goto blocked;
        session->control_length -= (size_t)sent;
        memmove(session->control, session->control + sent, session->control_length);
    }
    while (session->out_left > 0) {
        ssize_t sent = write(session->fd, session->out, session->out_left);
        if (sent <= 0) goto blocked;
        session->out += sent;
        session->out_left -= (size_t)sent;
        session->said_at = load->now;
    }
    watch(load, session, EPOLL_CTL_MOD, EPOLLIN);
    return;
blocked:
    if (errno == EAGAIN) watch(load, session, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    else session_drop(load, session, strerror(errno));
}

void session_control(struct load *load, struct session *session, const uint8_t *message, size_t length)
{
    if (session->fd < 0) return;
    if (session->control_length + length > sizeof session->control) abort();
    memcpy(session->control + session->control_length, message, length);
    session->control_length += length;
    session->said_at = load->now;
    flush(load, session);
}

void session_announce(struct load *load, struct session *session, const uint8_t *bytes, size_t size)
{
    session->out = bytes;
    session->out_left = size;
    flush(load, session);
}

static void set_held(struct load *load, struct session *session, uint32_t index, bool is_held)
{
    uint64_t bit = 1ull << (index & 63);
    uint64_t *word = &session->held[index >> 6];
    bool was_held = (*word & bit) != 0;
    if (was_held != is_held) {
        *word ^= bit;
        session->held_count += is_held ? 1 : -1u;
    }
    load->changed(session, index, is_held);
}

/* 0: the attributes have no AS_PATH, or an empty one. */
static uint32_t last_as(const uint8_t *at, const uint8_t *end)
{
    while (at + 3 <= end) {
        size_t header = at[0] & EXTENDED ? 4 : 3;
        size_t length = at[0] & EXTENDED ? get16(at + 2) : at[2];
        if (at + header + length > end) return 0;
        if (at[1] == 2) return length < 6 ? 0 : get32(at + header + length - 4);
        at += header + length;
    }
    return 0;
}

/* `origin`: what the attributes say; 0 for withdrawals. */
static bool take_prefixes(struct load *load, struct session *session, const uint8_t *at, const uint8_t *end, uint32_t origin)
{
    uint32_t known_set = UINT32_MAX;
    while (at < end) {
        uint8_t length = at[0];
        size_t octets = (length + 7u) / 8;
        if (length > 32 || at + 1 + octets > end) return false;
        uint8_t bytes[4] = {0};
        memcpy(bytes, at + 1, octets);
        at += 1 + octets;
        int64_t index = index_of(get32(bytes), length);
        if (index < 0 || index >= load->table_size) {
            load->wrong++;
            continue;
        }
        uint32_t set = origin ? set_of((uint32_t)index) : known_set;
        if (set != known_set && origin_as(set) != origin) load->wrong++;
        known_set = set;
        set_held(load, session, (uint32_t)index, origin != 0);
    }
    return true;
}

static bool take_update(struct load *load, struct session *session, const uint8_t *body, size_t length)
{
    session->updates++;
    const uint8_t *end = body + length;
    if (length < 4) return false;
    size_t withdrawn = get16(body);
    const uint8_t *attributes = body + 2 + withdrawn + 2;
    if (attributes > end) return false;
    const uint8_t *announced = attributes + get16(attributes - 2);
    if (announced > end) return false;
    if (!take_prefixes(load, session, body + 2, body + 2 + withdrawn, 0)) return false;
    if (announced == end) return true;
    uint32_t origin = last_as(attributes, announced);
    if (origin == 0) {
        load->wrong++;
        return true;
    }
    return take_prefixes(load, session, announced, end, origin);
}

static void take_message(struct load *load, struct session *session, const uint8_t *message, size_t length)
{
    switch (message[18]) {
    case OPEN: {
        uint8_t keepalive[HEADER];
        session_control(load, session, keepalive, put_keepalive(keepalive));
        return;
    }
    case KEEPALIVE:
        if (session->state == OPEN_SENT) {
            session->state = ESTABLISHED;
            session->longest_silence = 0;
        }
        return;
    case UPDATE:
        if (session->receives && !take_update(load, session, message + HEADER, length - HEADER))
            session_drop(load, session, "the daemon sent an UPDATE that is malformed");
        return;
    default: {
        char why[160];
        snprintf(why, sizeof why, "the daemon sent NOTIFICATION %u/%u", message[HEADER], message[HEADER + 1]);
        session_drop(load, session, why);
    }
    }
}

void session_stamp(struct session *session)
{
    int yes = 1;
    setsockopt(session->fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
}

static ssize_t read_stamped(struct session *session, uint8_t *into, size_t room)
{
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec piece = {.iov_base = into, .iov_len = room};
    struct msghdr message = {
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t got = recvmsg(session->fd, &message, 0);
    session->arrived_at = 0;
    struct cmsghdr *note = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (note && note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(note), sizeof stamp);
        session->arrived_at = seconds_of(stamp);
    }
    return got;
}

static void receive(struct load *load, struct session *session)
{
    ssize_t got = read_stamped(session, session->in + session->in_length, sizeof session->in - session->in_length);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        session_drop(load, session, got == 0 ? "the daemon closed the connection" : strerror(errno));
        return;
    }
    load->now = monotonic_seconds();
    double silence = load->now - session->heard_at;
    if (silence > session->longest_silence) session->longest_silence = silence;
    session->heard_at = load->now;
    session->in_length += (size_t)got;
    size_t at = 0;
    while (session->fd >= 0) {
        int length = message_length(session->in + at, session->in_length - at);
        if (length < 0) {
            session_drop(load, session, "what the daemon sent is not BGP");
            return;
        }
        if (length == 0) break;
        take_message(load, session, session->in + at, (size_t)length);
        at += (size_t)length;
    }
    if (session->fd < 0) return;
    session->in_length -= at;
    memmove(session->in, session->in + at, session->in_length);
}

void session_ready(struct load *load, struct session *session, uint32_t events)
{
    if (session->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(session->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            session_drop(load, session, strerror(error));
            return;
        }
        session->state = OPEN_SENT;
        session->heard_at = load->now;
        uint8_t open[64];
        session_control(load, session, open, put_open(open, session->as, load->hold_time, session->address));
        return;
    }
    if (events & EPOLLOUT) flush(load, session);
    if (session->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(load, session);
}

void session_tick(struct load *load, struct session *session)
{
    if (session->state != ESTABLISHED) return;
    if (load->now - session->heard_at > load->hold_time) {
        session_drop(load, session, "the daemon was silent for the hold time");
        return;
    }
    /* A stream of announcements keeps a session alive by itself, and may not be broken up. */
    if (session->out_left == 0 && load->now - session->said_at > load->hold_time / 3.0) {
        uint8_t keepalive[HEADER];
        session_control(load, session, keepalive, put_keepalive(keepalive));
    }
}
