/* A map whose keys are byte sequences: open addressing with linear probing, and a keyed hash against chosen keys. */

#include <string.h>

#include "host.h"

typedef struct entry {
	/* NULL when the place is free. */
	uint8_t *key;
	uint32_t length;
	uint32_t hash;
	JSValue value;
} entry;

typedef struct bytemap {
	/* A power of two of places, at most three quarters of them taken; NULL when there are none. */
	entry *entries;
	uint32_t mask;
	uint32_t count;
} bytemap;

enum { FIRST_PLACES = 8 };

static JSClassID bytemap_class;

/* The hash is HalfSipHash-1-3 under a random key of this process. */
static uint32_t hash_key[2];

static inline uint32_t rotate(uint32_t word, int by)
{
	return word << by | word >> (32 - by);
}

static inline void sip_round(uint32_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 5) ^ v[0];
	v[0] = rotate(v[0], 16);
	v[2] += v[3];
	v[3] = rotate(v[3], 8) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 7) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 13) ^ v[2];
	v[2] = rotate(v[2], 16);
}

static uint32_t hash_of(const uint8_t *key, uint32_t length)
{
	uint32_t v[4] = { hash_key[0], hash_key[1], 0x6c796765 ^ hash_key[0], 0x74656462 ^ hash_key[1] };
	uint32_t word;
	uint32_t i = 0;
	for (; i + 4 <= length; i += 4) {
		memcpy(&word, key + i, 4);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = length << 24;
	for (int shift = 0; i < length; i++, shift += 8)
		word |= (uint32_t)key[i] << shift;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[1] ^ v[3];
}

/* The place of the key, or the free one where it belongs. There are places, and one of them is free. */
static entry *find(const bytemap *map, const uint8_t *key, uint32_t length, uint32_t hash)
{
	uint32_t place = hash & map->mask;
	for (;;) {
		entry *entry = &map->entries[place];
		if (!entry->key)
			return entry;
		if (entry->hash == hash && entry->length == length && memcmp(entry->key, key, length) == 0)
			return entry;
		place = (place + 1) & map->mask;
	}
}

static bool resize(JSContext *ctx, bytemap *map, uint32_t places)
{
	entry *entries = js_mallocz(ctx, places * sizeof *entries);
	if (!entries)
		return false;
	bytemap old = *map;
	map->entries = entries;
	map->mask = places - 1;
	for (uint32_t i = 0; old.entries && i <= old.mask; i++) {
		const entry *from = &old.entries[i];
		if (!from->key)
			continue;
		uint32_t place = from->hash & map->mask;
		while (entries[place].key)
			place = (place + 1) & map->mask;
		entries[place] = *from;
	}
	js_free(ctx, old.entries);
	return true;
}

static void clear(JSRuntime *rt, bytemap *map)
{
	entry *entries = map->entries;
	uint32_t places = entries ? map->mask + 1 : 0;
	/* Freeing a value may run finalizers, which must see an empty map. */
	*map = (bytemap){ 0 };
	for (uint32_t i = 0; i < places; i++) {
		if (entries[i].key) {
			js_free_rt(rt, entries[i].key);
			JS_FreeValueRT(rt, entries[i].value);
		}
	}
	js_free_rt(rt, entries);
}

/* get(bytes, start, end): value | undefined */
static JSValue bytemap_get(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const bytemap *map = JS_GetOpaque2(ctx, this_val, bytemap_class);
	const uint8_t *key;
	uint32_t length;
	if (!map || !host_range(argv, &key, &length))
		return JS_EXCEPTION;
	if (!map->entries)
		return JS_UNDEFINED;
	const entry *entry = find(map, key, length, hash_of(key, length));
	return entry->key ? JS_DupValue(ctx, entry->value) : JS_UNDEFINED;
}

/* set(bytes, start, end, value) */
static JSValue bytemap_set(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	bytemap *map = JS_GetOpaque2(ctx, this_val, bytemap_class);
	const uint8_t *key;
	uint32_t length;
	if (!map || !host_range(argv, &key, &length))
		return JS_EXCEPTION;
	if (!map->entries && !resize(ctx, map, FIRST_PLACES))
		return JS_EXCEPTION;
	uint32_t hash = hash_of(key, length);
	entry *entry = find(map, key, length, hash);
	if (entry->key) {
		JSValue old = entry->value;
		entry->value = JS_DupValue(ctx, argv[3]);
		JS_FreeValue(ctx, old);
		return JS_UNDEFINED;
	}
	if (map->count + 1 > (map->mask + 1) / 4 * 3) {
		if (map->mask >= UINT32_MAX / 4)
			return JS_ThrowRangeError(ctx, "too many keys");
		if (!resize(ctx, map, (map->mask + 1) * 2))
			return JS_EXCEPTION;
		entry = find(map, key, length, hash);
	}
	uint8_t *copy = js_malloc(ctx, length ? length : 1);
	if (!copy)
		return JS_EXCEPTION;
	memcpy(copy, key, length);
	*entry = (struct entry){ copy, length, hash, JS_DupValue(ctx, argv[3]) };
	map->count++;
	return JS_UNDEFINED;
}

/* delete(bytes, start, end): boolean */
static JSValue bytemap_delete(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	bytemap *map = JS_GetOpaque2(ctx, this_val, bytemap_class);
	const uint8_t *key;
	uint32_t length;
	if (!map || !host_range(argv, &key, &length))
		return JS_EXCEPTION;
	if (!map->entries)
		return JS_FALSE;
	entry *entry = find(map, key, length, hash_of(key, length));
	if (!entry->key)
		return JS_FALSE;
	js_free(ctx, entry->key);
	JSValue value = entry->value;
	/* Moves up what would not be found any more past a free place. */
	uint32_t hole = (uint32_t)(entry - map->entries);
	for (uint32_t place = (hole + 1) & map->mask; map->entries[place].key; place = (place + 1) & map->mask) {
		uint32_t home = map->entries[place].hash & map->mask;
		if (((place - home) & map->mask) >= ((place - hole) & map->mask)) {
			map->entries[hole] = map->entries[place];
			hole = place;
		}
	}
	map->entries[hole].key = NULL;
	map->count--;
	/* Gives memory back; when there is none for the smaller table, the larger one stays. */
	if (map->mask >= FIRST_PLACES && map->count < (map->mask + 1) / 8 && !resize(ctx, map, (map->mask + 1) / 2))
		JS_FreeValue(ctx, JS_GetException(ctx));
	JS_FreeValue(ctx, value);
	return JS_TRUE;
}

static JSValue bytemap_clear(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	bytemap *map = JS_GetOpaque2(ctx, this_val, bytemap_class);
	if (!map)
		return JS_EXCEPTION;
	clear(JS_GetRuntime(ctx), map);
	return JS_UNDEFINED;
}

static JSValue bytemap_size(JSContext *ctx, JSValueConst this_val)
{
	const bytemap *map = JS_GetOpaque2(ctx, this_val, bytemap_class);
	if (!map)
		return JS_EXCEPTION;
	return JS_NewUint32(ctx, map->count);
}

/* createByteMap(): ByteMap */
static JSValue bytemap_create(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	JSValue object = JS_NewObjectClass(ctx, bytemap_class);
	if (JS_IsException(object))
		return object;
	bytemap *map = js_mallocz(ctx, sizeof *map);
	if (!map) {
		JS_FreeValue(ctx, object);
		return JS_EXCEPTION;
	}
	JS_SetOpaque(object, map);
	return object;
}

static void bytemap_finalize(JSRuntime *rt, JSValue value)
{
	bytemap *map = JS_GetOpaque(value, bytemap_class);
	if (map) {
		clear(rt, map);
		js_free_rt(rt, map);
	}
}

static void bytemap_mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *mark)
{
	const bytemap *map = JS_GetOpaque(value, bytemap_class);
	for (uint32_t i = 0; map && map->entries && i <= map->mask; i++) {
		if (map->entries[i].key)
			JS_MarkValue(rt, map->entries[i].value, mark);
	}
}

static const JSClassDef bytemap_def = { "ByteMap", .finalizer = bytemap_finalize, .gc_mark = bytemap_mark };

static const JSCFunctionListEntry methods[] = {
	JS_CFUNC_DEF("get", 3, bytemap_get),	 JS_CFUNC_DEF("set", 4, bytemap_set),
	JS_CFUNC_DEF("delete", 3, bytemap_delete), JS_CFUNC_DEF("clear", 0, bytemap_clear),
	JS_CGETSET_DEF("size", bytemap_size, NULL),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("createByteMap", 0, bytemap_create),
};

static void start(void)
{
	CHECK(uv_random(NULL, NULL, hash_key, sizeof hash_key, 0, NULL) == 0);
	host_class(&bytemap_class, &bytemap_def, methods, COUNT(methods));
}

const host_module bytemap_module = { functions, COUNT(functions), start, NULL, NULL };
