/* UTF-8 as MQTT wants it: no U+0000, no surrogates, no overlong forms, nothing above U+10FFFF. */

#include <string.h>

#include "host.h"

/* How many octets from `at` are ASCII and, where `no_nul`, not U+0000. */
static size_t ascii_prefix(const uint8_t *at, size_t length, bool no_nul)
{
	size_t i = 0;
	/* Words: an octet has its high bit set, or (the borrow of a subtraction shows it) is 0. */
	for (; i + sizeof(size_t) <= length; i += sizeof(size_t)) {
		const size_t ones = (size_t)-1 / 0xff;
		size_t word;
		memcpy(&word, at + i, sizeof word);
		size_t stop = word;
		if (no_nul)
			stop |= word - ones;
		if (stop & (ones << 7))
			break;
	}
	while (i < length && at[i] < 0x80 && (at[i] != 0 || !no_nul))
		i++;
	return i;
}

/* The length of the well-formed sequence of two octets or more at `at`, or 0. The ranges are those of RFC 3629. */
static size_t sequence(const uint8_t *at, size_t length)
{
	uint8_t first = at[0];
	size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (size == 0 || size > length)
		return 0;
	uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

static bool is_valid(const uint8_t *text, size_t length)
{
	size_t i = 0;
	while ((i += ascii_prefix(text + i, length - i, true)) < length) {
		size_t size = sequence(text + i, length - i);
		if (size == 0)
			return false;
		i += size;
	}
	return true;
}

/* Decodes with each ill-formed octet as U+FFFD, or, `escaped`, as U+DC00 + octet: as UTF-8, were it allowed there. */
static JSValue decode_anything(const uint8_t *text, size_t length, bool escaped)
{
	size_t bad = 0;
	for (size_t i = 0; (i += ascii_prefix(text + i, length - i, false)) < length;) {
		size_t size = sequence(text + i, length - i);
		bad += size == 0;
		i += size ? size : 1;
	}
	if (bad == 0)
		return JS_NewStringLen(host.ctx, (const char *)text, length);
	char *fixed = js_malloc(host.ctx, length + 2 * bad);
	if (!fixed)
		return JS_EXCEPTION;
	size_t end = 0;
	for (size_t i = 0; i < length;) {
		size_t size = text[i] < 0x80 ? 1 : sequence(text + i, length - i);
		if (size == 0) {
			const uint8_t escape[3] = { 0xed, 0xb0 | text[i] >> 6, 0x80 | (text[i] & 0x3f) };
			memcpy(fixed + end, escaped ? escape : (const uint8_t *)"\xef\xbf\xbd", 3);
			end += 3;
			i++;
		} else {
			memcpy(fixed + end, text + i, size);
			end += size;
			i += size;
		}
	}
	JSValue result = JS_NewStringLen(host.ctx, fixed, end);
	js_free(host.ctx, fixed);
	return result;
}

JSValue utf8_decode_lossy(const uint8_t *text, size_t length)
{
	return decode_anything(text, length, false);
}

JSValue utf8_decode_escaped(const uint8_t *text, size_t length)
{
	return decode_anything(text, length, true);
}

/* The next code point of UTF-16 text, a lone surrogate as U+FFFD. */
static uint32_t next_code_point(const engine_text *text, uint32_t *i)
{
	uint32_t unit = text->utf16[(*i)++];
	if (unit < 0xd800 || unit > 0xdfff)
		return unit;
	if (unit < 0xdc00 && *i < text->length) {
		uint32_t low = text->utf16[*i];
		if (low >= 0xdc00 && low <= 0xdfff) {
			(*i)++;
			return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return 0xfffd;
}

static size_t text_length(const engine_text *text)
{
	size_t length = 0;
	if (text->latin1) {
		for (uint32_t i = 0; i < text->length; i++)
			length += 1 + (text->latin1[i] >> 7);
		return length;
	}
	for (uint32_t i = 0; i < text->length;) {
		uint32_t point = next_code_point(text, &i);
		length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	}
	return length;
}

/* Writes all of the text, for which there is room. */
static void text_write(const engine_text *text, uint8_t *out)
{
	if (text->latin1) {
		for (uint32_t i = 0; i < text->length; i++) {
			uint8_t unit = text->latin1[i];
			if (unit >= 0x80) {
				*out++ = 0xc0 | unit >> 6;
				unit = 0x80 | (unit & 0x3f);
			}
			*out++ = unit;
		}
		return;
	}
	for (uint32_t i = 0; i < text->length;) {
		uint32_t point = next_code_point(text, &i);
		if (point < 0x80) {
			*out++ = point;
			continue;
		}
		if (point < 0x800) {
			*out++ = 0xc0 | point >> 6;
		} else {
			if (point < 0x10000) {
				*out++ = 0xe0 | point >> 12;
			} else {
				*out++ = 0xf0 | point >> 18;
				*out++ = 0x80 | (point >> 12 & 0x3f);
			}
			*out++ = 0x80 | (point >> 6 & 0x3f);
		}
		*out++ = 0x80 | (point & 0x3f);
	}
}

/* utf8Decode(bytes, start, end): string | null */
static JSValue utf8_decode(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *text;
	uint32_t length;
	if (!host_range(argv, &text, &length))
		return JS_EXCEPTION;
	if (!is_valid(text, length))
		return JS_NULL;
	return JS_NewStringLen(ctx, (const char *)text, length);
}

/* utf8DecodeLossy(bytes, start, end): string */
static JSValue utf8_decode_lossy_function(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *text;
	uint32_t length;
	if (!host_range(argv, &text, &length))
		return JS_EXCEPTION;
	return utf8_decode_lossy(text, length);
}

/* utf8IsValid(bytes, start, end): boolean */
static JSValue utf8_is_valid(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *text;
	uint32_t length;
	if (!host_range(argv, &text, &length))
		return JS_EXCEPTION;
	return JS_NewBool(ctx, is_valid(text, length));
}

/* utf8IsPlain(text): boolean */
static JSValue utf8_is_plain(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	engine_text text;
	if (!engine_text_get(ctx, argv[0], &text))
		return JS_EXCEPTION;
	bool plain = true;
	for (uint32_t i = 0; plain && i < text.length; i++) {
		unsigned int unit = text.latin1 ? text.latin1[i] : text.utf16[i];
		plain = unit >= 0x20 && unit < 0x7f;
	}
	engine_text_release(ctx, &text);
	return JS_NewBool(ctx, plain);
}

/* utf8ByteLength(text): number */
static JSValue utf8_byte_length(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	engine_text text;
	if (!engine_text_get(ctx, argv[0], &text))
		return JS_EXCEPTION;
	size_t length = text_length(&text);
	engine_text_release(ctx, &text);
	return JS_NewInt64(ctx, (int64_t)length);
}

/* utf8EncodeInto(text, bytes, start): position after the last octet */
static JSValue utf8_encode_into(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	engine_text text;
	uint8_t *bytes;
	uint32_t size, start;
	if (!engine_bytes(argv[1], &bytes, &size))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	if (JS_ToUint32(ctx, &start, argv[2]) < 0 || !engine_text_get(ctx, argv[0], &text))
		return JS_EXCEPTION;
	size_t length = text_length(&text);
	bool fits = start <= size && length <= size - start;
	if (fits)
		text_write(&text, bytes + start);
	engine_text_release(ctx, &text);
	if (!fits)
		return JS_ThrowRangeError(ctx, "%zu octets at %u of %u", length, start, size);
	return JS_NewInt64(ctx, (int64_t)(start + length));
}

/* utf8Encode(text): Uint8Array */
static JSValue utf8_encode(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	engine_text text;
	if (!engine_text_get(ctx, argv[0], &text))
		return JS_EXCEPTION;
	size_t length = text_length(&text);
	uint8_t *octets = js_malloc(ctx, length ? length : 1);
	JSValue result = JS_EXCEPTION;
	if (octets) {
		text_write(&text, octets);
		result = host_take_bytes(octets, length);
	}
	engine_text_release(ctx, &text);
	return result;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("utf8Decode", 3, utf8_decode),
	JS_CFUNC_DEF("utf8DecodeLossy", 3, utf8_decode_lossy_function),
	JS_CFUNC_DEF("utf8IsValid", 3, utf8_is_valid),
	JS_CFUNC_DEF("utf8IsPlain", 1, utf8_is_plain),
	JS_CFUNC_DEF("utf8ByteLength", 1, utf8_byte_length),
	JS_CFUNC_DEF("utf8EncodeInto", 3, utf8_encode_into),
	JS_CFUNC_DEF("utf8Encode", 1, utf8_encode),
};

const host_module utf8_module = { functions, COUNT(functions), NULL, NULL, NULL };
