/*
 * A container runtime's part: executes a CNI plugin for one sandbox after another, some at a time, and says how long
 * each took from its start to its end.
 *
 *   runtime PLUGIN COMMAND CONF AT_A_TIME SANDBOX...
 *
 * CONF is a file. The namespace of a sandbox is /run/netns/SANDBOX. Prints a line of milliseconds each, in the order in
 * which they ended. When one fails it prints what the plugin said, and ends with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_AT_A_TIME 64

struct running {
  pid_t pid;
  double started;
};

static struct running running[MAX_AT_A_TIME];
static int output; /* of all plugins: one that fails has said why */

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void start(struct running *slot, const char *plugin, const char *command, const char *conf, const char *sandbox) {
  static char variables[5][512];
  snprintf(variables[0], sizeof variables[0], "CNI_COMMAND=%s", command);
  snprintf(variables[1], sizeof variables[1], "CNI_CONTAINERID=%s", sandbox);
  snprintf(variables[2], sizeof variables[2], "CNI_NETNS=/run/netns/%s", sandbox);
  snprintf(variables[3], sizeof variables[3], "CNI_IFNAME=eth0");
  snprintf(variables[4], sizeof variables[4], "CNI_PATH=/usr/lib/cni:/opt/cni/bin");
  char *environment[] = {variables[0], variables[1], variables[2], variables[3], variables[4], NULL};
  char *arguments[] = {(char *)plugin, NULL};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, conf, O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
  slot->started = now_ms();
  errno = posix_spawn(&slot->pid, plugin, &files, NULL, arguments, environment);
  if (errno) fail(plugin);
  posix_spawn_file_actions_destroy(&files);
}

/* Waits until one ends. */
static void end_one(void) {
  int status;
  pid_t pid = wait(&status);
  if (pid < 0) fail("wait");
  double ended = now_ms();
  struct running *slot = running;
  while (slot->pid != pid) slot++;
  slot->pid = 0;
  if (status != 0) {
    char said[8192];
    ssize_t length = pread(output, said, sizeof said, 0);
    fprintf(stderr, "a plugin ended with status %d: %.*s\n", status, length > 0 ? (int)length : 0, said);
    exit(1);
  }
  printf("%.3f\n", ended - slot->started);
}

int main(int count, char **arguments) {
  if (count < 6) {
    fprintf(stderr, "usage: runtime PLUGIN COMMAND CONF AT_A_TIME SANDBOX...\n");
    return 2;
  }
  int at_a_time = atoi(arguments[4]);
  if (at_a_time < 1 || at_a_time > MAX_AT_A_TIME) {
    fprintf(stderr, "AT_A_TIME must be 1 to %d\n", MAX_AT_A_TIME);
    return 2;
  }
  output = open("/run", O_TMPFILE | O_RDWR | O_APPEND, 0600);
  if (output < 0) fail("/run");
  int busy = 0;
  for (int i = 5; i < count; i++) {
    if (busy == at_a_time) end_one();
    else busy++;
    struct running *slot = running;
    while (slot->pid) slot++;
    start(slot, arguments[1], arguments[2], arguments[3], arguments[i]);
  }
  while (busy-- > 0) end_one();
  return 0;
}
