/* Random octets from the operating system. */

#include "host.h"

/* randomBytes(length): Uint8Array */
static JSValue random_bytes(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint32_t length;
	uint8_t *data;
	uint32_t size;
	if (JS_ToUint32(ctx, &length, argv[0]) < 0)
		return JS_EXCEPTION;
	JSValueConst count[3] = { JS_NewUint32(ctx, length), JS_UNDEFINED, JS_UNDEFINED };
	JSValue bytes = JS_NewTypedArray(ctx, 3, count, JS_TYPED_ARRAY_UINT8);
	if (JS_IsException(bytes))
		return bytes;
	CHECK(engine_bytes(bytes, &data, &size));
	int error = size == 0 ? 0 : uv_random(NULL, NULL, data, size, 0, NULL);
	if (error < 0) {
		JS_FreeValue(ctx, bytes);
		return host_throw(error);
	}
	return bytes;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("randomBytes", 1, random_bytes),
};

const host_module random_module = { functions, COUNT(functions), NULL, NULL, NULL };
