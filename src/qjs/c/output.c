/*
 * Output: what is written is copied to chunks of the connection, and all connections that have some are flushed once
 * at the end of the loop's turn, each with one system call. Chunks come from a pool, so that an idle connection
 * holds none.
 */

#include <string.h>

#include "tls.h"

enum {
	/* A connection's first chunk is small, as many connections may get a little in one turn. With its header a
	   chunk is a power of two, which is what allocators make of it anyway. */
	SMALL_CHUNK = 1024 - sizeof(chunk),
	LARGE_CHUNK = 16384 - sizeof(chunk),
	/* What the pool keeps. */
	SMALL_KEPT = 256,
	LARGE_KEPT = 16,
	/* Chunks that are given to the system with one call, and to libuv when they have to wait: so few that
	   progress shows. */
	VECTOR = 64,
	WAITING_VECTOR = 4
};

typedef struct pool {
	chunk *free;
	int count;
} pool;

static pool small_pool, large_pool;
static struct list_head dirty = LIST_HEAD_INIT(dirty);
static uv_prepare_t end_of_turn;

static chunk *take_chunk(uint32_t size)
{
	pool *pool = size == SMALL_CHUNK ? &small_pool : &large_pool;
	chunk *chunk = pool->free;
	if (chunk) {
		pool->free = chunk->next;
		pool->count--;
	} else {
		chunk = host_alloc(sizeof *chunk + size);
		chunk->size = size;
	}
	chunk->next = NULL;
	chunk->start = chunk->end = 0;
	return chunk;
}

static void give_chunk(chunk *chunk)
{
	bool is_small = chunk->size == SMALL_CHUNK;
	pool *pool = is_small ? &small_pool : &large_pool;
	if (pool->count >= (is_small ? SMALL_KEPT : LARGE_KEPT)) {
		free(chunk);
		return;
	}
	chunk->next = pool->free;
	pool->free = chunk;
	pool->count++;
}

static void clear_dirty(connection *connection)
{
	if (connection->is_dirty) {
		connection->is_dirty = false;
		list_del(&connection->dirty);
	}
}

static void release_list(chunk_list *list)
{
	while (list->first) {
		chunk *chunk = list->first;
		list->first = chunk->next;
		give_chunk(chunk);
	}
	list->last = NULL;
	list->octets = 0;
}

void output_release(connection *connection)
{
	clear_dirty(connection);
	release_list(&connection->output);
	release_list(&connection->plain);
}

bool output_empty(const connection *connection)
{
	return !connection->output.first && !connection->plain.first;
}

static void append(chunk_list *list, const uint8_t *data, uint32_t length)
{
	list->octets += length;
	while (length > 0) {
		chunk *chunk = list->last;
		if (!chunk || chunk->end == chunk->size) {
			chunk = take_chunk(list->first ? LARGE_CHUNK : SMALL_CHUNK);
			if (list->last)
				list->last->next = chunk;
			else
				list->first = chunk;
			list->last = chunk;
		}
		uint32_t count = chunk->size - chunk->end;
		if (count > length)
			count = length;
		memcpy(chunk->data + chunk->end, data, count);
		chunk->end += count;
		data += count;
		length -= count;
	}
}

/* Takes `count` octets, which the system has taken, off a list. */
static void advance(chunk_list *list, size_t count)
{
	list->octets -= count;
	while (count > 0) {
		chunk *chunk = list->first;
		size_t length = chunk->end - chunk->start;
		if (count < length) {
			chunk->start += (uint32_t)count;
			return;
		}
		count -= length;
		list->first = chunk->next;
		give_chunk(chunk);
	}
	if (!list->first)
		list->last = NULL;
}

/* Fills `vector` with the oldest output; returns how many places, with how many octets. */
static int vector_of(connection *connection, uv_buf_t *vector, int places, size_t *length)
{
	int count = 0;
	*length = 0;
	for (chunk *chunk = connection->output.first; chunk && count < places; chunk = chunk->next) {
		vector[count].base = (char *)chunk->data + chunk->start;
		vector[count].len = chunk->end - chunk->start;
		*length += vector[count++].len;
	}
	return count;
}

/* Turns output into records; false when that failed, and the connection is ending. */
static bool encrypt(connection *connection)
{
	while (connection->plain.first) {
		chunk *chunk = connection->plain.first;
		size_t length = chunk->end - chunk->start;
		int error = tls_encrypt(connection, chunk->data + chunk->start, length);
		if (error < 0) {
			connection_end(connection, error);
			return false;
		}
		advance(&connection->plain, length);
	}
	if (connection->state == CONNECTION_FLUSHING)
		tls_say_end(connection);
	return true;
}

static void on_sent(uv_write_t *request, int status);

/*
 * Offers all output to the system; what it does not take is left to libuv, which waits until more can be sent.
 * No JavaScript runs. The connection may be ending afterwards.
 */
static void flush(connection *connection)
{
	uv_buf_t vector[VECTOR];
	size_t length;
	/* A peer that refuses the beginning of a flight, and closes, would not be heard when the rest fails. */
	bool is_ready = !connection->tls || (!tls_goes_on(connection) && encrypt(connection));
	clear_dirty(connection);
	if (!is_ready)
		return;
	if (connection->sending > 0)
		return;
	while (connection->output.first) {
		int count = vector_of(connection, vector, VECTOR, &length);
		int sent = uv_try_write(&connection->uv.stream, vector, (unsigned int)count);
		if (sent < 0 && sent != UV_EAGAIN) {
			connection_end(connection, sent);
			return;
		}
		if (sent > 0)
			advance(&connection->output, (size_t)sent);
		if (sent > 0 && (size_t)sent == length)
			continue;
		count = vector_of(connection, vector, WAITING_VECTOR, &length);
		int error = uv_write(&connection->request, &connection->uv.stream, vector, (unsigned int)count, on_sent);
		if (error < 0) {
			connection_end(connection, error);
			return;
		}
		connection->sending = length;
		return;
	}
	if (connection->state == CONNECTION_FLUSHING)
		connection_flushed(connection);
}

/* libuv has sent what it was given, or could not. */
static void on_sent(uv_write_t *request, int status)
{
	connection *connection = request->data;
	if (connection->state >= CONNECTION_CLOSING)
		return;
	if (status < 0) {
		connection_end(connection, status);
		return;
	}
	advance(&connection->output, connection->sending);
	connection->sending = 0;
	flush(connection);
	if (connection->state == CONNECTION_OPEN && output_empty(connection))
		host_notify(connection->on_drain, connection->handler, 0, NULL);
}

void output_mark(connection *connection)
{
	if (!connection->is_dirty) {
		connection->is_dirty = true;
		list_add_tail(&connection->dirty, &dirty);
	}
}

void output_raw(connection *connection, const uint8_t *data, uint32_t length)
{
	output_mark(connection);
	append(&connection->output, data, length);
}

void output_write(connection *connection, const uint8_t *data, uint32_t length)
{
	output_mark(connection);
	append(connection->tls ? &connection->plain : &connection->output, data, length);
	if (connection->output.octets + connection->plain.octets > SHARED_SIZE && connection->sending == 0)
		flush(connection);
}

size_t output_buffered(const connection *connection)
{
	size_t waiting = connection->sending ? uv_stream_get_write_queue_size(&connection->uv.stream) : 0;
	return connection->output.octets + connection->plain.octets - connection->sending + waiting;
}

typedef struct before_flush {
	struct list_head link;
	JSValue callback;
} before_flush;

static struct list_head callbacks = LIST_HEAD_INIT(callbacks);

/* beforeFlush(callback) */
JSValue output_before_flush(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	if (!JS_IsFunction(ctx, argv[0]))
		return JS_ThrowTypeError(ctx, "not a function");
	before_flush *before = host_alloc(sizeof *before);
	before->callback = JS_DupValue(ctx, argv[0]);
	list_add_tail(&before->link, &callbacks);
	/* The loop goes on for it. */
	uv_ref((uv_handle_t *)&end_of_turn);
	return JS_UNDEFINED;
}

/* The first of the callbacks, which is the caller's to free. */
static JSValue take_callback(void)
{
	before_flush *before = list_entry(callbacks.next, before_flush, link);
	JSValue callback = before->callback;
	list_del(&before->link);
	free(before);
	return callback;
}

static void on_end_of_turn(uv_prepare_t *handle)
{
	if (!list_empty(&callbacks)) {
		do {
			JSValue callback = take_callback();
			host_notify(callback, JS_UNDEFINED, 0, NULL);
			JS_FreeValue(host.ctx, callback);
		} while (!list_empty(&callbacks));
		uv_unref((uv_handle_t *)handle);
	}
	while (!list_empty(&dirty))
		flush(list_entry(dirty.next, connection, dirty));
}

void output_setup(void)
{
	CHECK(uv_prepare_init(&host.loop, &end_of_turn) == 0);
	CHECK(uv_prepare_start(&end_of_turn, on_end_of_turn) == 0);
	uv_unref((uv_handle_t *)&end_of_turn);
}

void output_stop(void)
{
	while (!list_empty(&callbacks))
		JS_FreeValue(host.ctx, take_callback());
	uv_close((uv_handle_t *)&end_of_turn, NULL);
}

static void free_pool(pool *pool)
{
	while (pool->free) {
		chunk *chunk = pool->free;
		pool->free = chunk->next;
		free(chunk);
	}
}

void output_teardown(void)
{
	free_pool(&small_pool);
	free_pool(&large_pool);
}
