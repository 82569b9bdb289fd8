/* SHA-256 (FIPS 180-4), HMAC (RFC 2104) and PBKDF2 (RFC 8018) with it, and a comparison that takes its time. */

#include <string.h>

#include "host.h"

enum {
	BLOCK = 64,
	DIGEST = 32,
	MAXIMUM_ITERATIONS = 1000000,
	MAXIMUM_DERIVED = 1024
};

typedef struct sha256 {
	uint32_t state[8];
	/* Octets so far; the last `length % BLOCK` of them wait in `block`. */
	uint64_t length;
	uint8_t block[BLOCK];
} sha256;

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int count)
{
	return value >> count | value << (32 - count);
}

static void take_block(uint32_t *state, const uint8_t *block)
{
	uint32_t w[64];
	for (int i = 0; i < 16; i++, block += 4)
		w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	for (int i = 0; i < 64; i++) {
		uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
		uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
		uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
		uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

static void sha256_begin(sha256 *hash)
{
	static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	memcpy(hash->state, start, sizeof start);
	hash->length = 0;
}

static void sha256_add(sha256 *hash, const uint8_t *data, size_t length)
{
	if (length == 0)
		return;
	size_t waiting = hash->length % BLOCK;
	hash->length += length;
	if (waiting > 0) {
		size_t part = length < BLOCK - waiting ? length : BLOCK - waiting;
		memcpy(hash->block + waiting, data, part);
		if (waiting + part < BLOCK)
			return;
		take_block(hash->state, hash->block);
		data += part;
		length -= part;
	}
	for (; length >= BLOCK; data += BLOCK, length -= BLOCK)
		take_block(hash->state, data);
	if (length > 0)
		memcpy(hash->block, data, length);
}

static void sha256_end(sha256 *hash, uint8_t *digest)
{
	size_t waiting = hash->length % BLOCK;
	uint64_t bits = hash->length * 8;
	hash->block[waiting++] = 0x80;
	if (waiting > BLOCK - 8) {
		memset(hash->block + waiting, 0, BLOCK - waiting);
		take_block(hash->state, hash->block);
		waiting = 0;
	}
	memset(hash->block + waiting, 0, BLOCK - 8 - waiting);
	for (int i = 0; i < 8; i++)
		hash->block[BLOCK - 1 - i] = (uint8_t)(bits >> 8 * i);
	take_block(hash->state, hash->block);
	for (int i = 0; i < DIGEST; i++)
		digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - i % 4 * 8));
}

/* A key, as the two hashes that begin with it: many messages cost no more for it. */
typedef struct hmac {
	sha256 inner;
	sha256 outer;
} hmac;

static void hmac_key(hmac *mac, const uint8_t *key, size_t length)
{
	uint8_t pad[BLOCK] = { 0 };
	if (length > BLOCK) {
		sha256 hash;
		sha256_begin(&hash);
		sha256_add(&hash, key, length);
		sha256_end(&hash, pad);
	} else if (length > 0) {
		memcpy(pad, key, length);
	}
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	sha256_begin(&mac->inner);
	sha256_add(&mac->inner, pad, BLOCK);
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_begin(&mac->outer);
	sha256_add(&mac->outer, pad, BLOCK);
}

/* HMAC of `data` followed by `more`. */
static void hmac_of(const hmac *mac, const uint8_t *data, size_t length, const uint8_t *more, size_t more_length,
		    uint8_t *digest)
{
	sha256 hash = mac->inner;
	sha256_add(&hash, data, length);
	sha256_add(&hash, more, more_length);
	sha256_end(&hash, digest);
	hash = mac->outer;
	sha256_add(&hash, digest, DIGEST);
	sha256_end(&hash, digest);
}

static void pbkdf2(const hmac *mac, const uint8_t *salt, size_t salt_length, uint32_t iterations, uint8_t *out,
		   size_t length)
{
	for (uint32_t number = 1; length > 0; number++) {
		uint8_t index[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				     (uint8_t)number };
		uint8_t last[DIGEST], sum[DIGEST];
		hmac_of(mac, salt, salt_length, index, sizeof index, last);
		memcpy(sum, last, DIGEST);
		for (uint32_t i = 1; i < iterations; i++) {
			hmac_of(mac, last, DIGEST, NULL, 0, last);
			for (int at = 0; at < DIGEST; at++)
				sum[at] ^= last[at];
		}
		size_t part = length < DIGEST ? length : DIGEST;
		memcpy(out, sum, part);
		out += part;
		length -= part;
	}
}

/* sha256(bytes): Uint8Array */
static JSValue crypto_sha256(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *data;
	uint32_t length;
	if (!host_octets(argv[0], &data, &length))
		return JS_EXCEPTION;
	sha256 hash;
	uint8_t digest[DIGEST];
	sha256_begin(&hash);
	sha256_add(&hash, data, length);
	sha256_end(&hash, digest);
	return host_new_bytes(digest, DIGEST);
}

/* hmacSha256(key, bytes): Uint8Array */
static JSValue crypto_hmac(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *key, *data;
	uint32_t key_length, length;
	if (!host_octets(argv[0], &key, &key_length) || !host_octets(argv[1], &data, &length))
		return JS_EXCEPTION;
	hmac mac;
	uint8_t digest[DIGEST];
	hmac_key(&mac, key, key_length);
	hmac_of(&mac, data, length, NULL, 0, digest);
	return host_new_bytes(digest, DIGEST);
}

/* pbkdf2Sha256(password, salt, iterations, length): Uint8Array */
static JSValue crypto_pbkdf2(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *password, *salt;
	uint32_t password_length, salt_length, iterations, length;
	if (!host_count(argv[2], MAXIMUM_ITERATIONS, "iterations", &iterations) ||
	    !host_count(argv[3], MAXIMUM_DERIVED, "length", &length) ||
	    !host_octets(argv[0], &password, &password_length) || !host_octets(argv[1], &salt, &salt_length))
		return JS_EXCEPTION;
	hmac mac;
	uint8_t out[MAXIMUM_DERIVED];
	hmac_key(&mac, password, password_length);
	pbkdf2(&mac, salt, salt_length, iterations, out, length);
	return host_new_bytes(out, length);
}

/* equalOctets(a, b): boolean */
static JSValue crypto_equal(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *a, *b;
	uint32_t length, length_b;
	if (!host_octets(argv[0], &a, &length) || !host_octets(argv[1], &b, &length_b))
		return JS_EXCEPTION;
	if (length != length_b)
		return JS_FALSE;
	/* Volatile: the compiler must not find a way to stop early. */
	volatile uint8_t difference = 0;
	for (uint32_t i = 0; i < length; i++)
		difference |= a[i] ^ b[i];
	return JS_NewBool(ctx, difference == 0);
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("sha256", 1, crypto_sha256),
	JS_CFUNC_DEF("hmacSha256", 2, crypto_hmac),
	JS_CFUNC_DEF("pbkdf2Sha256", 4, crypto_pbkdf2),
	JS_CFUNC_DEF("equalOctets", 2, crypto_equal),
};

const host_module crypto_module = { functions, COUNT(functions), NULL, NULL, NULL };
