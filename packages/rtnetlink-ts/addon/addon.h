/* The addon's parts: each defines its functions in what the module exports. */
#ifndef RTNETLINK_ADDON_H
#define RTNETLINK_ADDON_H

#include "node_abi.h"

void define_sockets(napi_env env, napi_value exports);
void define_datagrams(napi_env env, napi_value exports);
void define_poll(napi_env env, napi_value exports);
void define_off_loop(napi_env env, napi_value exports);

#endif
