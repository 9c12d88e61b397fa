/*
 * System calls that Node does not offer: netlink and Unix SOCK_SEQPACKET sockets, socket options,
 * descriptors passed between processes, setns. Nothing here knows a message's format; all codecs are
 * TypeScript. Every function returns the call's result, or -errno.
 */
#include "addon.h"

__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1(void)
{
	return 8;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	define_sockets(env, exports);
	define_datagrams(env, exports);
	define_poll(env, exports);
	define_off_loop(env, exports);
	return exports;
}
