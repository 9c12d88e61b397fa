/*
 * A netlink request sent by a thread of libuv's pool. rtnetlink does the work inside sendmsg, in the
 * sender's thread: deleting an interface holds it for 15-40 ms (RCU). The answers wait on the socket.
 *
 * The thread need not be in the socket's namespace: rtnetlink acts where the socket was made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "addon.h"
#include "arguments.h"

typedef struct {
	int fd;
	size_t length;
	long result;
	napi_deferred promise;
	napi_async_work work;
	uint8_t bytes[];
} Request;

static void send_request(napi_env env, void *data)
{
	Request *request = data;

	(void)env;
	do
		request->result = send(request->fd, request->bytes, request->length, 0);
	while (request->result < 0 && errno == EINTR);
	if (request->result < 0)
		request->result = -errno;
}

static void when_sent(napi_env env, napi_status status, void *data)
{
	Request *request = data;

	(void)status;
	napi_resolve_deferred(env, request->promise, result_of(env, request->result));
	napi_delete_async_work(env, request->work);
	free(request);
}

/* sendOffLoop(fd, bytes, length): a promise of the length sent, or -errno. The bytes are copied. */
static napi_value send_off_loop(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	Bytes bytes = bytes_argument(&arguments, 1);
	uint32_t length = uint_argument(&arguments, 2);
	napi_value name, promise;
	Request *request;

	if (arguments.failed)
		return NULL;
	if (length > bytes.length)
		return result_of(env, -EINVAL);
	request = calloc(1, sizeof(*request) + length);
	request->fd = fd;
	request->length = length;
	memcpy(request->bytes, bytes.at, length);
	napi_create_promise(env, &request->promise, &promise);
	napi_create_string_utf8(env, "NETLINKREQUEST", (size_t)-1, &name);
	napi_create_async_work(env, NULL, name, send_request, when_sent, request, &request->work);
	napi_queue_async_work(env, request->work);
	return promise;
}

void define_off_loop(napi_env env, napi_value exports)
{
	define(env, exports, "sendOffLoop", send_off_loop);
}
