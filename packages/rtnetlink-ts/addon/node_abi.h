/*
 * What the addon calls of Node-API (version 8) and libuv 1, declared here rather than taken from
 * Node's headers: the npm package that brings Node loses its headers at the next `npm install`, a
 * distribution puts those of another version in /usr/include, and downloading them needs a network.
 * Both interfaces promise a stable ABI (nodejs.org/api/n-api.html; libuv: "ABI stable since 1.0").
 * All types are opaque: sizes are asked of libuv at run time.
 */
#ifndef RTNETLINK_NODE_ABI_H
#define RTNETLINK_NODE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_ref__ *napi_ref;
typedef struct napi_deferred__ *napi_deferred;
typedef struct napi_handle_scope__ *napi_handle_scope;
typedef struct napi_callback_info__ *napi_callback_info;
typedef struct napi_async_context__ *napi_async_context;
typedef struct napi_async_work__ *napi_async_work;
typedef struct napi_async_cleanup_hook_handle__ *napi_async_cleanup_hook_handle;
typedef enum { napi_ok, napi_invalid_arg, napi_pending_exception = 10 } napi_status;
typedef enum { napi_number_type = 3 } napi_valuetype;
typedef enum { napi_int8_array, napi_uint8_array, napi_int32_array = 5 } napi_typedarray_type;

typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_finalize)(napi_env, void *data, void *hint);
typedef void (*napi_async_execute_callback)(napi_env, void *data);
typedef void (*napi_async_complete_callback)(napi_env, napi_status, void *data);
typedef void (*napi_async_cleanup_hook)(napi_async_cleanup_hook_handle, void *data);

napi_status napi_create_function(napi_env, const char *name, size_t, napi_callback, void *data, napi_value *);
napi_status napi_set_named_property(napi_env, napi_value object, const char *name, napi_value);
napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t *argc, napi_value *argv, napi_value *self, void **data);
napi_status napi_typeof(napi_env, napi_value, napi_valuetype *);
napi_status napi_create_int32(napi_env, int32_t, napi_value *);
napi_status napi_get_value_int32(napi_env, napi_value, int32_t *);
napi_status napi_get_value_uint32(napi_env, napi_value, uint32_t *);
napi_status napi_is_typedarray(napi_env, napi_value, bool *);
napi_status napi_get_typedarray_info(napi_env, napi_value, napi_typedarray_type *, size_t *length, void **data, napi_value *buffer, size_t *offset);
napi_status napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
napi_status napi_get_global(napi_env, napi_value *);
napi_status napi_create_external(napi_env, void *data, napi_finalize, void *hint, napi_value *);
napi_status napi_get_value_external(napi_env, napi_value, void **data);
napi_status napi_create_reference(napi_env, napi_value, uint32_t count, napi_ref *);
napi_status napi_delete_reference(napi_env, napi_ref);
napi_status napi_get_reference_value(napi_env, napi_ref, napi_value *);
napi_status napi_open_handle_scope(napi_env, napi_handle_scope *);
napi_status napi_close_handle_scope(napi_env, napi_handle_scope);
napi_status napi_throw_type_error(napi_env, const char *code, const char *message);
napi_status napi_get_and_clear_last_exception(napi_env, napi_value *);
napi_status napi_fatal_exception(napi_env, napi_value);
napi_status napi_create_promise(napi_env, napi_deferred *, napi_value *promise);
napi_status napi_resolve_deferred(napi_env, napi_deferred, napi_value);
napi_status napi_set_instance_data(napi_env, void *data, napi_finalize, void *hint);
napi_status napi_get_instance_data(napi_env, void **data);
napi_status napi_async_init(napi_env, napi_value resource, napi_value name, napi_async_context *);
napi_status napi_async_destroy(napi_env, napi_async_context);
napi_status napi_make_callback(napi_env, napi_async_context, napi_value self, napi_value function, size_t argc, const napi_value *argv, napi_value *result);
napi_status napi_create_async_work(napi_env, napi_value resource, napi_value name, napi_async_execute_callback, napi_async_complete_callback, void *data, napi_async_work *);
napi_status napi_queue_async_work(napi_env, napi_async_work);
napi_status napi_delete_async_work(napi_env, napi_async_work);
napi_status napi_add_async_cleanup_hook(napi_env, napi_async_cleanup_hook, void *data, napi_async_cleanup_hook_handle *);
napi_status napi_remove_async_cleanup_hook(napi_async_cleanup_hook_handle);

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
enum { UV_POLL = 8 };
enum { UV_READABLE = 1 };
napi_status napi_get_uv_event_loop(napi_env, uv_loop_t **);
size_t uv_handle_size(int type);
void uv_handle_set_data(uv_handle_t *, void *data);
void *uv_handle_get_data(const uv_handle_t *);
void uv_close(uv_handle_t *, void (*closed)(uv_handle_t *));
int uv_poll_init(uv_loop_t *, uv_poll_t *, int fd);
int uv_poll_start(uv_poll_t *, int events, void (*ready)(uv_poll_t *, int status, int events));

#endif
