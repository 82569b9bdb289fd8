/*
 * TLS of connections, by Mbed TLS: octets and records. Records are read straight into the buffer that JavaScript sees, and
 * all output of a turn becomes records at its end. What cannot be done at once waits in a queue for a later turn: records,
 * which are quick, in one, and handshakes in another, of which a turn does one step.
 */

#include <string.h>

#include "tls_internal.h"

#include <psa/crypto.h>

enum {
	/* Octets read at once from one peer; during its handshake. */
	PLACE_SIZE = 32768,
	HANDSHAKE_PLACE = 4096,
	/* Nanoseconds of a turn after which records that are queued wait for the next. */
	TURN_LIMIT = 2000000
};

static uint8_t place[PLACE_SIZE];
static struct list_head records = LIST_HEAD_INIT(records);
static struct list_head steps = LIST_HEAD_INIT(steps);
static uv_idle_t worker;

/* --- The queues --- */

void tls_enqueue(tls *tls);

void tls_dequeue(tls *tls)
{
	if (tls->is_queued) {
		tls->is_queued = false;
		list_del(&tls->queue);
	}
}

/* --- Octets to and from Mbed TLS --- */

int tls_on_receive(void *opaque, unsigned char *data, size_t length)
{
	tls *tls = opaque;
	if (tls->input_length == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (length > tls->input_length)
		length = tls->input_length;
	memcpy(data, tls->input, length);
	tls->input += length;
	tls->input_length -= length;
	return (int)length;
}

int tls_on_send(void *opaque, const unsigned char *data, size_t length)
{
	tls *tls = opaque;
	tls->said_something = true;
	output_raw(tls->connection, data, (uint32_t)length);
	return (int)length;
}

void tls_keep_input(tls *tls)
{
	size_t length = tls->input_length;
	if (length == 0) {
		free(tls->kept);
		tls->kept = NULL;
		tls->kept_size = 0;
	} else if (!tls->kept) {
		tls->kept = host_alloc(length);
		tls->kept_size = length;
		memcpy(tls->kept, tls->input, length);
	} else {
		memmove(tls->kept, tls->input, length);
	}
	tls->input = tls->kept;
}

/* Appends new octets to those that are kept. */
static void keep_more(tls *tls, const uint8_t *data, size_t length)
{
	if (tls->input_length > 0)
		memmove(tls->kept, tls->input, tls->input_length);
	size_t all = tls->input_length + length;
	if (all > tls->kept_size) {
		tls->kept = host_realloc(tls->kept, all);
		tls->kept_size = all;
	}
	memcpy(tls->kept + tls->input_length, data, length);
	tls->input = tls->kept;
	tls->input_length = all;
}

/* --- Records --- */

/* Reads records for as long as there is room; returns how many octets, with what came instead of more. */
static size_t read_records(tls *tls, uv_buf_t room, int *result)
{
	size_t count = 0;
	*result = 0;
	if (!tls_take_buffers(tls)) {
		*result = MBEDTLS_ERR_SSL_ALLOC_FAILED;
		return 0;
	}
	while (count < room.len) {
		tls->said_something = false;
		int length = mbedtls_ssl_read(&tls->ssl, (unsigned char *)room.base + count, room.len - count);
		/* After an error that was an alert; else it was an answer to who begins another handshake. */
		if (tls->said_something && (length >= 0 || length == MBEDTLS_ERR_SSL_WANT_READ)) {
			*result = TLS_RENEGOTIATION;
			break;
		}
		/* It stops after each message that is no data, such as a ticket. */
		if (length == MBEDTLS_ERR_SSL_WANT_READ &&
		    (tls->input_length > 0 || mbedtls_ssl_check_pending(&tls->ssl)))
			continue;
		if (length <= 0) {
			*result = length == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : length;
			break;
		}
		count += (size_t)length;
	}
	tls_leave_buffers(tls);
	return count;
}

/* Gives JavaScript what the octets that have come amount to, as long as it wants more. */
static void give(tls *tls)
{
	connection *connection = tls->connection;
	for (;;) {
		uv_buf_t room = input_place(connection);
		if (!room.base) {
			connection_end(connection, UV_ENOBUFS);
			return;
		}
		int result;
		size_t count = read_records(tls, room, &result);
		if (count > 0)
			input_deliver(connection, count);
		if (connection->state != CONNECTION_OPEN)
			return;
		if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			tls_keep_session(tls);
		} else if (result == MBEDTLS_ERR_SSL_WANT_READ) {
			break;
		} else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
			input_ended(connection);
			return;
		} else if (result != 0) {
			int error = tls_error_of(tls, result);
			/* The alert that says why goes out first, if the system takes it. */
			connection->error = error;
			connection_finish(connection);
			return;
		}
		if (connection->paused)
			break;
	}
	tls_keep_input(tls);
}

uv_buf_t tls_place(const connection *connection)
{
	return uv_buf_init((char *)place, connection->tls->handshake_over ? sizeof place : HANDSHAKE_PLACE);
}

void tls_received(connection *connection, size_t count)
{
	tls *tls = connection->tls;
	if (tls->handshake_over && tls->input_length == 0) {
		tls->input = place;
		tls->input_length = count;
		give(tls);
		return;
	}
	keep_more(tls, place, count);
	if (tls->input_length > TLS_KEPT_LIMIT)
		input_stop(connection);
	tls_enqueue(tls);
}

bool tls_ended(connection *connection, int error)
{
	tls *tls = connection->tls;
	if (tls->handshake_over)
		return false;
	input_stop(connection);
	/* What came before counts; the end is seen again when more is wanted. */
	if (error == 0 && tls->is_queued)
		return true;
	connection->peer_ended = error == 0;
	tls_end_handshake(tls, tls_closed_error(tls, error));
	return true;
}

bool tls_resume(connection *connection)
{
	tls *tls = connection->tls;
	if (tls->input_length == 0 && mbedtls_ssl_check_pending(&tls->ssl) == 0)
		return false;
	tls_enqueue(tls);
	return true;
}

bool tls_goes_on(const connection *connection)
{
	return !connection->tls->handshake_over && connection->tls->is_queued;
}

static tls *take_first(struct list_head *queue)
{
	tls *first = list_entry(queue->next, tls, queue);
	tls_dequeue(first);
	return first;
}

static void on_work(uv_idle_t *handle)
{
	uint64_t start = uv_hrtime();
	while (!list_empty(&records) && !host.ending && uv_hrtime() - start <= TURN_LIMIT) {
		connection *connection = take_first(&records)->connection;
		if (connection->state == CONNECTION_OPEN && !connection->paused) {
			give(connection->tls);
			if (connection->state == CONNECTION_OPEN && !connection->paused)
				input_start(connection);
		}
	}
	/* Who has not sent enough for a step costs nothing. */
	while (!list_empty(&steps) && !host.ending && !tls_step(take_first(&steps)))
		;
	if (list_empty(&records) && list_empty(&steps))
		uv_idle_stop(&worker);
}

void tls_enqueue(tls *tls)
{
	if (tls->is_queued)
		return;
	tls->is_queued = true;
	list_add_tail(&tls->queue, tls->handshake_over ? &records : &steps);
	if (!uv_is_active((uv_handle_t *)&worker))
		uv_idle_start(&worker, on_work);
}

int tls_encrypt(connection *connection, const uint8_t *data, size_t length)
{
	tls *tls = connection->tls;
	if (!tls_take_buffers(tls))
		return UV_ENOMEM;
	while (length > 0) {
		int count = mbedtls_ssl_write(&tls->ssl, data, length);
		if (count == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			/* What was read before was that. */
			tls_keep_session(tls);
			continue;
		}
		if (count <= 0)
			return tls_error_of(tls, count);
		data += count;
		length -= (size_t)count;
	}
	tls_leave_buffers(tls);
	return 0;
}

bool tls_say_end(connection *connection)
{
	tls *tls = connection->tls;
	if (tls->end_said || !tls->handshake_over)
		return false;
	tls->end_said = true;
	/* After an error of the peer's there is an alert already. */
	if (connection->error == 0 && tls_take_buffers(tls))
		mbedtls_ssl_close_notify(&tls->ssl);
	return true;
}

/* --- The module --- */

static const JSCFunctionListEntry functions[] = {
	JS_PROP_INT32_DEF("hasTls", 1, 0),
	JS_CFUNC_DEF("tlsContext", 1, tls_context_create),
};

static void start(void)
{
	tls_contexts_start();
	tls_handshakes_start();
	CHECK(uv_idle_init(&host.loop, &worker) == 0);
}

static void stop(void)
{
	tls_handshakes_stop();
	uv_close((uv_handle_t *)&worker, NULL);
}

static void free_library(void)
{
	tls_free_buffers();
	mbedtls_psa_crypto_free();
}

const host_module tls_module = { functions, COUNT(functions), start, stop, free_library };
