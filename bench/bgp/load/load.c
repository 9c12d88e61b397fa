/*
 * The load: all peers of a daemon under test, in one process. It is told on standard input what to
 * be and what to do, a command a line, and answers each with a line of JSON.
 *
 *     load DAEMON_ADDRESS DAEMON_AS HOLD_SECONDS TABLE_SIZE
 *
 *     session ADDRESS AS FIRST COUNT RECEIVES   one more peer, which has that part of the table
 *     open SECONDS        connects all; done when all are Established
 *     announce FIRST COUNT SECONDS   of what each has, what lies in that range; done when every receiver
 *                         holds all of it
 *     lose SECONDS        those that have a part of the table die; done when no receiver holds any
 *     withdraw FIRST COUNT SECONDS   as announce
 *     pulse FIRST COUNT SECONDS   one route after the other, from the first session; when each arrived
 *                         at each receiver, as the kernel saw it
 *     silence             the longest silence of the daemon towards anyone, since the last time asked
 *
 * Times are counted from before the first byte is written to after the last is understood.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "session.h"
#include "table.h"

#define TICK_SECONDS 0.05
#define MAX_SESSIONS 1024
/* Of those that connect. */
#define MAX_HANDSHAKES 4
#define HANDSHAKE_SECONDS 5.0
#define RETRY_SECONDS 0.05
#define NOT_ARRIVED 0.0

static struct load load;
static struct session sessions[MAX_SESSIONS];

/* What is waited for: that each receiver holds that many prefixes of the range, or none of it. */
static uint32_t range_first, range_count;
static bool wanted_held;
static uint32_t wanted_count[MAX_SESSIONS];
static bool is_waited_for[MAX_SESSIONS];
static size_t incomplete;
static double completed_at;
static double *arrivals; /* of a pulse, by session */

static char input[4096];
static size_t input_length;

static void changed(struct session *session, uint32_t index, bool is_held)
{
    size_t which = (size_t)(session - sessions);
    if (!is_waited_for[which] || is_held != wanted_held || index - range_first >= range_count) return;
    /* Outside of pulses, whose range is one prefix, nothing but the range is held. */
    uint32_t wanted = wanted_held ? wanted_count[which] : 0;
    if (range_count > 1 && session->held_count != wanted) return;
    if (arrivals) arrivals[which] = session->arrived_at;
    is_waited_for[which] = false;
    if (--incomplete == 0) completed_at = load.now;
}

/* One turn of the loop, `seconds` at most. */
static void turn(double seconds)
{
    static double tick_at;
    struct epoll_event events[256];
    int count = epoll_wait(load.epoll, events, 256, (int)(seconds * 1000));
    load.now = monotonic_seconds();
    for (int i = 0; i < count; i++) {
        struct session *session = events[i].data.ptr;
        if (!session) {
            ssize_t got = read(0, input + input_length, sizeof input - input_length);
            if (got <= 0) exit(0);
            input_length += (size_t)got;
        } else if (session->fd >= 0) {
            session_ready(&load, session, events[i].events);
        }
    }
    if (load.now < tick_at) return;
    tick_at = load.now + TICK_SECONDS;
    for (size_t i = 0; i < load.count; i++) session_tick(&load, &sessions[i]);
}

static void wait_seconds(double seconds)
{
    for (double end = load.now + seconds; load.now < end;) turn(TICK_SECONDS / 5);
}

/* The next command, when there is one; the sessions are kept alive meanwhile. */
static char *next_command(void)
{
    static char line[sizeof input];
    for (;;) {
        char *end = memchr(input, '\n', input_length);
        if (end) {
            size_t length = (size_t)(end - input);
            memcpy(line, input, length);
            line[length] = 0;
            input_length -= length + 1;
            memmove(input, end + 1, input_length);
            return line;
        }
        turn(TICK_SECONDS);
    }
}

static void fail(const char *text)
{
    fprintf(stderr, "load: %s\n", text);
    exit(2);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Why a session is not up; empty if all are. */
static const char *why_down(void)
{
    for (size_t i = 0; i < load.count; i++)
        if (sessions[i].state != ESTABLISHED) return sessions[i].why;
    return "";
}

static void answer(bool is_done, double seconds, double cpu)
{
    unsigned drops = 0, up = 0;
    uint64_t updates = 0, held = 0;
    for (size_t i = 0; i < load.count; i++) {
        drops += sessions[i].drops;
        up += sessions[i].state == ESTABLISHED;
        updates += sessions[i].updates;
        held += sessions[i].held_count;
    }
    printf("{\"done\":%s,\"seconds\":%.6f,\"loadCpuSeconds\":%.3f,\"established\":%u,\"drops\":%u,"
           "\"updates\":%llu,\"held\":%llu,\"wrong\":%llu,\"why\":\"%s\"}\n",
           is_done ? "true" : "false", seconds, cpu, up, drops, (unsigned long long)updates,
           (unsigned long long)held, (unsigned long long)load.wrong, why_down());
    fflush(stdout);
}

static void add_session(const char *arguments)
{
    if (load.count == MAX_SESSIONS) fail("too many sessions");
    struct session *session = &sessions[load.count++];
    char address[64];
    int receives;
    if (sscanf(arguments, "%63s %u %u %u %d", address, &session->as, &session->first, &session->count, &receives) != 5)
        fail("session: ADDRESS AS FIRST COUNT RECEIVES");
    session->address = ntohl(inet_addr(address));
    session->receives = receives;
    session->fd = -1;
    if (receives) session->held = calloc(load.table_size / 64 + 1, sizeof *session->held);
}

/* Connects those that are down, a few at a time: daemons listen with short queues. */
static void connect_some(void)
{
    size_t under_way = 0;
    for (size_t i = 0; i < load.count; i++) {
        struct session *session = &sessions[i];
        if (session->state != CONNECTING && session->state != OPEN_SENT) continue;
        if (load.now - session->changed_at > HANDSHAKE_SECONDS) session_drop(&load, session, "no handshake");
        else under_way++;
    }
    for (size_t i = 0; i < load.count && under_way < MAX_HANDSHAKES; i++) {
        struct session *session = &sessions[i];
        if (session->state != DOWN || load.now - session->changed_at < RETRY_SECONDS) continue;
        session_connect(&load, session);
        under_way++;
    }
}

static void open_all(double timeout)
{
    double start = load.now = monotonic_seconds();
    bool is_done = false;
    while (!is_done && load.now < start + timeout) {
        connect_some();
        turn(RETRY_SECONDS);
        is_done = true;
        for (size_t i = 0; i < load.count; i++) is_done &= sessions[i].state == ESTABLISHED;
    }
    answer(is_done, load.now - start, 0);
}

static uint32_t overlap(const struct session *session, uint32_t first, uint32_t count)
{
    uint32_t begin = session->first > first ? session->first : first;
    uint32_t own_end = session->first + session->count, end = first + count;
    if (own_end < end) end = own_end;
    return begin < end ? end - begin : 0;
}

/* Prepares to wait until all receivers hold (or lack) the range. Nobody is told what it said itself. */
static void expect(uint32_t first, uint32_t count, bool is_held)
{
    range_first = first;
    range_count = count;
    wanted_held = is_held;
    incomplete = 0;
    for (size_t i = 0; i < load.count; i++) {
        wanted_count[i] = count - overlap(&sessions[i], first, count);
        is_waited_for[i] = sessions[i].receives && wanted_count[i] > 0;
        incomplete += is_waited_for[i];
    }
}

/* 0: not within the timeout. */
static double await(double start, double timeout)
{
    completed_at = 0;
    while (incomplete > 0 && load.now < start + timeout) turn(TICK_SECONDS);
    return completed_at > 0 ? completed_at - start : 0;
}

static void announce(uint32_t first, uint32_t count, double timeout)
{
    /* Encoded before the clock starts. */
    static uint8_t *bytes[MAX_SESSIONS];
    size_t sizes[MAX_SESSIONS];
    for (size_t i = 0; i < load.count; i++) {
        struct session *session = &sessions[i];
        uint32_t begin = session->first > first ? session->first : first;
        struct announcer from = {session->address, session->as, session->as == load.daemon_as};
        bytes[i] = encode_announcements(&from, begin, overlap(session, first, count), &sizes[i]);
    }
    expect(first, count, true);
    double cpu = cpu_seconds(), start = load.now = monotonic_seconds();
    for (size_t i = 0; i < load.count; i++)
        if (sizes[i] > 0 && sessions[i].fd >= 0) session_announce(&load, &sessions[i], bytes[i], sizes[i]);
    double seconds = await(start, timeout);
    answer(seconds > 0, seconds > 0 ? seconds : load.now - start, cpu_seconds() - cpu);
    for (size_t i = 0; i < load.count; i++) {
        sessions[i].out_left = 0;
        free(bytes[i]);
    }
}

static void withdraw(uint32_t first, uint32_t count, double timeout)
{
    expect(first, count, false);
    double start = load.now = monotonic_seconds();
    uint8_t message[64];
    for (size_t i = 0; i < load.count; i++)
        for (uint32_t index = first; index < first + count; index++)
            if (index - sessions[i].first < sessions[i].count)
                session_control(&load, &sessions[i], message, encode_withdrawal(index, message));
    double seconds = await(start, timeout);
    answer(seconds > 0, seconds > 0 ? seconds : load.now - start, 0);
}

static void lose(double timeout)
{
    expect(0, load.table_size, false);
    for (size_t i = 0; i < load.count; i++) {
        if (!is_waited_for[i] || sessions[i].count == 0) continue;
        is_waited_for[i] = false;
        incomplete--;
    }
    double cpu = cpu_seconds(), start = load.now = monotonic_seconds();
    for (size_t i = 0; i < load.count; i++) {
        if (sessions[i].count == 0) continue;
        session_drop(&load, &sessions[i], "told to");
        sessions[i].drops--;
    }
    double seconds = await(start, timeout);
    answer(seconds > 0, seconds > 0 ? seconds : load.now - start, cpu_seconds() - cpu);
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double percentile(double *sorted, size_t count, double share)
{
    size_t at = (size_t)(share * (double)count);
    return count == 0 ? 0 : sorted[at < count ? at : count - 1] * 1000;
}

static void pulse(uint32_t first, uint32_t count, double timeout)
{
    size_t receivers = 0, all = 0;
    for (size_t i = 0; i < load.count; i++) receivers += sessions[i].receives && i > 0;
    double *each = malloc(sizeof *each * receivers * count), *last = malloc(sizeof *last * count);
    double arrived[MAX_SESSIONS];
    if (!each || !last) abort();
    struct announcer from = {sessions[0].address, sessions[0].as, sessions[0].as == load.daemon_as};
    for (size_t i = 0; i < load.count; i++) session_stamp(&sessions[i]);
    uint32_t done = 0;
    for (; done < count; done++) {
        size_t size;
        uint8_t *bytes = encode_announcements(&from, first + done, 1, &size);
        expect(first + done, 1, true);
        for (size_t i = 0; i < load.count; i++) arrived[i] = NOT_ARRIVED;
        arrivals = arrived;
        load.now = monotonic_seconds();
        double start = wall_seconds();
        session_control(&load, &sessions[0], bytes, size);
        free(bytes);
        double seconds = await(load.now, timeout);
        arrivals = NULL;
        if (seconds == 0) break;
        last[done] = 0;
        for (size_t i = 0; i < load.count; i++) {
            if (arrived[i] == NOT_ARRIVED) continue;
            double took = arrived[i] - start;
            each[all++] = took;
            if (took > last[done]) last[done] = took;
        }
        wait_seconds(0.02);
    }
    qsort(each, all, sizeof *each, ascending);
    qsort(last, done, sizeof *last, ascending);
    printf("{\"done\":%s,\"wrong\":%llu,\"pulses\":%u,\"eachP50\":%.3f,\"eachP99\":%.3f,"
           "\"lastP50\":%.3f,\"lastP99\":%.3f,\"lastMax\":%.3f,\"why\":\"%s\"}\n",
           done == count ? "true" : "false", (unsigned long long)load.wrong, done,
           percentile(each, all, 0.5), percentile(each, all, 0.99), percentile(last, done, 0.5),
           percentile(last, done, 0.99), percentile(last, done, 1), why_down());
    fflush(stdout);
    free(each);
    free(last);
}

static void silence(void)
{
    double longest = 0;
    unsigned drops = 0;
    load.now = monotonic_seconds();
    for (size_t i = 0; i < load.count; i++) {
        struct session *session = &sessions[i];
        drops += session->drops;
        if (session->state != ESTABLISHED) continue;
        double now = load.now - session->heard_at;
        if (now > session->longest_silence) session->longest_silence = now;
        if (session->longest_silence > longest) longest = session->longest_silence;
        session->longest_silence = 0;
    }
    printf("{\"done\":true,\"seconds\":%.3f,\"drops\":%u}\n", longest, drops);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 5) fail("usage: load DAEMON_ADDRESS DAEMON_AS HOLD_SECONDS TABLE_SIZE");
    load.daemon = ntohl(inet_addr(argv[1]));
    load.port = 179;
    load.daemon_as = (uint32_t)strtoul(argv[2], NULL, 10);
    load.hold_time = (uint16_t)atoi(argv[3]);
    load.table_size = (uint32_t)strtoul(argv[4], NULL, 10);
    load.sessions = sessions;
    load.changed = changed;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event standard_input = {.events = EPOLLIN};
    epoll_ctl(load.epoll, EPOLL_CTL_ADD, 0, &standard_input);

    for (;;) {
        char *command = next_command();
        uint32_t first, count;
        double timeout;
        if (strncmp(command, "session ", 8) == 0) add_session(command + 8);
        else if (sscanf(command, "open %lf", &timeout) == 1) open_all(timeout);
        else if (sscanf(command, "announce %u %u %lf", &first, &count, &timeout) == 3) announce(first, count, timeout);
        else if (sscanf(command, "withdraw %u %u %lf", &first, &count, &timeout) == 3) withdraw(first, count, timeout);
        else if (sscanf(command, "lose %lf", &timeout) == 1) lose(timeout);
        else if (sscanf(command, "pulse %u %u %lf", &first, &count, &timeout) == 3) pulse(first, count, timeout);
        else if (strcmp(command, "silence") == 0) silence();
        else fail(command);
    }
}
