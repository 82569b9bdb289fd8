/*
 * The beginning of a packed program (scripts/pack-elf.ts): unpacks code and constants to where they were linked, makes them
 * read-only, and enters them as the kernel would have. It runs without a C library, and is for MIPS under Linux, o32.
 */

#include "lzma.c"

enum {
	/* https://git.kernel.org: arch/mips/include/uapi/asm/{unistd,mman,cachectl}.h */
	SYS_WRITE = 4004,
	SYS_MPROTECT = 4125,
	SYS_CACHEFLUSH = 4147,
	SYS_MMAP2 = 4210,
	SYS_MADVISE = 4218,
	SYS_EXIT_GROUP = 4246,
	PROTECT_READ = 1,
	PROTECT_WRITE = 2,
	PROTECT_EXECUTE = 4,
	MAP_PRIVATE_FIXED_ANONYMOUS = 0x812,
	FORGET = 4,
	INSTRUCTIONS_AND_DATA = 3
};

/* What the packer puts behind this code; all words are addresses or numbers of octets. */
extern const struct {
	uint32_t entry;
	/* Where everything goes, and where the file is. */
	uint32_t start, length, file_start, file_length;
	uint32_t count;
	struct {
		uint32_t start, length, packed, packed_length;
	} parts[];
} image;

/* The register with what the kernel gave the program is kept over unpack(), and 0 in $v0 says: nothing to be called at exit. */
__asm__(".section .start,\"ax\"\n"
	".set push\n"
	".set noreorder\n"
	".globl __start\n"
	"__start:\n"
	"	move $16, $29\n"
	"	jal unpack\n"
	"	addiu $29, $29, -32\n"
	"	move $25, $2\n"
	"	move $29, $16\n"
	"	jr $25\n"
	"	move $2, $0\n"
	/* The fifth and sixth argument are where the kernel looks for them. */
	"system_call:\n"
	"	lw $2, 24($29)\n"
	"	syscall\n"
	"	jr $31\n"
	"	move $2, $7\n"
	".set pop\n"
	".previous\n");

/* 0, or other than 0 when it failed. */
uint32_t system_call(uint32_t one, uint32_t two, uint32_t three, uint32_t four, uint32_t five, uint32_t six, uint32_t number);

static void must(bool is_done, const char *message, uint32_t length)
{
	if (!is_done) {
		system_call(2, (uint32_t)message, length, 0, 0, 0, SYS_WRITE);
		system_call(1, 0, 0, 0, 0, 0, SYS_EXIT_GROUP);
	}
}

__attribute__((used)) uint32_t unpack(void)
{
	static const char memory[] = "Out of memory\n";
	static const char damaged[] = "The program is damaged\n";
	lzma_model model;
	must(!system_call(image.start, image.length, PROTECT_READ | PROTECT_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS, UINT32_MAX, 0,
			  SYS_MMAP2),
	     memory, sizeof memory - 1);
	for (uint32_t i = 0; i < image.count; i++)
		must(lzma_unpack(&model, (const uint8_t *)image.parts[i].packed, image.parts[i].packed_length,
				 (uint8_t *)image.parts[i].start, image.parts[i].length),
		     damaged, sizeof damaged - 1);
	must(!system_call(image.start, image.length, PROTECT_READ | PROTECT_EXECUTE, 0, 0, 0, SYS_MPROTECT), memory,
	     sizeof memory - 1);
	system_call(image.start, image.length, INSTRUCTIONS_AND_DATA, 0, 0, 0, SYS_CACHEFLUSH);
	/* The kernel need not keep what has been unpacked; what is still wanted of it is read again. */
	system_call(image.file_start, image.file_length, FORGET, 0, 0, 0, SYS_MADVISE);
	return image.entry;
}
