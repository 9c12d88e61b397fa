/*
 * The fastest daemon that could be: it passes every UPDATE on to all other peers as it came, and
 * understands none. What the load measures with it is the load itself, and the kernel.
 *
 *     relay AS ROUTER_ID HOLD_SECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define MAX_PEERS 1024

static struct peer {
    int fd;
    uint8_t in[65536];
    size_t in_length;
    uint8_t *out;
    size_t out_start, out_end, out_room;
    int is_blocked;
} peers[MAX_PEERS];

static int count, epoll;
static uint32_t own_as, router_id;
static uint16_t hold_time;

static void leave(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    peer->out_start = peer->out_end = 0;
}

static void flush(struct peer *peer)
{
    while (peer->out_start < peer->out_end) {
        ssize_t sent = write(peer->fd, peer->out + peer->out_start, peer->out_end - peer->out_start);
        if (sent < 0 && errno != EAGAIN) {
            leave(peer);
            return;
        }
        if (sent < 0) break;
        peer->out_start += (size_t)sent;
    }
    if (peer->out_start == peer->out_end) peer->out_start = peer->out_end = 0;
    int is_blocked = peer->out_end > 0;
    if (is_blocked == peer->is_blocked) return;
    peer->is_blocked = is_blocked;
    struct epoll_event event = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0), .data.ptr = peer};
    epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event);
}

static void put(struct peer *peer, const uint8_t *bytes, size_t length)
{
    if (peer->out_end + length > peer->out_room) {
        peer->out_room = (peer->out_end + length) * 2;
        peer->out = realloc(peer->out, peer->out_room);
        if (!peer->out) abort();
    }
    memcpy(peer->out + peer->out_end, bytes, length);
    peer->out_end += length;
}

static void take(struct peer *from, const uint8_t *message, size_t length)
{
    uint8_t own[64];
    if (message[18] == OPEN) {
        put(from, own, put_open(own, own_as, hold_time, router_id));
        put(from, own, put_keepalive(own));
    } else if (message[18] == KEEPALIVE) {
        put(from, own, put_keepalive(own));
    } else if (message[18] == UPDATE) {
        for (int i = 0; i < count; i++)
            if (&peers[i] != from && peers[i].fd >= 0) put(&peers[i], message, length);
    }
}

static void receive(struct peer *peer)
{
    ssize_t got = read(peer->fd, peer->in + peer->in_length, sizeof peer->in - peer->in_length);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        leave(peer);
        return;
    }
    peer->in_length += (size_t)got;
    size_t at = 0;
    int length;
    while ((length = message_length(peer->in + at, peer->in_length - at)) > 0) {
        take(peer, peer->in + at, (size_t)length);
        at += (size_t)length;
    }
    peer->in_length -= at;
    memmove(peer->in, peer->in + at, peer->in_length);
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    own_as = (uint32_t)strtoul(argv[1], NULL, 10);
    router_id = ntohl(inet_addr(argv[2]));
    hold_time = (uint16_t)atoi(argv[3]);
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(179)};
    if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, MAX_PEERS) != 0) {
        perror("relay");
        return 1;
    }
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct peer *peer = events[i].data.ptr;
            if (!peer) {
                int fd;
                while (count < MAX_PEERS && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    peer = &peers[count++];
                    peer->fd = fd;
                    struct epoll_event in = {.events = EPOLLIN, .data.ptr = peer};
                    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &in);
                }
            } else if (peer->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                receive(peer);
            }
        }
        for (int i = 0; i < count; i++)
            if (peers[i].fd >= 0 && peers[i].out_end > 0) flush(&peers[i]);
    }
}
