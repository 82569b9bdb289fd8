/*
 * Code that only some runs need lies packed in the file of a packed program (scripts/pack-elf.ts), and is unpacked when it
 * is needed first. In a program that is not packed it is in its place from the start.
 */

#include <sys/mman.h>

#include "host.h"
#include "lzma.h"

/* Of the storage: SQLite with its constants. The packer fills this in; all 0 in a program that is not packed. */
volatile struct {
	const uint8_t *packed;
	uint32_t packed_length;
	uint8_t *start;
	uint32_t length;
} packed_storage __attribute__((used, section(".data.packed_storage")));

void overlay_load_storage(void)
{
	uint32_t length = packed_storage.length;
	if (length == 0)
		return;
	uint8_t *start = packed_storage.start;
	void *memory = mmap(start, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (memory != start) {
		fprintf(stderr, "Out of memory\n");
		abort();
	}
	lzma_model *model = host_alloc(lzma_model_size());
	CHECK(lzma_unpack(model, packed_storage.packed, packed_storage.packed_length, start, length));
	free(model);
	CHECK(mprotect(start, length, PROT_READ | PROT_EXEC) == 0);
	__builtin___clear_cache((char *)start, (char *)start + length);
	packed_storage.length = 0;
}
