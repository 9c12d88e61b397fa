/* Functions that JavaScript calls: how they are defined, read their arguments and answer. */
#ifndef RTNETLINK_ARGUMENTS_H
#define RTNETLINK_ARGUMENTS_H

#include "node_abi.h"

#define MAX_ARGUMENTS 6

/** One call's arguments. A wrong one throws a TypeError and sets `failed`. */
typedef struct {
	napi_env env;
	napi_value values[MAX_ARGUMENTS];
	size_t count;
	bool failed;
} Arguments;

typedef struct {
	uint8_t *at;
	size_t length;
} Bytes;

Arguments arguments_of(napi_env env, napi_callback_info info);
int32_t int_argument(Arguments *arguments, size_t index);
uint32_t uint_argument(Arguments *arguments, size_t index);
Bytes bytes_argument(Arguments *arguments, size_t index);
/** Elements of an Int32Array; none where the argument is absent. */
int32_t *ints_argument(Arguments *arguments, size_t index, size_t *length);
bool is_number_argument(Arguments *arguments, size_t index);

/**
 * What a system call returned, or its errno below zero: a full buffer is no exception, and making an
 * Error object costs more than most of these calls.
 */
napi_value result_of(napi_env env, long result);

void define(napi_env env, napi_value exports, const char *name, napi_callback callback);

#endif
