/* Datagrams with what the kernel knows of them: node:dgram tells no TTL and no interface. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "addon.h"
#include "arguments.h"

enum { ABOUT_TTL, ABOUT_INTERFACE, ABOUT_COUNT };

static void read_control(struct cmsghdr *header, int32_t *about, Bytes destination)
{
	void *data = CMSG_DATA(header);

	if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TTL) {
		memcpy(&about[ABOUT_TTL], data, sizeof(int));
	} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_HOPLIMIT) {
		memcpy(&about[ABOUT_TTL], data, sizeof(int));
	} else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, data, sizeof(info));
		about[ABOUT_INTERFACE] = info.ipi_ifindex;
		memcpy(destination.at, &info.ipi_addr, sizeof(info.ipi_addr));
	} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, data, sizeof(info));
		about[ABOUT_INTERFACE] = (int32_t)info.ipi6_ifindex;
		memcpy(destination.at, &info.ipi6_addr, sizeof(info.ipi6_addr));
	}
}

/*
 * recvDatagram(fd, out, source, destination, about): the datagram's length, of which `out` got what
 * it has room for. `source` becomes the sender's sockaddr, `destination` (16 bytes) the address that
 * it was sent to, about[0] its TTL or hop limit, about[1] the interface that it came in by. What the
 * socket was not told to report (IP_RECVTTL, IP_PKTINFO, …) stays as it was.
 */
static napi_value receive_datagram(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes out = bytes_argument(&arguments, 1);
	Bytes source = bytes_argument(&arguments, 2);
	Bytes destination = bytes_argument(&arguments, 3);
	size_t room;
	int32_t *about = ints_argument(&arguments, 4, &room);
	char control[256] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = out.at, .iov_len = out.length };
	struct msghdr message = {
		.msg_name = source.at,
		.msg_namelen = source.length,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	long received;

	if (arguments.failed)
		return NULL;
	if (room < ABOUT_COUNT || destination.length < sizeof(struct in6_addr))
		return result_of(env, -EINVAL);
	do
		received = recvmsg(fd, &message, MSG_TRUNC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return result_of(env, -errno);
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
		read_control(header, about, destination);
	return result_of(env, received);
}

static napi_value send_datagram(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes bytes = bytes_argument(&arguments, 1);
	Bytes destination = bytes_argument(&arguments, 2);
	long sent;

	if (arguments.failed)
		return NULL;
	do
		sent = sendto(fd, bytes.at, bytes.length, MSG_NOSIGNAL, (struct sockaddr *)destination.at,
			      destination.length);
	while (sent < 0 && errno == EINTR);
	return result_of(env, sent < 0 ? -errno : sent);
}

void define_datagrams(napi_env env, napi_value exports)
{
	define(env, exports, "recvDatagram", receive_datagram);
	define(env, exports, "sendDatagram", send_datagram);
}
