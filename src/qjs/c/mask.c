/* Copying with a mask of four octets (RFC 6455, section 5.3). */

#include <string.h>

#include "host.h"

/* As `from` and `to` may overlap, `to` being the lower, the order is from low to high. */
static void copy_masked(const uint8_t *from, uint32_t length, uint32_t key, uint8_t *to)
{
	uint8_t octets[4] = { (uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key };
	uint32_t word, part;
	memcpy(&word, octets, sizeof word);
	for (; length >= sizeof part; length -= sizeof part, from += sizeof part, to += sizeof part) {
		memcpy(&part, from, sizeof part);
		part ^= word;
		memcpy(to, &part, sizeof part);
	}
	for (uint32_t i = 0; i < length; i++)
		to[i] = from[i] ^ octets[i];
}

/* copyMasked(from, start, end, key, to, at) */
static JSValue mask_copy(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *from;
	uint8_t *to;
	uint32_t length, size, at;
	int32_t key;
	if (!host_range(argv, &from, &length))
		return JS_EXCEPTION;
	if (!engine_bytes(argv[4], &to, &size))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	if (JS_ToInt32(ctx, &key, argv[3]) < 0 || JS_ToUint32(ctx, &at, argv[5]) < 0)
		return JS_EXCEPTION;
	if (at > size || length > size - at)
		return JS_ThrowRangeError(ctx, "%u octets at %u of %u", length, at, size);
	if (key == 0)
		memmove(to + at, from, length);
	else
		copy_masked(from, length, (uint32_t)key, to + at);
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("copyMasked", 6, mask_copy),
};

const host_module mask_module = { functions, COUNT(functions), NULL, NULL, NULL };
