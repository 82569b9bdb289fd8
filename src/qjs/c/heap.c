/*
 * Memory of the JavaScript heap, whose objects are small, many and short-lived. It comes in chunks that have blocks of one size each;
 * those that are free are a list. What is larger is the C library's. Only the thread of the event loop has a JavaScript heap,
 * so that nothing is locked. Memory of free blocks is kept for others of their size.
 */

#include "heap.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/* Of which sizes are multiples: two pointers, as malloc aligns. */
	GRANULE = 2 * sizeof(void *),
	LARGEST = 64 * GRANULE,
	CHUNK_BITS = 16,
	CHUNK = 1 << CHUNK_BITS,
	/* As many as a machine of 32 bits can have. */
	CHUNKS = 1 << 16,
	/* How many the kernel is asked for at once. */
	CHUNKS_AT_ONCE = 8,
	IS_WIDE = sizeof(void *) > 4,
};

typedef struct block {
	struct block *next;
} block;

static struct {
	/* By size in granules: what is free, and the rest of the last chunk, which was never used. */
	block *free[LARGEST / GRANULE + 1];
	uint8_t *fresh[LARGEST / GRANULE + 1], *fresh_end[LARGEST / GRANULE + 1];
	/* Chunks that nothing is in yet. */
	uint8_t *chunks, *chunks_end;
	/* The first address that may be in a chunk: all there can be are reserved where addresses are plenty. */
	uint8_t *base;
	/* By number of a chunk: size of its blocks in granules; 0 for what is none. */
	uint8_t granules[CHUNKS];
} heap;

static inline size_t chunk_of(const void *memory)
{
	return ((uintptr_t)memory - (uintptr_t)heap.base) >> CHUNK_BITS;
}

/* Granules of the block that this is; 0 when it is the C library's. */
static inline size_t granules_of(const void *memory)
{
	size_t chunk = chunk_of(memory);
	return IS_WIDE && chunk >= CHUNKS ? 0 : heap.granules[chunk];
}

/* `length` octets of addresses, and CHUNK more, so that they can begin where a chunk does; NULL when there are none. */
static uint8_t *reserve(size_t length, int protection)
{
	uint8_t *memory = mmap(NULL, length + CHUNK, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static uint8_t *aligned(uint8_t *memory)
{
	return memory + (-(uintptr_t)memory & (CHUNK - 1));
}

/* Has the kernel give some chunks. */
static bool take_chunks(void)
{
	enum { LENGTH = CHUNKS_AT_ONCE * CHUNK };
	uint8_t *chunks;
	if (IS_WIDE) {
		if (!heap.base) {
			uint8_t *all = reserve((size_t)CHUNKS << CHUNK_BITS, PROT_NONE);
			if (!all)
				return false;
			heap.base = heap.chunks_end = aligned(all);
		}
		chunks = heap.chunks_end;
		if (chunk_of(chunks) >= CHUNKS || mprotect(chunks, LENGTH, PROT_READ | PROT_WRITE) < 0)
			return false;
	} else {
		uint8_t *memory = reserve(LENGTH, PROT_READ | PROT_WRITE);
		if (!memory)
			return false;
		chunks = aligned(memory);
		if (chunks > memory)
			munmap(memory, chunks - memory);
		munmap(chunks + LENGTH, memory + CHUNK - chunks);
	}
	heap.chunks = chunks;
	heap.chunks_end = chunks + LENGTH;
	return true;
}

/* A block that was never used, of a size that no block is free of; NULL when there are none. */
static __attribute__((noinline)) void *fresh_block(size_t granules)
{
	size_t size = granules * GRANULE;
	if ((size_t)(heap.fresh_end[granules] - heap.fresh[granules]) < size) {
		if (heap.chunks == heap.chunks_end && !take_chunks())
			return NULL;
		heap.fresh[granules] = heap.chunks;
		heap.chunks += CHUNK;
		heap.fresh_end[granules] = heap.chunks;
		heap.granules[chunk_of(heap.fresh[granules])] = (uint8_t)granules;
	}
	void *memory = heap.fresh[granules];
	heap.fresh[granules] += size;
	return memory;
}

static size_t heap_size(const void *memory)
{
	size_t granules = granules_of(memory);
	return granules ? granules * GRANULE : malloc_usable_size((void *)memory);
}

/* A function of its own, as growing is rare. */
static __attribute__((noinline)) void *heap_malloc(JSMallocState *state, size_t size)
{
	void *memory = NULL;
	if (size <= LARGEST) {
		size_t granules = (size + GRANULE - 1) / GRANULE;
		memory = heap.free[granules];
		if (memory)
			heap.free[granules] = ((block *)memory)->next;
		else
			memory = fresh_block(granules);
		size = granules * GRANULE;
	}
	if (!memory) {
		memory = malloc(size);
		if (!memory)
			return NULL;
		size = malloc_usable_size(memory);
	}
	state->malloc_count++;
	state->malloc_size += size;
	return memory;
}

static __attribute__((noinline)) void heap_free(JSMallocState *state, void *memory)
{
	if (!memory)
		return;
	size_t granules = granules_of(memory);
	state->malloc_count--;
	if (granules) {
		state->malloc_size -= granules * GRANULE;
		((block *)memory)->next = heap.free[granules];
		heap.free[granules] = memory;
	} else {
		state->malloc_size -= malloc_usable_size(memory);
		free(memory);
	}
}

static void *heap_realloc(JSMallocState *state, void *memory, size_t size)
{
	if (!memory)
		return size == 0 ? NULL : heap_malloc(state, size);
	if (size == 0) {
		heap_free(state, memory);
		return NULL;
	}
	size_t granules = granules_of(memory), old = heap_size(memory);
	if (granules && (size + GRANULE - 1) / GRANULE == granules)
		return memory;
	if (!granules && size > LARGEST) {
		memory = realloc(memory, size);
		if (memory)
			state->malloc_size += malloc_usable_size(memory) - old;
		return memory;
	}
	void *new = heap_malloc(state, size);
	if (new) {
		memcpy(new, memory, size < old ? size : old);
		heap_free(state, memory);
	}
	return new;
}

JSRuntime *heap_runtime(void)
{
	static const JSMallocFunctions functions = {heap_malloc, heap_free, heap_realloc, heap_size};
	return JS_NewRuntime2(&functions, NULL);
}
