/*
 * Buffers of Mbed TLS for records, 17 and 8 KB for each connection, hold something only while a record is read or
 * written. Connections that are idle between records leave theirs to the next that is busy.
 */

#include <stdlib.h>
#include <string.h>

#include "tls_internal.h"

#ifdef MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH

/* One of each kind, without an owner; NULL when it is lent. */
static unsigned char *spare_input, *spare_output;
static size_t spare_input_size, spare_output_size;

/* A buffer of that size: the spare one if it fits. */
static unsigned char *take(unsigned char **spare, size_t spare_size, size_t size)
{
	unsigned char *buffer = *spare;
	if (buffer && spare_size == size) {
		*spare = NULL;
		return buffer;
	}
	return calloc(1, size);
}

static void give(unsigned char **spare, size_t *spare_size, unsigned char *buffer, size_t size)
{
	if (*spare) {
		free(buffer);
	} else {
		*spare = buffer;
		*spare_size = size;
	}
}

/* Moves a pointer into a buffer, where `from` is its beginning or where it was, to the same place of another. */
static void move(unsigned char **pointer, uintptr_t from, unsigned char *to)
{
	*pointer = to + ((uintptr_t)*pointer - from);
}

bool tls_take_buffers(tls *tls)
{
	mbedtls_ssl_context *ssl = &tls->ssl;
	if (!tls->buffers_left)
		return true;
	unsigned char *input = take(&spare_input, spare_input_size, ssl->in_buf_len);
	unsigned char *output = take(&spare_output, spare_output_size, ssl->out_buf_len);
	if (!input || !output) {
		free(input);
		free(output);
		return false;
	}
	tls->buffers_left = false;
	move(&ssl->in_hdr, tls->input_was, input);
	move(&ssl->in_len, tls->input_was, input);
	move(&ssl->in_iv, tls->input_was, input);
	move(&ssl->in_msg, tls->input_was, input);
	ssl->in_buf = ssl->in_ctr = input;
	memcpy(ssl->in_ctr, tls->input_counter, sizeof tls->input_counter);
	move(&ssl->out_hdr, tls->output_was, output);
	move(&ssl->out_len, tls->output_was, output);
	move(&ssl->out_iv, tls->output_was, output);
	move(&ssl->out_msg, tls->output_was, output);
	ssl->out_buf = ssl->out_ctr = output;
	return true;
}

void tls_leave_buffers(tls *tls)
{
	mbedtls_ssl_context *ssl = &tls->ssl;
	bool is_idle = tls->handshake_over && ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER && ssl->in_left == 0 && ssl->in_msglen == 0 &&
		       ssl->in_hslen == 0 && !ssl->in_offt && !ssl->keep_current_message && ssl->out_left == 0;
	/* The counter of records that came, which goes on, stands at the beginning; that of what is sent is copied there each time. */
	if (tls->buffers_left || !is_idle || ssl->in_ctr != ssl->in_buf || ssl->out_ctr != ssl->out_buf)
		return;
	tls->buffers_left = true;
	memcpy(tls->input_counter, ssl->in_ctr, sizeof tls->input_counter);
	tls->input_was = (uintptr_t)ssl->in_buf;
	tls->output_was = (uintptr_t)ssl->out_buf;
	give(&spare_input, &spare_input_size, ssl->in_buf, ssl->in_buf_len);
	give(&spare_output, &spare_output_size, ssl->out_buf, ssl->out_buf_len);
	ssl->in_buf = ssl->out_buf = NULL;
}

void tls_free_buffers(void)
{
	free(spare_input);
	free(spare_output);
	spare_input = spare_output = NULL;
}

#else

bool tls_take_buffers(tls *tls)
{
	return true;
}

void tls_leave_buffers(tls *tls)
{
}

void tls_free_buffers(void)
{
}

#endif
