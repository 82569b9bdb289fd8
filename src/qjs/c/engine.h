/* What the host asks of QuickJS beyond its public interface: looks into arrays and strings without an allocation. */

#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* The octets of a Uint8Array; false (and nothing thrown) when `value` is none. Valid until JavaScript runs again. */
bool engine_bytes(JSValueConst value, uint8_t **data, uint32_t *length);

/* The code units of a string, either Latin-1 or UTF-16. */
typedef struct engine_text {
	JSValue held;
	const uint8_t *latin1;
	const uint16_t *utf16;
	uint32_t length;
} engine_text;

/* Looks at a string, to be released after use; false with an exception pending when `value` is none. */
bool engine_text_get(JSContext *ctx, JSValueConst value, engine_text *text);
void engine_text_release(JSContext *ctx, engine_text *text);

/* An array of values, which it takes over; an exception, and they are still the caller's, when there is no memory. */
JSValue engine_array(JSContext *ctx, const JSValue *values, size_t count);

/* Octets that the runtime has allocated and not freed. */
size_t engine_heap(JSRuntime *rt);

/* The module of a program that compile.c wrote, or an exception. What `code` gets is to be freed after the context. */
JSValue engine_read(JSContext *ctx, const uint8_t *octets, uint8_t **code);

/* A context that has what our programs use: no parser, no eval. */
JSContext *engine_context_new(JSRuntime *rt);
/* Frees it. There may be one context at a time. */
void engine_context_free(JSContext *ctx);

#endif
