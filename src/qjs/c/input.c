/*
 * Input: one read for each readiness, straight into a buffer that all connections share and that JavaScript sees as
 * one long-lived array. What is not consumed is kept with the connection and put before the next input.
 */

#include <string.h>

#include "tls.h"

enum {
	/* An unconsumed rest larger than this gets a buffer of its own, in which input grows without being copied. */
	TAIL_LIMIT = SHARED_SIZE / 2,
	TAIL_FIRST = 64,
	/* Size of such a buffer at first, at most (positions are 31-bit integers), and the room it has for a read. */
	BIG_FIRST = 4 * SHARED_SIZE,
	BIG_LIMIT = 1 << 30,
	BIG_ROOM = SHARED_SIZE
};

/* As static memory its pages cost nothing until they are used. */
static uint8_t shared[SHARED_SIZE];
static JSValue shared_array;

static void drop_big(connection *connection)
{
	if (!JS_IsUndefined(connection->big_array)) {
		host_detach_bytes(connection->big_array);
		JS_FreeValue(host.ctx, connection->big_array);
		connection->big_array = JS_UNDEFINED;
	}
	free(connection->big);
	connection->big = NULL;
	connection->big_size = 0;
}

static void drop_tail(connection *connection)
{
	free(connection->tail);
	connection->tail = NULL;
	connection->tail_size = 0;
}

void input_release(connection *connection)
{
	drop_big(connection);
	drop_tail(connection);
	connection->input_start = connection->input_end = 0;
}

/* Keeps `length` unconsumed octets at `data`, which lie in the shared buffer or in `big`. */
static void keep_small(connection *connection, const uint8_t *data, size_t length)
{
	if (length == 0) {
		drop_tail(connection);
	} else {
		if (connection->tail_size < length) {
			size_t size = TAIL_FIRST;
			while (size < length)
				size *= 2;
			connection->tail = host_realloc(connection->tail, size);
			connection->tail_size = (uint32_t)size;
		}
		memcpy(connection->tail, data, length);
	}
	connection->input_start = 0;
	connection->input_end = length;
}

/* Gives a connection's own buffer `size` octets; false when there is no memory. */
static bool resize_big(connection *connection, size_t size)
{
	CHECK(size <= BIG_LIMIT);
	uint8_t *big = realloc(connection->big, size);
	if (!big)
		return false;
	connection->big = big;
	connection->big_size = size;
	return true;
}

/*
 * Makes room for a read in a buffer of the connection's own, to which unconsumed input moves when it is not there
 * yet. False when there is no memory.
 */
static bool make_big_room(connection *connection)
{
	size_t length = connection->input_end - connection->input_start;
	if (!connection->big) {
		if (!resize_big(connection, BIG_FIRST))
			return false;
		memcpy(connection->big, connection->tail, length);
		drop_tail(connection);
	} else {
		if (connection->big_size - connection->input_end >= BIG_ROOM)
			return true;
		host_detach_bytes(connection->big_array);
		JS_FreeValue(host.ctx, connection->big_array);
		connection->big_array = JS_UNDEFINED;
		memmove(connection->big, connection->big + connection->input_start, length);
		/* Doubling keeps the work for a long packet linear; memory that is not used yet costs nothing. */
		if (length > connection->big_size / 2 && !resize_big(connection, connection->big_size * 2))
			return false;
	}
	connection->input_start = 0;
	connection->input_end = length;
	connection->big_array = host_lend_bytes(connection->big, connection->big_size);
	CHECK(!JS_IsException(connection->big_array));
	return true;
}

uv_buf_t input_place(connection *connection)
{
	size_t length = connection->input_end - connection->input_start;
	if (connection->big || length > TAIL_LIMIT) {
		if (!make_big_room(connection))
			return uv_buf_init(NULL, 0);
		uv_buf_t place = { .base = (char *)connection->big + connection->input_end,
				   .len = connection->big_size - connection->input_end };
		return place;
	}
	if (length > 0)
		memcpy(shared, connection->tail, length);
	return uv_buf_init((char *)shared + length, SHARED_SIZE - (unsigned int)length);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	connection *connection = handle->data;
	/* Nobody looks at it any more. */
	if (connection->state != CONNECTION_OPEN)
		input_release(connection);
	/* Without memory libuv reports UV_ENOBUFS, which ends the connection. */
	*buffer = connection->tls && connection->state == CONNECTION_OPEN ? tls_place(connection)
									  : input_place(connection);
}

void input_deliver(connection *connection, size_t count)
{
	bool is_big = connection->big != NULL;
	size_t start = is_big ? connection->input_start : 0;
	size_t end = (is_big ? connection->input_end : connection->input_end - connection->input_start) + count;
	JSValue argv[3] = { is_big ? connection->big_array : shared_array, JS_NewInt32(host.ctx, (int32_t)start),
			    JS_NewInt32(host.ctx, (int32_t)end) };
	JSValue result = host_call(connection->on_data, connection->handler, 3, argv);
	if (connection->state != CONNECTION_OPEN || JS_IsException(result)) {
		JS_FreeValue(host.ctx, result);
		return;
	}
	int64_t consumed = -1;
	if (JS_VALUE_GET_TAG(result) == JS_TAG_INT)
		consumed = JS_VALUE_GET_INT(result);
	else if (JS_IsNumber(result))
		JS_ToInt64(host.ctx, &consumed, result);
	JS_FreeValue(host.ctx, result);
	CHECK(consumed >= 0 && (size_t)consumed <= end - start);
	start += (size_t)consumed;
	if (!is_big) {
		/* Most often nothing is left, and nothing was. */
		if (start != end || connection->tail)
			keep_small(connection, shared + start, end - start);
	} else if (end - start <= TAIL_LIMIT) {
		keep_small(connection, connection->big + start, end - start);
		drop_big(connection);
	} else {
		connection->input_start = start;
		connection->input_end = end;
	}
}

/*
 * Input after close(). Whoever sends without end is held up, and cut off when the time is over: cut off at once, it
 * could lose what it has not read yet.
 */
static void drop(connection *connection, size_t count)
{
	connection->dropped += (uint32_t)count;
	if (connection->dropped > DROP_LIMIT)
		input_stop(connection);
}

void input_ended(connection *connection)
{
	input_stop(connection);
	connection->peer_ended = true;
	if (connection->state == CONNECTION_LINGERING)
		connection_end(connection, 0);
	else
		connection_finish(connection);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	connection *connection = stream->data;
	if (count > 0 && connection->state == CONNECTION_OPEN) {
		if (connection->tls)
			tls_received(connection, (size_t)count);
		else
			input_deliver(connection, (size_t)count);
	} else if (count > 0) {
		drop(connection, (size_t)count);
	} else if (count < 0) {
		int error = count == UV_EOF ? 0 : (int)count;
		if (connection->tls && connection->state == CONNECTION_OPEN && tls_ended(connection, error))
			return;
		/* What the peer does when it has been told of the end is its own affair. */
		if (error == 0)
			input_ended(connection);
		else
			connection_end(connection, connection->state == CONNECTION_LINGERING ? 0 : error);
	}
}

void input_start(connection *connection)
{
	if (connection->reading)
		return;
	int error = uv_read_start(&connection->uv.stream, on_alloc, on_read);
	if (error < 0)
		connection_end(connection, error);
	else
		connection->reading = true;
}

void input_stop(connection *connection)
{
	connection->reading = false;
	uv_read_stop(&connection->uv.stream);
}

void input_setup(void)
{
	shared_array = host_lend_bytes(shared, sizeof shared);
	CHECK(!JS_IsException(shared_array));
}

void input_teardown(void)
{
	JS_FreeValue(host.ctx, shared_array);
}
