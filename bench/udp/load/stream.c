/*
 * One TCP stream.
 *
 *   stream sink ADDRESS PORT              takes one connection to its end, prints its octets and seconds
 *   stream source ADDRESS PORT SECONDS    sends for so long
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char block[256 << 10];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in address_of(char **arguments) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[3]))};
  if (inet_pton(AF_INET, arguments[2], &address.sin_addr) != 1) errx(2, "%s is no IPv4 address", arguments[2]);
  return address;
}

static void sink(const struct sockaddr_in *here) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr *)here, sizeof *here) < 0 || listen(listener, 1) < 0) err(1, "sink");
  puts("ready");
  fflush(stdout);
  int connection = accept(listener, NULL, NULL);
  double start = now();
  uint64_t octets = 0;
  ssize_t got;
  while ((got = read(connection, block, sizeof block)) > 0) octets += (uint64_t)got;
  if (got < 0) err(1, "read");
  printf("%llu %f\n", (unsigned long long)octets, now() - start);
}

static void source(const struct sockaddr_in *there, double seconds) {
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (const struct sockaddr *)there, sizeof *there) < 0) err(1, "connect");
  for (double end = now() + seconds; now() < end;)
    if (write(connection, block, sizeof block) < 0) err(1, "write");
}

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[1], "sink") == 0) {
    struct sockaddr_in here = address_of(arguments);
    sink(&here);
  } else if (count == 5 && strcmp(arguments[1], "source") == 0) {
    struct sockaddr_in there = address_of(arguments);
    source(&there, atof(arguments[4]));
  } else {
    errx(2, "usage: stream sink ADDRESS PORT | stream source ADDRESS PORT SECONDS");
  }
}
