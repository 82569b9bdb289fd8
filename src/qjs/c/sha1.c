/* SHA-1 (FIPS 180-4), of which WebSocket's handshake is made. It protects nothing. */

#include <string.h>

#include "host.h"

enum { BLOCK = 64, DIGEST = 20 };

static uint32_t rotate(uint32_t value, int count)
{
	return value << count | value >> (32 - count);
}

static void take_block(uint32_t *state, const uint8_t *block)
{
	uint32_t w[80];
	for (int i = 0; i < 16; i++, block += 4)
		w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	for (int i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (i < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		uint32_t next = rotate(a, 5) + f + e + k + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

static void sha1_of(const uint8_t *data, size_t length, uint8_t *digest)
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t last[2 * BLOCK] = { 0 };
	size_t left = length;
	for (; left >= BLOCK; left -= BLOCK, data += BLOCK)
		take_block(state, data);
	if (left > 0)
		memcpy(last, data, left);
	last[left] = 0x80;
	size_t size = left < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	for (int i = 0; i < 8; i++)
		last[size - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);
	for (size_t at = 0; at < size; at += BLOCK)
		take_block(state, last + at);
	for (int i = 0; i < DIGEST; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
}

/* sha1(bytes): Uint8Array */
static JSValue sha1_function(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint8_t *data;
	uint32_t length;
	uint8_t digest[DIGEST];
	if (!engine_bytes(argv[0], &data, &length))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	sha1_of(data, length, digest);
	return host_new_bytes(digest, DIGEST);
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("sha1", 1, sha1_function),
};

const host_module sha1_module = { functions, COUNT(functions), NULL, NULL, NULL };
