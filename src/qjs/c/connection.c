/* Connections: their life from start() to onClose, and what JavaScript sees of them. */

#include <string.h>
#include <sys/socket.h>

#include "tls.h"

static JSClassID connection_class;
static struct list_head connections = LIST_HEAD_INIT(connections);
/* Those whose end has a deadline, the nearest first. */
static struct list_head lingering = LIST_HEAD_INIT(lingering);
static uv_timer_t linger_timer;

connection *connection_new(bool is_pipe)
{
	connection *connection = host_alloc(sizeof *connection);
	memset(connection, 0, sizeof *connection);
	connection->self = connection->handler = connection->big_array = JS_UNDEFINED;
	connection->on_data = connection->on_drain = connection->on_close = JS_UNDEFINED;
	/* No object yet that has to be finalized. */
	connection->finalized = true;
	int error = is_pipe ? uv_pipe_init(&host.loop, &connection->uv.pipe, 0)
			    : uv_tcp_init(&host.loop, &connection->uv.tcp);
	CHECK(error == 0);
	connection->uv.handle.data = connection;
	connection->request.data = connection;
	list_add_tail(&connection->link, &connections);
	return connection;
}

uv_stream_t *connection_stream(connection *connection)
{
	return &connection->uv.stream;
}

static void free_when_done(connection *connection)
{
	if (connection->state == CONNECTION_CLOSED && connection->finalized)
		free(connection);
}

/* Tells the user, if there is one, that the connection is over, and forgets the user. */
static void notify_closed(connection *connection)
{
	JSContext *ctx = host.ctx;
	JSValue handler = connection->handler, on_close = connection->on_close;
	JS_FreeValue(ctx, connection->on_data);
	JS_FreeValue(ctx, connection->on_drain);
	connection->handler = connection->on_data = connection->on_drain = connection->on_close = JS_UNDEFINED;
	JSValue error = connection->error == 0 || host.ending ? JS_NULL : host_error(connection->error);
	host_notify(on_close, handler, 1, &error);
	JS_FreeValue(ctx, error);
	JS_FreeValue(ctx, on_close);
	JS_FreeValue(ctx, handler);
}

/* A job: for a connection that was over before it was started. */
static JSValue tell_closed(JSContext *ctx, int argc, JSValueConst *argv)
{
	notify_closed(JS_GetOpaque(argv[0], connection_class));
	return JS_UNDEFINED;
}

static void on_closed(uv_handle_t *handle)
{
	connection *connection = handle->data;
	connection->state = CONNECTION_CLOSED;
	list_del(&connection->link);
	input_release(connection);
	output_release(connection);
	if (connection->tls) {
		tls_broken(connection, connection->error);
		tls_release(connection);
	}
	if (JS_IsUndefined(connection->self)) {
		/* It was never opened. */
		free_when_done(connection);
		return;
	}
	notify_closed(connection);
	/* Unpinned: this may finalize it. */
	JSValue self = connection->self;
	connection->self = JS_UNDEFINED;
	JS_FreeValue(host.ctx, self);
}

void connection_discard(connection *connection)
{
	CHECK(JS_IsUndefined(connection->self));
	tls_forget(connection);
	/* It may have broken meanwhile. */
	if (connection->state != CONNECTION_OPEN)
		return;
	connection->state = CONNECTION_CLOSING;
	uv_close(&connection->uv.handle, on_closed);
}

static void arm_linger_timer(void);

void connection_end(connection *connection, int error)
{
	if (connection->state >= CONNECTION_CLOSING)
		return;
	if (connection->state != CONNECTION_OPEN) {
		list_del(&connection->lingering);
		arm_linger_timer();
	}
	connection->state = CONNECTION_CLOSING;
	if (connection->error == 0)
		connection->error = error;
	uv_close(&connection->uv.handle, on_closed);
}

static void on_linger(uv_timer_t *timer)
{
	uint64_t now = host_clock();
	while (!list_empty(&lingering)) {
		connection *first = list_entry(lingering.next, connection, lingering);
		if (first->deadline > now)
			break;
		connection_end(first, 0);
	}
	arm_linger_timer();
}

static void arm_linger_timer(void)
{
	if (list_empty(&lingering)) {
		uv_timer_stop(&linger_timer);
		return;
	}
	uint64_t now = host_clock();
	connection *first = list_entry(lingering.next, connection, lingering);
	uv_update_time(&host.loop);
	uv_timer_start(&linger_timer, on_linger, first->deadline > now ? first->deadline - now : 1, 0);
}

void connection_finish(connection *connection)
{
	if (connection->state != CONNECTION_OPEN)
		return;
	if (connection->peer_ended && output_empty(connection) && !connection->tls) {
		connection_end(connection, 0);
		return;
	}
	connection->state = CONNECTION_FLUSHING;
	connection->deadline = host_clock() + LINGER;
	list_add_tail(&connection->lingering, &lingering);
	arm_linger_timer();
	/* Input is dropped even before the output has gone: a peer may read only when it got rid of its own. */
	if (!connection->peer_ended)
		input_start(connection);
	/* TLS has a last word of its own. */
	if (connection->tls)
		output_mark(connection);
	else if (connection->state == CONNECTION_FLUSHING && output_empty(connection))
		connection_flushed(connection);
}

void connection_flushed(connection *connection)
{
	uv_os_fd_t fd;
	/* A peer that is gone cannot be told. */
	if (connection->peer_ended || uv_fileno(&connection->uv.handle, &fd) < 0 || shutdown(fd, SHUT_WR) < 0)
		connection_end(connection, 0);
	else
		connection->state = CONNECTION_LINGERING;
}

JSValue connection_open(connection *connection, bool no_delay)
{
	JSContext *ctx = host.ctx;
	struct sockaddr_storage peer;
	int size = sizeof peer;
	char address[64] = "";
	int port = 0;
	if (connection->uv.handle.type == UV_TCP) {
		if (no_delay)
			uv_tcp_nodelay(&connection->uv.tcp, 1);
		if (connection->tls)
			/* It may be gone, but it had one. */
			snprintf(address, sizeof address, "%s", tls_peer(connection, &port));
		else if (uv_tcp_getpeername(&connection->uv.tcp, (struct sockaddr *)&peer, &size) == 0)
			port = host_address_text(&peer, address, sizeof address);
	}
	JSValue object = JS_NewObjectClass(ctx, connection_class);
	CHECK(!JS_IsException(object));
	JS_DefinePropertyValueStr(ctx, object, "remoteAddress", JS_NewString(ctx, address), JS_PROP_ENUMERABLE);
	JS_DefinePropertyValueStr(ctx, object, "remotePort", JS_NewInt32(ctx, port), JS_PROP_ENUMERABLE);
	JS_DefinePropertyValueStr(ctx, object, "tls", connection->tls ? tls_facts(connection) : JS_NULL,
				  JS_PROP_C_W_E);
	JS_SetOpaque(object, connection);
	connection->finalized = false;
	connection->self = JS_DupValue(ctx, object);
	return object;
}

/* Reads on, or first gives what came before. */
static void read_on(connection *connection)
{
	if (!connection->tls || !tls_resume(connection))
		input_start(connection);
}

static connection *this_connection(JSValueConst value)
{
	return JS_GetOpaque2(host.ctx, value, connection_class);
}

/* start(handler) */
static JSValue connection_start(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	connection *connection = this_connection(this_val);
	if (!connection)
		return JS_EXCEPTION;
	if (connection->started)
		return JS_ThrowTypeError(ctx, "connection started twice");
	JSValue on_data = JS_GetPropertyStr(ctx, argv[0], "onData");
	JSValue on_drain = JS_GetPropertyStr(ctx, argv[0], "onDrain");
	JSValue on_close = JS_GetPropertyStr(ctx, argv[0], "onClose");
	if (!JS_IsFunction(ctx, on_data) || !JS_IsFunction(ctx, on_drain) || !JS_IsFunction(ctx, on_close)) {
		JS_FreeValue(ctx, on_data);
		JS_FreeValue(ctx, on_drain);
		JS_FreeValue(ctx, on_close);
		return JS_ThrowTypeError(ctx, "not a connection handler");
	}
	connection->started = true;
	connection->handler = JS_DupValue(ctx, argv[0]);
	connection->on_data = on_data;
	connection->on_drain = on_drain;
	connection->on_close = on_close;
	if (connection->state == CONNECTION_OPEN && !connection->paused)
		read_on(connection);
	else if (connection->state == CONNECTION_CLOSED)
		JS_EnqueueJob(ctx, tell_closed, 1, &this_val);
	return JS_UNDEFINED;
}

/* write(bytes, start, end): buffered */
static JSValue connection_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	connection *connection = this_connection(this_val);
	const uint8_t *data;
	uint32_t length;
	if (!connection || !host_range(argv, &data, &length))
		return JS_EXCEPTION;
	if (connection->state != CONNECTION_OPEN)
		return JS_NewInt32(ctx, 0);
	output_write(connection, data, length);
	return JS_NewInt64(ctx, (int64_t)output_buffered(connection));
}

static JSValue connection_buffered(JSContext *ctx, JSValueConst this_val)
{
	const connection *connection = this_connection(this_val);
	if (!connection)
		return JS_EXCEPTION;
	if (connection->state >= CONNECTION_CLOSING)
		return JS_NewInt32(ctx, 0);
	return JS_NewInt64(ctx, (int64_t)output_buffered(connection));
}

/* pause(paused) */
static JSValue connection_pause(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	connection *connection = this_connection(this_val);
	if (!connection)
		return JS_EXCEPTION;
	bool paused = JS_ToBool(ctx, argv[0]);
	if (connection->state != CONNECTION_OPEN || connection->paused == paused)
		return JS_UNDEFINED;
	connection->paused = paused;
	if (!connection->started)
		return JS_UNDEFINED;
	if (paused)
		input_stop(connection);
	else
		read_on(connection);
	return JS_UNDEFINED;
}

static JSValue connection_close(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	connection *connection = this_connection(this_val);
	if (!connection)
		return JS_EXCEPTION;
	connection_finish(connection);
	return JS_UNDEFINED;
}

static JSValue connection_destroy(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	connection *connection = this_connection(this_val);
	if (!connection)
		return JS_EXCEPTION;
	connection_end(connection, 0);
	return JS_UNDEFINED;
}

static void connection_finalize(JSRuntime *rt, JSValue value)
{
	connection *connection = JS_GetOpaque(value, connection_class);
	if (connection) {
		connection->finalized = true;
		free_when_done(connection);
	}
}

static void connection_mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *mark)
{
	const connection *connection = JS_GetOpaque(value, connection_class);
	if (connection) {
		JS_MarkValue(rt, connection->handler, mark);
		JS_MarkValue(rt, connection->on_data, mark);
		JS_MarkValue(rt, connection->on_drain, mark);
		JS_MarkValue(rt, connection->on_close, mark);
		JS_MarkValue(rt, connection->big_array, mark);
	}
}

static const JSClassDef connection_def = { "Connection", .finalizer = connection_finalize, .gc_mark = connection_mark };

static const JSCFunctionListEntry methods[] = {
	JS_CFUNC_DEF("start", 1, connection_start),   JS_CFUNC_DEF("write", 3, connection_write),
	JS_CFUNC_DEF("pause", 1, connection_pause),   JS_CFUNC_DEF("close", 0, connection_close),
	JS_CFUNC_DEF("destroy", 0, connection_destroy), JS_CGETSET_DEF("buffered", connection_buffered, NULL),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("beforeFlush", 1, output_before_flush),
};

static void start(void)
{
	host_class(&connection_class, &connection_def, methods, COUNT(methods));
	CHECK(uv_timer_init(&host.loop, &linger_timer) == 0);
	input_setup();
	output_setup();
}

static void stop(void)
{
	struct list_head *at;
	list_for_each(at, &connections) {
		connection *connection = list_entry(at, struct connection, link);
		if (JS_IsUndefined(connection->self) && connection->state == CONNECTION_OPEN)
			connection_discard(connection);
		else
			connection_end(connection, 0);
	}
	uv_close((uv_handle_t *)&linger_timer, NULL);
	input_teardown();
	output_stop();
}

const host_module connection_module = { functions, COUNT(functions), start, stop, output_teardown };
