#include "arguments.h"

Arguments arguments_of(napi_env env, napi_callback_info info)
{
	Arguments arguments = { .env = env, .count = MAX_ARGUMENTS };

	arguments.failed = napi_get_cb_info(env, info, &arguments.count, arguments.values, NULL, NULL) != napi_ok;
	return arguments;
}

static void refuse(Arguments *arguments, const char *message)
{
	if (!arguments->failed)
		napi_throw_type_error(arguments->env, "ERR_INVALID_ARG_TYPE", message);
	arguments->failed = true;
}

int32_t int_argument(Arguments *arguments, size_t index)
{
	int32_t value = 0;

	if (napi_get_value_int32(arguments->env, arguments->values[index], &value) != napi_ok)
		refuse(arguments, "rtnetlink addon: a number is needed");
	return value;
}

uint32_t uint_argument(Arguments *arguments, size_t index)
{
	uint32_t value = 0;

	if (napi_get_value_uint32(arguments->env, arguments->values[index], &value) != napi_ok)
		refuse(arguments, "rtnetlink addon: a number is needed");
	return value;
}

Bytes bytes_argument(Arguments *arguments, size_t index)
{
	Bytes bytes = { 0 };
	napi_typedarray_type type;
	void *data = NULL;

	if (napi_get_typedarray_info(arguments->env, arguments->values[index], &type, &bytes.length, &data, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array) {
		refuse(arguments, "rtnetlink addon: a Uint8Array is needed");
		return (Bytes){ 0 };
	}
	bytes.at = data;
	return bytes;
}

int32_t *ints_argument(Arguments *arguments, size_t index, size_t *length)
{
	bool is_array = false;
	napi_typedarray_type type;
	void *data = NULL;

	*length = 0;
	if (index >= arguments->count || napi_is_typedarray(arguments->env, arguments->values[index], &is_array) != napi_ok || !is_array)
		return NULL;
	if (napi_get_typedarray_info(arguments->env, arguments->values[index], &type, length, &data, NULL, NULL) != napi_ok ||
	    type != napi_int32_array) {
		refuse(arguments, "rtnetlink addon: an Int32Array is needed");
		*length = 0;
	}
	return data;
}

bool is_number_argument(Arguments *arguments, size_t index)
{
	napi_valuetype type;

	return napi_typeof(arguments->env, arguments->values[index], &type) == napi_ok && type == napi_number_type;
}

napi_value result_of(napi_env env, long result)
{
	napi_value value = NULL;

	napi_create_int32(env, (int32_t)result, &value);
	return value;
}

void define(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;

	napi_create_function(env, name, (size_t)-1, callback, NULL, &function);
	napi_set_named_property(env, exports, name, function);
}
