#include "counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fail.h"

struct counters counters;

static int listener;
static int clients[MAX_CLIENTS]; /* -1: free */

void listen_for_clients(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("%s is too long for a socket", path);
  strcpy(address.sun_path, path);
  unlink(path);
  umask(0177);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(listener, MAX_CLIENTS) < 0)
    fail("cannot listen at %s: %s", path, strerror(errno));
  for (size_t i = 0; i < MAX_CLIENTS; i++) clients[i] = -1;
}

void list_clients(struct pollfd sockets[COUNTER_SOCKETS]) {
  sockets[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (size_t i = 0; i < MAX_CLIENTS; i++) sockets[1 + i] = (struct pollfd){.fd = clients[i], .events = POLLIN};
}

static void welcome(void) {
  int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  for (size_t i = 0; i < MAX_CLIENTS; i++)
    if (clients[i] < 0) {
      clients[i] = client;
      return;
    }
  close(client);
}

static void answer(int *client) {
  char text[2048];
  if (read(*client, text, sizeof text) <= 0) {
    close(*client);
    *client = -1;
    return;
  }
  size_t length = 0;
#define LINE(name, meaning)                                                          \
  length += (size_t)snprintf(text + length, sizeof text - length, #name " %llu\n",   \
                             (unsigned long long)counters.name);
  COUNTERS(LINE)
#undef LINE
  text[length++] = '\n';
  /* One that asks without reading has its socket full, and misses this answer. */
  (void)!send(*client, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void answer_clients(const struct pollfd sockets[COUNTER_SOCKETS]) {
  for (size_t i = 0; i < MAX_CLIENTS; i++)
    if (sockets[1 + i].revents) answer(&clients[i]);
  if (sockets[0].revents) welcome();
}
