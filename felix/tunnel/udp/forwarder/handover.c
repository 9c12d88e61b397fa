#include "handover.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients.h"
#include "fail.h"

#define ANSWER_DEADLINE_S 5
#define MAX_HANDLES 3

/* The device, then the sockets of the families that the text names: "46", one of them missing where it has none. */
struct message {
  char families[2];
  struct iovec part;
  union {
    char space[CMSG_SPACE(MAX_HANDLES * sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr head;
};

static void address_message(struct message *message) {
  message->part = (struct iovec){message->families, sizeof message->families};
  message->head = (struct msghdr){.msg_iov = &message->part, .msg_iovlen = 1, .msg_control = &message->control};
  message->head.msg_controllen = sizeof message->control;
}

int find_forwarder(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("%s is too long for a socket", path);
  strcpy(address.sun_path, path);
  int forwarder = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (forwarder < 0) fail("cannot make a Unix socket: %s", strerror(errno));
  if (connect(forwarder, (struct sockaddr *)&address, sizeof address) == 0) return forwarder;
  close(forwarder);
  return -1;
}

struct place take_over(int forwarder, bool is_apart, uint16_t port) {
  const char question = is_apart ? ASK_PLACE_APART : ASK_PLACE;
  const struct timeval deadline = {.tv_sec = ANSWER_DEADLINE_S};
  struct message message = {0};
  address_message(&message);
  setsockopt(forwarder, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (send(forwarder, &question, 1, MSG_NOSIGNAL) != 1 || recvmsg(forwarder, &message.head, MSG_CMSG_CLOEXEC) <= 0)
    fail("another forwarder has the device, and keeps it");
  struct cmsghdr *header = CMSG_FIRSTHDR(&message.head);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    fail("another forwarder's answer has no device in it");
  int handles[MAX_HANDLES];
  size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int), next = 1;
  /* The space for them is rounded up, so that one more than asked for may come. */
  if (count < 1 || count > MAX_HANDLES) fail("another forwarder's answer has %zu handles, and not 1 to %d", count, MAX_HANDLES);
  memcpy(handles, CMSG_DATA(header), count * sizeof(int));
  struct underlay underlay = {.ipv4 = -1, .ipv6 = -1, .port = port};
  if (next < count && message.families[0] == '4') underlay.ipv4 = handles[next++];
  if (next < count && message.families[1] == '6') underlay.ipv6 = handles[next++];
  close(forwarder);
  return (struct place){handles[0], underlay};
}

bool hand_over(int successor, const struct place *place) {
  struct message message = {0};
  address_message(&message);
  int handles[MAX_HANDLES] = {place->tun};
  size_t count = 1;
  const int ipv4 = place->underlay.ipv4, ipv6 = place->underlay.ipv6;
  if (ipv4 >= 0) message.families[0] = '4', handles[count++] = ipv4;
  if (ipv6 >= 0) message.families[1] = '6', handles[count++] = ipv6;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message.head);
  *header = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(header), handles, count * sizeof(int));
  message.head.msg_controllen = CMSG_SPACE(count * sizeof(int));
  return sendmsg(successor, &message.head, MSG_NOSIGNAL) >= 0;
}
