/* Sockets and namespaces: one system call a function. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addon.h"
#include "arguments.h"

/* SCM_MAX_FD: the kernel takes no more in one message. */
#define MAX_DESCRIPTORS 253

static long or_errno(long result)
{
	return result < 0 ? -errno : result;
}

static napi_value open_socket(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int domain = int_argument(&arguments, 0);
	int type = int_argument(&arguments, 1);
	int protocol = int_argument(&arguments, 2);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)));
}

static napi_value bind_socket(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes address = bytes_argument(&arguments, 1);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(bind(fd, (struct sockaddr *)address.at, address.length)));
}

static napi_value connect_socket(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes address = bytes_argument(&arguments, 1);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(connect(fd, (struct sockaddr *)address.at, address.length)));
}

static napi_value listen_socket(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	int backlog = int_argument(&arguments, 1);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(listen(fd, backlog)));
}

static napi_value accept_socket(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

/* getsockname(fd, out): the length of the address. */
static napi_value socket_name(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes address = bytes_argument(&arguments, 1);
	socklen_t length = address.length;

	if (arguments.failed)
		return NULL;
	if (getsockname(fd, (struct sockaddr *)address.at, &length) < 0)
		return result_of(env, -errno);
	return result_of(env, length);
}

/* setsockopt(fd, level, name, value): a number is an int, anything else its bytes. */
static napi_value set_option(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	int level = int_argument(&arguments, 1);
	int name = int_argument(&arguments, 2);
	int number;
	Bytes value;

	if (is_number_argument(&arguments, 3)) {
		number = int_argument(&arguments, 3);
		value = (Bytes){ .at = (uint8_t *)&number, .length = sizeof(number) };
	} else {
		value = bytes_argument(&arguments, 3);
	}
	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(setsockopt(fd, level, name, value.at, value.length)));
}

/* attachFilter(fd, program): struct sock_filter after struct sock_filter. The kernel copies it. */
static napi_value attach_filter(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes bytes = bytes_argument(&arguments, 1);
	struct sock_fprog program = {
		.len = (unsigned short)(bytes.length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)bytes.at,
	};

	if (arguments.failed)
		return NULL;
	return result_of(
		env, or_errno(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))));
}

/* getsockopt(fd, level, name, out): the length of the value. */
static napi_value get_option(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	int level = int_argument(&arguments, 1);
	int name = int_argument(&arguments, 2);
	Bytes value = bytes_argument(&arguments, 3);
	socklen_t length = value.length;

	if (arguments.failed)
		return NULL;
	if (getsockopt(fd, level, name, value.at, &length) < 0)
		return result_of(env, -errno);
	return result_of(env, length);
}

/* sendmsg(fd, bytes, length, descriptors?): without MSG_NOSIGNAL a closed peer would kill the process. */
static napi_value send_message(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes bytes = bytes_argument(&arguments, 1);
	uint32_t length = uint_argument(&arguments, 2);
	size_t count;
	int32_t *descriptors = ints_argument(&arguments, 3, &count);
	char control[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = bytes.at, .iov_len = length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	long sent;

	if (arguments.failed)
		return NULL;
	if (length > bytes.length || count > MAX_DESCRIPTORS)
		return result_of(env, -EINVAL);
	if (count > 0) {
		struct cmsghdr *header;

		memset(control, 0, sizeof(control));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return result_of(env, or_errno(sent));
}

/*
 * recvmsg(fd, out, flags, about?): the message's length, which with MSG_TRUNC in `flags` may exceed
 * `out`. about[0] becomes msg_flags, about[1] the number of descriptors that came along, and they
 * follow. What finds no room in `about` is closed at once, so that no sender can exhaust our table,
 * and msg_flags says MSG_CTRUNC.
 */
static napi_value receive_message(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes out = bytes_argument(&arguments, 1);
	int flags = int_argument(&arguments, 2);
	size_t room;
	int32_t *about = ints_argument(&arguments, 3, &room);
	char control[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = out.at, .iov_len = out.length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;
	size_t kept = 0;
	long received;

	if (arguments.failed)
		return NULL;
	if (room >= 2) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	do
		received = recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return result_of(env, -errno);
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int descriptor;

			memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			if (kept + 2 < room) {
				about[2 + kept++] = descriptor;
			} else {
				close(descriptor);
				message.msg_flags |= MSG_CTRUNC;
			}
		}
	}
	if (room >= 2) {
		about[0] = message.msg_flags;
		about[1] = (int32_t)kept;
	}
	return result_of(env, received);
}

/* Not again after EINTR: Linux has freed the number by then, and another thread may own it. */
static napi_value close_descriptor(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(close(fd)));
}

/* Moves the calling thread, and it alone, into the network namespace of a descriptor. */
static napi_value set_namespace(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);

	if (arguments.failed)
		return NULL;
	return result_of(env, or_errno(setns(fd, CLONE_NEWNET)));
}

void define_sockets(napi_env env, napi_value exports)
{
	define(env, exports, "socket", open_socket);
	define(env, exports, "bind", bind_socket);
	define(env, exports, "connect", connect_socket);
	define(env, exports, "listen", listen_socket);
	define(env, exports, "accept", accept_socket);
	define(env, exports, "getsockname", socket_name);
	define(env, exports, "setsockopt", set_option);
	define(env, exports, "attachFilter", attach_filter);
	define(env, exports, "getsockopt", get_option);
	define(env, exports, "sendmsg", send_message);
	define(env, exports, "recvmsg", receive_message);
	define(env, exports, "close", close_descriptor);
	define(env, exports, "setns", set_namespace);
}
