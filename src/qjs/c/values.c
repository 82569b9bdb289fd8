/* JavaScript values from and to C: octets, text, classes. */

#include <string.h>

#include "host.h"

bool host_range(JSValueConst *argv, const uint8_t **start, uint32_t *length)
{
	uint8_t *data;
	uint32_t size;
	uint32_t from, to;
	if (!engine_bytes(argv[0], &data, &size)) {
		JS_ThrowTypeError(host.ctx, "not a Uint8Array");
		return false;
	}
	if (JS_VALUE_GET_TAG(argv[1]) == JS_TAG_INT && JS_VALUE_GET_TAG(argv[2]) == JS_TAG_INT) {
		from = (uint32_t)JS_VALUE_GET_INT(argv[1]);
		to = (uint32_t)JS_VALUE_GET_INT(argv[2]);
	} else if (JS_ToUint32(host.ctx, &from, argv[1]) < 0 || JS_ToUint32(host.ctx, &to, argv[2]) < 0) {
		return false;
	}
	if (from > to || to > size) {
		JS_ThrowRangeError(host.ctx, "%u to %u of %u octets", from, to, size);
		return false;
	}
	*start = data + from;
	*length = to - from;
	return true;
}

bool host_octets(JSValueConst value, const uint8_t **data, uint32_t *length)
{
	uint8_t *start;
	if (!engine_bytes(value, &start, length)) {
		JS_ThrowTypeError(host.ctx, "not a Uint8Array");
		return false;
	}
	*data = start;
	return true;
}

bool host_count(JSValueConst value, double maximum, const char *name, uint32_t *count)
{
	double number;
	if (JS_ToFloat64(host.ctx, &number, value) < 0)
		return false;
	if (!(number >= 1 && number <= maximum) || number != (uint32_t)number) {
		JS_ThrowRangeError(host.ctx, "%s: 1 to %d", name, (int)maximum);
		return false;
	}
	*count = (uint32_t)number;
	return true;
}

const char *host_string(JSValueConst value)
{
	size_t length;
	const char *text = JS_ToCStringLen(host.ctx, &length, value);
	if (text && strlen(text) != length) {
		JS_FreeCString(host.ctx, text);
		host_throw(UV_EINVAL);
		return NULL;
	}
	return text;
}

JSValue host_text(const char *text)
{
	return utf8_decode_lossy((const uint8_t *)text, strlen(text));
}

/* A Uint8Array of all of `buffer`, which is consumed. */
static JSValue bytes_of_buffer(JSValue buffer)
{
	if (JS_IsException(buffer))
		return buffer;
	/* It looks at all three arguments. */
	JSValueConst argv[3] = { buffer, JS_UNDEFINED, JS_UNDEFINED };
	JSValue bytes = JS_NewTypedArray(host.ctx, 3, argv, JS_TYPED_ARRAY_UINT8);
	JS_FreeValue(host.ctx, buffer);
	return bytes;
}

JSValue host_new_bytes(const uint8_t *data, size_t length)
{
	return bytes_of_buffer(JS_NewArrayBufferCopy(host.ctx, data, length));
}

static void free_octets(JSRuntime *rt, void *opaque, void *octets)
{
	js_free_rt(rt, octets);
}

JSValue host_take_bytes(uint8_t *data, size_t length)
{
	JSValue buffer = JS_NewArrayBuffer(host.ctx, data, length, free_octets, NULL, false);
	if (JS_IsException(buffer))
		js_free(host.ctx, data);
	return bytes_of_buffer(buffer);
}

JSValue host_lend_bytes(uint8_t *data, size_t length)
{
	return bytes_of_buffer(JS_NewArrayBuffer(host.ctx, data, length, NULL, NULL, false));
}

void host_detach_bytes(JSValueConst array)
{
	JSValue buffer = JS_GetTypedArrayBuffer(host.ctx, array, NULL, NULL, NULL);
	CHECK(!JS_IsException(buffer));
	JS_DetachArrayBuffer(host.ctx, buffer);
	JS_FreeValue(host.ctx, buffer);
}

void host_class(JSClassID *id, const JSClassDef *def, const JSCFunctionListEntry *methods, int count)
{
	JS_NewClassID(id);
	CHECK(JS_NewClass(host.rt, *id, def) == 0);
	JSValue proto = JS_NewObject(host.ctx);
	JS_SetPropertyFunctionList(host.ctx, proto, methods, count);
	JS_SetClassProto(host.ctx, *id, proto);
}
