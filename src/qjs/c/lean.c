/*
 * libuv's file for Linux, with what it and the C library need of the C library in a tenth of the size: a static program has little use
 * for more.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Versions of kernels are read with this: %u, %*s, white space, and other characters as themselves. */
static int read_version(const char *text, const char *format, ...)
{
	int count = 0;
	va_list arguments;
	va_start(arguments, format);
	for (; *format != '\0'; format++) {
		if (isspace((unsigned char)*format)) {
			text += strspn(text, " \t\n");
		} else if (strncmp(format, "%*s", 3) == 0) {
			format += 2;
			text += strcspn(text, " \t\n");
		} else if (strncmp(format, "%u", 2) == 0) {
			char *end;
			format++;
			if (!isdigit((unsigned char)*text))
				break;
			*va_arg(arguments, unsigned *) = (unsigned)strtoul(text, &end, 10);
			text = end;
			count++;
		} else if (*text++ != *format) {
			break;
		}
	}
	va_end(arguments);
	return count;
}

/* By Shell: for some dozens of addresses of a name, and some thousands of keys. */
void qsort(void *items, size_t count, size_t size, int (*compare)(const void *one, const void *other))
{
	unsigned char *first = items;
	size_t gap = 1, at;
	while (gap < count / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3) {
		size_t back = gap * size;
		for (at = gap; at < count; at++) {
			unsigned char *next = first + at * size;
			for (; (size_t)(next - first) >= back && compare(next - back, next) > 0; next -= back) {
				unsigned char *octet;
				for (octet = next; octet < next + size; octet++) {
					unsigned char kept = *octet;
					*octet = *(octet - back);
					*(octet - back) = kept;
				}
			}
		}
	}
}

struct uv_loop_s;
struct uv_fs_s;

/* What io_uring does not know would be done here. Files are read and written without libuv. */
void no_file_work(struct uv_loop_s *loop, struct uv_fs_s *request);
void no_file_work(struct uv_loop_s *loop, struct uv_fs_s *request)
{
	abort();
}

#define sscanf read_version
#define uv__fs_post no_file_work
#include "unix/linux.c"
