/*
 * What the kernel can do: adds, or deletes, blocks of 64 addresses via one gateway, in order, without looking at
 * anything on the way.
 *
 *   routes add|delete FIRST COUNT GATEWAY LINK
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_LENGTH 26
#define BATCH 200 /* messages a sendmsg, of which the last alone asks for an answer: a batch that fails says so before it */
#define METRIC 1024
#define PROTOCOL 80

struct request {
  struct nlmsghdr header;
  struct rtmsg route;
  struct rtattr destination_header;
  uint32_t destination;
  struct rtattr gateway_header;
  uint32_t gateway;
  struct rtattr link_header;
  uint32_t link;
  struct rtattr metric_header;
  uint32_t metric;
};

static struct request request_for(int adds, uint32_t block, struct in_addr gateway, uint32_t link) {
  const unsigned short length = RTA_LENGTH(4);
  return (struct request){
      .header = {.nlmsg_len = sizeof(struct request),
                 .nlmsg_type = adds ? RTM_NEWROUTE : RTM_DELROUTE,
                 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (adds ? NLM_F_CREATE | NLM_F_EXCL : 0))},
      .route = {.rtm_family = AF_INET,
                .rtm_dst_len = BLOCK_LENGTH,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = PROTOCOL,
                .rtm_scope = RT_SCOPE_UNIVERSE,
                .rtm_type = RTN_UNICAST},
      .destination_header = {length, RTA_DST},
      .destination = htonl(block),
      .gateway_header = {length, RTA_GATEWAY},
      .gateway = gateway.s_addr,
      .link_header = {length, RTA_OIF},
      .link = link,
      .metric_header = {length, RTA_PRIORITY},
      .metric = METRIC,
  };
}

/* The kernel has done all of it when send returns: the answers wait. */
static void send_batch(int fd, struct request *requests, int count) {
  static char answers[1 << 16];
  requests[count - 1].header.nlmsg_flags |= NLM_F_ACK;
  if (send(fd, requests, (size_t)count * sizeof *requests, 0) < 0) err(1, "send");
  ssize_t length = recv(fd, answers, sizeof answers, 0);
  if (length < 0) err(1, "recv");
  const struct nlmsghdr *answer = (const struct nlmsghdr *)answers;
  const struct nlmsgerr *said = NLMSG_DATA(answer);
  if (answer->nlmsg_type != NLMSG_ERROR || said->error != 0) errx(1, "a route: %s", strerror(-said->error));
}

int main(int count, char **arguments) {
  static struct request requests[BATCH];
  struct in_addr first, gateway;
  if (count != 6 || inet_pton(AF_INET, arguments[2], &first) != 1 || inet_pton(AF_INET, arguments[4], &gateway) != 1)
    errx(2, "usage: routes add|delete FIRST COUNT GATEWAY LINK");
  int adds = strcmp(arguments[1], "add") == 0;
  uint32_t link = if_nametoindex(arguments[5]);
  int total = atoi(arguments[3]), fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), filled = 0;
  if (link == 0 || fd < 0) err(1, "%s", arguments[5]);
  for (int i = 0; i < total; i++) {
    uint32_t block = ntohl(first.s_addr) + ((uint32_t)i << (32 - BLOCK_LENGTH));
    requests[filled++] = request_for(adds, block, gateway, link);
    if (filled < BATCH && i < total - 1) continue;
    send_batch(fd, requests, filled);
    filled = 0;
  }
  return 0;
}
