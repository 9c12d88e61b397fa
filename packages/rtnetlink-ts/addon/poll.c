/*
 * Waiting for a descriptor to be readable, on Node's own loop (uv_poll). Node offers no other way for
 * these sockets: fs.read loses messages, net and dgram refuse the descriptor, a blocking read in a
 * worker cannot be ended.
 */
#include <stdlib.h>

#include "addon.h"
#include "arguments.h"

typedef struct Poll Poll;

/** The polls of one environment (the main thread's, or a worker's). */
typedef struct {
	napi_async_cleanup_hook_handle hook;
	Poll *first;
	size_t closing;
	bool ends;
} Polls;

/** Lives until libuv has closed the handle and V8 has dropped the object that names it. */
struct Poll {
	napi_env env;
	Polls *owner;
	Poll *next, **link;
	napi_ref callback;
	napi_async_context context;
	uv_poll_t *handle;
	bool stopped, closed, dropped;
};

static void free_when_unused(Poll *poll)
{
	if (!poll->closed || !poll->dropped)
		return;
	free(poll->handle);
	free(poll);
}

static void end_when_closed(Polls *polls)
{
	if (polls->ends && polls->closing == 0)
		napi_remove_async_cleanup_hook(polls->hook);
}

static void when_closed(uv_handle_t *handle)
{
	Poll *poll = uv_handle_get_data(handle);
	Polls *polls = poll->owner;

	poll->closed = true;
	polls->closing--;
	free_when_unused(poll);
	end_when_closed(polls);
}

/* libuv leaves epoll at once: the caller may close the descriptor right after. */
static void stop(Poll *poll)
{
	if (poll->stopped)
		return;
	poll->stopped = true;
	*poll->link = poll->next;
	if (poll->next)
		poll->next->link = poll->link;
	poll->owner->closing++;
	uv_close((uv_handle_t *)poll->handle, when_closed);
}

static void when_ready(uv_poll_t *handle, int status, int events)
{
	Poll *poll = uv_handle_get_data((uv_handle_t *)handle);
	napi_env env = poll->env;
	napi_handle_scope scope;
	napi_value self, callback, exception;

	(void)events;
	/*
	 * A socket with a pending error, as netlink's ENOBUFS is one, is EBADF to libuv, which then
	 * stops polling. The callback's next recvmsg takes the error away: go on.
	 */
	if (status < 0)
		uv_poll_start(handle, UV_READABLE, when_ready);
	napi_open_handle_scope(env, &scope);
	napi_get_global(env, &self);
	napi_get_reference_value(env, poll->callback, &callback);
	if (napi_make_callback(env, poll->context, self, callback, 0, NULL, NULL) == napi_pending_exception &&
	    napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
	napi_close_handle_scope(env, scope);
}

static void when_dropped(napi_env env, void *data, void *hint)
{
	Poll *poll = data;

	(void)env;
	(void)hint;
	poll->dropped = true;
	free_when_unused(poll);
}

/* pollStart(fd, callback): an object for pollStop. Called when there is something to read, an error too. */
static napi_value poll_start(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	int fd = int_argument(&arguments, 0);
	napi_value name, object = NULL;
	uv_loop_t *loop;
	Poll *poll;
	int error;

	if (arguments.failed)
		return NULL;
	poll = calloc(1, sizeof(*poll));
	poll->env = env;
	poll->handle = calloc(1, uv_handle_size(UV_POLL));
	napi_get_instance_data(env, (void **)&poll->owner);
	napi_get_uv_event_loop(env, &loop);
	error = uv_poll_init(loop, poll->handle, fd);
	if (error < 0) {
		free(poll->handle);
		free(poll);
		return result_of(env, error);
	}
	uv_handle_set_data((uv_handle_t *)poll->handle, poll);
	poll->next = poll->owner->first;
	poll->link = &poll->owner->first;
	if (poll->next)
		poll->next->link = &poll->next;
	poll->owner->first = poll;
	napi_create_reference(env, arguments.values[1], 1, &poll->callback);
	napi_create_string_utf8(env, "NETLINKPOLL", (size_t)-1, &name);
	napi_async_init(env, NULL, name, &poll->context);
	napi_create_external(env, poll, when_dropped, NULL, &object);
	error = uv_poll_start(poll->handle, UV_READABLE, when_ready);
	if (error < 0) {
		stop(poll);
		return result_of(env, error);
	}
	return object;
}

static napi_value poll_stop(napi_env env, napi_callback_info info)
{
	Arguments arguments = arguments_of(env, info);
	Poll *poll = NULL;

	if (arguments.failed || napi_get_value_external(env, arguments.values[0], (void **)&poll) != napi_ok)
		return NULL;
	if (!poll->stopped) {
		stop(poll);
		napi_delete_reference(env, poll->callback);
		napi_async_destroy(env, poll->context);
	}
	return NULL;
}

/*
 * The environment ends (process.exit, worker.terminate): a loop with open handles aborts the process,
 * and closing takes another turn of the loop, so that the asynchronous form of
 * napi_add_env_cleanup_hook is needed.
 */
static void when_environment_ends(napi_async_cleanup_hook_handle hook, void *data)
{
	Polls *polls = data;

	(void)hook;
	polls->ends = true;
	while (polls->first)
		stop(polls->first);
	end_when_closed(polls);
}

static void free_polls(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	free(data);
}

void define_poll(napi_env env, napi_value exports)
{
	Polls *polls = calloc(1, sizeof(*polls));

	napi_set_instance_data(env, polls, free_polls, NULL);
	napi_add_async_cleanup_hook(env, when_environment_ends, polls, &polls->hook);
	define(env, exports, "pollStart", poll_start);
	define(env, exports, "pollStop", poll_stop);
}
