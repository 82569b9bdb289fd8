/*
 * lzma.c: unpacks LZMA. It needs nothing of the C library, as it also runs before there is one.
 */

#ifndef LZMA_H
#define LZMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that unpacking needs. */
typedef struct lzma_model lzma_model;
size_t lzma_model_size(void);

/*
 * Unpacks a stream, of which the first `length` octets are wanted. In front of it stands the octet with which the
 * format's header begins, its parameters; the rest of the header is missing. False when the stream is not sound.
 */
bool lzma_unpack(lzma_model *model, const uint8_t *packed, size_t packed_length, uint8_t *out, size_t length);

#endif
