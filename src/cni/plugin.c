/*
 * The CNI plugin that the container runtime executes. It decides nothing: it relays one request to the agent's
 * socket and prints the answer.
 *
 *   request:  one SOCK_SEQPACKET message: "CNI_COMMAND=ADD\0…\0" for every CNI_* variable, one more "\0", then
 *             standard input as it came. The descriptor of CNI_NETNS rides along (SCM_RIGHTS), so that the agent
 *             works on the namespace that the runtime meant, whatever its path means to the agent.
 *   answer:   one message: '0' or '1', the exit code, then the JSON to print.
 *
 * What can be answered without the agent is answered here: VERSION, and that the agent is down.
 * Statically linked: it runs on hosts of which nothing is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH "/run/tortie/cni.sock"
#define NEWEST_VERSION "1.1.0"
#define SUPPORTED "[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]"
/* One message must fit the socket's default send buffer (212,992 bytes); confs and answers are a few kB. */
#define MAX_MESSAGE (160 * 1024)
/* Runtimes give up after 2 to 4 minutes; answering before that lets them show our reason in place of theirs. */
#define ANSWER_DEADLINE_MS 90000

/* Error codes of the CNI specification. */
#define ERR_INVALID_ENVIRONMENT 4
#define ERR_IO_FAILURE 5
#define ERR_TRY_AGAIN_LATER 11
#define ERR_PLUGIN_NOT_AVAILABLE 50 /* STATUS: an ADD would fail */

extern char **environ;

static char message[MAX_MESSAGE];
static size_t message_length;
static int err_no_agent = ERR_TRY_AGAIN_LATER;
static char conf_version[16] = "1.0.0"; /* what errors are tagged with until the conf has said */

/* Prints an error in CNI's form and ends. `details` comes from strerror and from our own texts: nothing to escape. */
static void fail(int code, const char *text, const char *details) {
  printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n", conf_version, code, text, details);
  exit(1);
}

static void append(const char *bytes, size_t length) {
  if (length > MAX_MESSAGE - message_length)
    fail(ERR_INVALID_ENVIRONMENT, "the CNI request is too large", "conf and CNI_* variables are limited to 160 KiB");
  memcpy(message + message_length, bytes, length);
  message_length += length;
}

/* The conf's "cniVersion", found without a JSON parser: good enough to tag errors and VERSION with. */
static void find_conf_version(const char *conf, size_t length) {
  static const char key[] = "\"cniVersion\"";
  const char *at = memmem(conf, length, key, sizeof key - 1);
  if (!at) return;
  const char *end = conf + length;
  at += sizeof key - 1;
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == ':')) at++;
  if (at == end || *at++ != '"') return;
  size_t n = 0;
  while (at + n < end && n < sizeof conf_version - 1 && strchr("0123456789.", at[n])) n++;
  if (n == 0 || at + n == end || at[n] != '"') return;
  memcpy(conf_version, at, n);
  conf_version[n] = '\0';
}

static void read_conf(void) {
  size_t start = message_length;
  char chunk[4096];
  ssize_t got;
  while ((got = read(STDIN_FILENO, chunk, sizeof chunk)) != 0) {
    if (got > 0) append(chunk, (size_t)got);
    else if (errno != EINTR) fail(ERR_IO_FAILURE, "cannot read the CNI conf from standard input", strerror(errno));
  }
  find_conf_version(message + start, message_length - start);
}

static int connect_to_agent(void) {
  /* CLOEXEC costs nothing and keeps the descriptors ours. SEQPACKET: a message is whole or not there. */
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(ERR_IO_FAILURE, "cannot make a socket", strerror(errno));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    char details[256];
    snprintf(details, sizeof details,
             SOCKET_PATH ": %s. Start tortie agent on this node, or see its log; the runtime will try again",
             strerror(errno));
    fail(err_no_agent, "the tortie agent is not running on this node", details);
  }
  return fd;
}

static void send_request(int fd, int netns) {
  struct iovec bytes = {.iov_base = message, .iov_len = message_length};
  /* A union, because the control message's header must be aligned and the kernel counts in CMSG_SPACE. */
  union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {{0}};
  struct msghdr request = {.msg_iov = &bytes, .msg_iovlen = 1};
  if (netns >= 0) {
    request.msg_control = &control;
    request.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&request);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &netns, sizeof netns);
  }
  /* NOSIGNAL: an agent that dies now is an error to report, not a SIGPIPE. */
  if (sendmsg(fd, &request, MSG_NOSIGNAL) < 0)
    fail(err_no_agent, "cannot send the request to the tortie agent", strerror(errno));
}

static int print_answer(int fd) {
  struct pollfd answer = {.fd = fd, .events = POLLIN};
  int ready;
  while ((ready = poll(&answer, 1, ANSWER_DEADLINE_MS)) < 0 && errno == EINTR) {}
  if (ready == 0)
    fail(err_no_agent, "the tortie agent did not answer within 90 s", "see its log on this node");
  ssize_t got = recv(fd, message, sizeof message, 0);
  if (got < 1)
    fail(err_no_agent, "the tortie agent ended while it worked on the request",
         got < 0 ? strerror(errno) : "the connection was closed; the runtime will try again");
  fwrite(message + 1, 1, (size_t)got - 1, stdout);
  return message[0] == '0' ? 0 : 1;
}

int main(void) {
  const char *command = getenv("CNI_COMMAND");
  if (!command)
    fail(ERR_INVALID_ENVIRONMENT, "CNI_COMMAND is not set",
         "this program is executed by a container runtime, as the CNI specification says");
  for (char **variable = environ; *variable; variable++)
    if (strncmp(*variable, "CNI_", 4) == 0) append(*variable, strlen(*variable) + 1);
  append("", 1);
  read_conf();

  if (strcmp(command, "VERSION") == 0) {
    printf("{\"cniVersion\":\"%s\",\"supportedVersions\":" SUPPORTED "}\n", NEWEST_VERSION);
    return 0;
  }
  if (strcmp(command, "STATUS") == 0) err_no_agent = ERR_PLUGIN_NOT_AVAILABLE;
  /* A namespace that is gone is normal for DEL; for the others the agent says what is wrong with it. */
  const char *netns_path = getenv("CNI_NETNS");
  int netns = netns_path && *netns_path ? open(netns_path, O_RDONLY | O_CLOEXEC) : -1;
  int agent = connect_to_agent();
  send_request(agent, netns);
  return print_answer(agent);
}
