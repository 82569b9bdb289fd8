/*
 * SHA-512 (FIPS 180-4), and PBKDF2 (RFC 8018) with its HMAC (RFC 2104), which takes long on purpose and is computed in
 * a thread of its own, one key after the other.
 *
 * The loop must never wait for that thread, which is nice and may not get on: so they share no lock, as those of libuv's
 * pool would.
 */

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host.h"

enum {
	BLOCK = 128,
	DIGEST = 64,
	/* Of the thread: the loop is served first. */
	NICENESS = 10,
	/* Iterations, less than two tenths of a millisecond on a router, between looks at whether the loop has something to do. */
	LOOK_INTERVAL = 4,
	MAXIMUM_ITERATIONS = 10000000,
	MAXIMUM_DERIVED = 1024
};

typedef struct sha512 {
	uint64_t state[8];
	/* Octets so far; the last `length % BLOCK` of them wait in `block`. */
	uint64_t length;
	uint8_t block[BLOCK];
} sha512;

/* The first 64 bits of the fractional parts of the cube roots of the first 80 primes. */
static const uint64_t constants[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint64_t rotate(uint64_t value, int count)
{
	return value >> count | value << (64 - count);
}

static void take_block(uint64_t *state, const uint8_t *block)
{
	uint64_t w[80];
	for (int i = 0; i < 16; i++) {
		w[i] = 0;
		for (int j = 0; j < 8; j++)
			w[i] = w[i] << 8 | *block++;
	}
	for (int i = 16; i < 80; i++) {
		uint64_t s0 = rotate(w[i - 15], 1) ^ rotate(w[i - 15], 8) ^ w[i - 15] >> 7;
		uint64_t s1 = rotate(w[i - 2], 19) ^ rotate(w[i - 2], 61) ^ w[i - 2] >> 6;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint64_t e = state[4], f = state[5], g = state[6], h = state[7];
	for (int i = 0; i < 80; i++) {
		uint64_t s1 = rotate(e, 14) ^ rotate(e, 18) ^ rotate(e, 41);
		uint64_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
		uint64_t s0 = rotate(a, 28) ^ rotate(a, 34) ^ rotate(a, 39);
		uint64_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
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

static void sha512_begin(sha512 *hash)
{
	static const uint64_t start[8] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
					   0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
					   0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };
	memcpy(hash->state, start, sizeof start);
	hash->length = 0;
}

static void sha512_add(sha512 *hash, const uint8_t *data, size_t length)
{
	while (length > 0) {
		size_t waiting = hash->length % BLOCK;
		size_t part = length < BLOCK - waiting ? length : BLOCK - waiting;
		memcpy(hash->block + waiting, data, part);
		if (waiting + part == BLOCK)
			take_block(hash->state, hash->block);
		hash->length += part;
		data += part;
		length -= part;
	}
}

static void sha512_end(sha512 *hash, uint8_t *digest)
{
	size_t waiting = hash->length % BLOCK;
	uint64_t bits = hash->length * 8;
	hash->block[waiting++] = 0x80;
	if (waiting > BLOCK - 16) {
		memset(hash->block + waiting, 0, BLOCK - waiting);
		take_block(hash->state, hash->block);
		waiting = 0;
	}
	/* Of the 128 bits of the length, the upper ones are 0. */
	memset(hash->block + waiting, 0, BLOCK - 8 - waiting);
	for (int i = 0; i < 8; i++)
		hash->block[BLOCK - 1 - i] = (uint8_t)(bits >> 8 * i);
	take_block(hash->state, hash->block);
	for (int i = 0; i < DIGEST; i++)
		digest[i] = (uint8_t)(hash->state[i / 8] >> (56 - i % 8 * 8));
}

/* A key, as the two hashes that begin with it: many messages cost no more for it. */
typedef struct hmac {
	sha512 inner;
	sha512 outer;
} hmac;

static void hmac_key(hmac *mac, const uint8_t *key, size_t length)
{
	uint8_t pad[BLOCK] = { 0 };
	if (length > BLOCK) {
		sha512 hash;
		sha512_begin(&hash);
		sha512_add(&hash, key, length);
		sha512_end(&hash, pad);
	} else if (length > 0) {
		memcpy(pad, key, length);
	}
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	sha512_begin(&mac->inner);
	sha512_add(&mac->inner, pad, BLOCK);
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha512_begin(&mac->outer);
	sha512_add(&mac->outer, pad, BLOCK);
}

/* HMAC of `data` followed by `more`. */
static void hmac_of(const hmac *mac, const uint8_t *data, size_t length, const uint8_t *more, size_t more_length,
		    uint8_t *digest)
{
	sha512 hash = mac->inner;
	sha512_add(&hash, data, length);
	sha512_add(&hash, more, more_length);
	sha512_end(&hash, digest);
	hash = mac->outer;
	sha512_add(&hash, digest, DIGEST);
	sha512_end(&hash, digest);
}

/* A key to be derived: nothing of JavaScript in it but what the loop's own thread touches. */
typedef struct derivation {
	JSValue callback;
	struct list_head link;
	uint32_t iterations;
	uint32_t length;
	uint8_t out[MAXIMUM_DERIVED];
	size_t salt_length;
	size_t password_length;
	/* The salt, and the password behind it. */
	uint8_t octets[];
} derivation;

/* The oldest first. */
static struct list_head derivations = LIST_HEAD_INIT(derivations);
/* The one that the thread has, or NULL; and whether it has finished with that. */
static derivation *running;
static bool is_derived;
/* Wakes the thread, and the loop. */
static uv_sem_t work;
static uv_async_t derived;
static uv_thread_t thread;
/* The process that has the thread: after a fork there is none. */
static pid_t thread_owner;
static bool is_stopping;

/*
 * Lets the loop go first when something has come for it. Where both share a processor, systems differ in whether who wakes
 * up takes the place of who is nice at once, or when its slice is over, milliseconds later.
 */
static void make_way(void)
{
	struct pollfd loop = { .fd = uv_backend_fd(&host.loop), .events = POLLIN };
	if (poll(&loop, 1, 0) > 0)
		sched_yield();
}

static void derive(derivation *job)
{
	uint8_t *out = job->out;
	size_t length = job->length;
	hmac mac;
	hmac_key(&mac, job->octets + job->salt_length, job->password_length);
	for (uint32_t number = 1; length > 0; number++) {
		uint8_t index[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				     (uint8_t)number };
		uint8_t last[DIGEST], sum[DIGEST];
		hmac_of(&mac, job->octets, job->salt_length, index, sizeof index, last);
		memcpy(sum, last, DIGEST);
		for (uint32_t i = 1; i < job->iterations; i++) {
			if (i % LOOK_INTERVAL == 0) {
				if (__atomic_load_n(&is_stopping, __ATOMIC_RELAXED))
					return;
				make_way();
			}
			hmac_of(&mac, last, DIGEST, NULL, 0, last);
			for (int at = 0; at < DIGEST; at++)
				sum[at] ^= last[at];
		}
		size_t part = length < DIGEST ? length : DIGEST;
		memcpy(out, sum, part);
		out += part;
		length -= part;
	}
}

static void run_thread(void *argument)
{
	/* Of this thread alone, on Linux. */
	setpriority(PRIO_PROCESS, 0, NICENESS);
	for (;;) {
		uv_sem_wait(&work);
		if (__atomic_load_n(&is_stopping, __ATOMIC_RELAXED))
			return;
		derive(running);
		__atomic_store_n(&is_derived, true, __ATOMIC_RELEASE);
		uv_async_send(&derived);
	}
}

/* Gives the oldest derivation to the thread, unless that has one. */
static void start_next(void)
{
	if (running || list_empty(&derivations))
		return;
	if (thread_owner != getpid()) {
		thread_owner = getpid();
		CHECK(uv_sem_init(&work, 0) == 0);
		CHECK(uv_thread_create(&thread, run_thread, NULL) == 0);
	}
	running = list_entry(derivations.next, derivation, link);
	uv_sem_post(&work);
}

static void on_derived(uv_async_t *handle)
{
	if (!__atomic_exchange_n(&is_derived, false, __ATOMIC_ACQUIRE))
		return;
	JSContext *ctx = host.ctx;
	derivation *job = running;
	JSValue callback = job->callback;
	JSValue key = host_new_bytes(job->out, job->length);
	list_del(&job->link);
	free(job);
	running = NULL;
	start_next();
	/* Nobody but who waits for a key keeps the program running for it. */
	if (!running)
		uv_unref((uv_handle_t *)&derived);
	host_notify(callback, JS_UNDEFINED, 1, &key);
	JS_FreeValue(ctx, key);
	JS_FreeValue(ctx, callback);
}

/* sha512(bytes): Uint8Array */
static JSValue sha512_hash(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *data;
	uint32_t length;
	if (!host_octets(argv[0], &data, &length))
		return JS_EXCEPTION;
	sha512 hash;
	uint8_t digest[DIGEST];
	sha512_begin(&hash);
	sha512_add(&hash, data, length);
	sha512_end(&hash, digest);
	return host_new_bytes(digest, DIGEST);
}

/* pbkdf2Sha512(password, salt, iterations, length, callback(key)) */
static JSValue sha512_pbkdf2(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const uint8_t *password, *salt;
	uint32_t password_length, salt_length, iterations, length;
	if (!host_count(argv[2], MAXIMUM_ITERATIONS, "iterations", &iterations) ||
	    !host_count(argv[3], MAXIMUM_DERIVED, "length", &length) ||
	    !host_octets(argv[0], &password, &password_length) || !host_octets(argv[1], &salt, &salt_length))
		return JS_EXCEPTION;
	if (!JS_IsFunction(ctx, argv[4]))
		return JS_ThrowTypeError(ctx, "not a function");
	derivation *job = host_alloc(sizeof *job + salt_length + password_length);
	job->iterations = iterations;
	job->length = length;
	job->salt_length = salt_length;
	job->password_length = password_length;
	if (salt_length > 0)
		memcpy(job->octets, salt, salt_length);
	if (password_length > 0)
		memcpy(job->octets + salt_length, password, password_length);
	job->callback = JS_DupValue(ctx, argv[4]);
	list_add_tail(&job->link, &derivations);
	uv_ref((uv_handle_t *)&derived);
	start_next();
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("sha512", 1, sha512_hash),
	JS_CFUNC_DEF("pbkdf2Sha512", 5, sha512_pbkdf2),
};

static void start(void)
{
	CHECK(uv_async_init(&host.loop, &derived, on_derived) == 0);
	uv_unref((uv_handle_t *)&derived);
}

static void stop(void)
{
	if (thread_owner == getpid()) {
		__atomic_store_n(&is_stopping, true, __ATOMIC_RELAXED);
		uv_sem_post(&work);
		CHECK(uv_thread_join(&thread) == 0);
		uv_sem_destroy(&work);
	}
	while (!list_empty(&derivations)) {
		derivation *job = list_entry(derivations.next, derivation, link);
		JS_FreeValue(host.ctx, job->callback);
		list_del(&job->link);
		free(job);
	}
	uv_close((uv_handle_t *)&derived, NULL);
}

const host_module sha512_module = { functions, COUNT(functions), start, stop, NULL };
