#include "clients.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "counters.h"
#include "fail.h"
#include "table.h"

struct counters counters;

static bool runs_apart;
static int listener;
static int clients[MAX_CLIENTS]; /* -1: free */

void listen_for_clients(const char *path, bool is_apart) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t room = sizeof address.sun_path;
  /* Moved into place: who connects finds one of the two that change places, and never none. */
  int length = snprintf(address.sun_path, room, "%s.new", path);
  if (length < 0 || (size_t)length >= room) fail("%s is too long for a socket", path);
  unlink(address.sun_path);
  umask(0177);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(listener, MAX_CLIENTS) < 0 || rename(address.sun_path, path) < 0)
    fail("cannot listen at %s: %s", path, strerror(errno));
  for (size_t i = 0; i < MAX_CLIENTS; i++) clients[i] = -1;
  runs_apart = is_apart;
}

void list_clients(struct pollfd sockets[CLIENT_SOCKETS]) {
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

static void tell(int client) {
  char text[2048];
  size_t length = (size_t)snprintf(text, sizeof text, "program %s\napart %d\nformat %d\n", PROGRAM, runs_apart, TABLE_FORMAT);
#define LINE(name, meaning)                                                        \
  length += (size_t)snprintf(text + length, sizeof text - length, #name " %llu\n", \
                             (unsigned long long)counters.name);
  COUNTERS(LINE)
#undef LINE
  text[length++] = '\n';
  /* One that asks without reading has its socket full, and misses this answer. */
  (void)!send(client, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Whether it asks for the place, and may have it. */
static bool answer(int *client) {
  char question;
  bool is_asked = read(*client, &question, 1) == 1;
  if (is_asked && question == ASK_COUNTERS) {
    tell(*client);
    return false;
  }
  /* What an agent started ends where the agent's container does: one that runs apart does not give way to it. */
  if (is_asked && (question == ASK_PLACE_APART || (question == ASK_PLACE && !runs_apart))) return true;
  close(*client);
  *client = -1;
  return false;
}

int answer_clients(const struct pollfd sockets[CLIENT_SOCKETS]) {
  for (size_t i = 0; i < MAX_CLIENTS; i++)
    if (sockets[1 + i].revents && answer(&clients[i])) return clients[i];
  if (sockets[0].revents) welcome();
  return -1;
}

void close_clients(void) {
  close(listener);
  for (size_t i = 0; i < MAX_CLIENTS; i++)
    if (clients[i] >= 0) close(clients[i]);
}
