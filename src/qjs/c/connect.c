/* Outgoing connections, and the look-up of names, which is done in a thread. */

#include <string.h>

#include "tls.h"

/* One attempt to connect to one address. */
typedef struct attempt {
	uv_connect_t request;
	connection *connection;
	bool no_delay;
	/* With TLS: its settings, until the handshake begins, and the name of the server. */
	tls_context *tls;
	char *name;
	/* Connected, and at the handshake. */
	bool is_shaking;
	/* Undefined when it was cancelled. */
	JSValue callback;
	/* Its object, not counted; undefined when that is gone. */
	JSValue object;
	struct list_head link;
} attempt;

typedef struct lookup {
	uv_getaddrinfo_t request;
	JSValue callback;
	struct list_head link;
} lookup;

static JSClassID attempt_class;
static struct list_head attempts = LIST_HEAD_INIT(attempts);
static struct list_head lookups = LIST_HEAD_INIT(lookups);

/* Takes the attempt apart; its callback is the caller's to free. */
static JSValue attempt_free(attempt *attempt)
{
	JSValue callback = attempt->callback;
	list_del(&attempt->link);
	if (JS_IsObject(attempt->object))
		JS_SetOpaque(attempt->object, NULL);
	if (attempt->tls)
		tls_context_release(attempt->tls);
	free(attempt->name);
	free(attempt);
	return callback;
}

/* Ends the attempt and tells how. A connection that failed is not this function's to drop. */
static void attempt_end(attempt *attempt, int error)
{
	connection *connection = attempt->connection;
	bool no_delay = attempt->no_delay;
	JSValue callback = attempt_free(attempt);
	JSValue argv[2] = { JS_NULL, JS_NULL };
	if (error < 0)
		argv[0] = host_error(error);
	else
		argv[1] = connection_open(connection, no_delay);
	host_notify(callback, JS_UNDEFINED, 2, argv);
	JS_FreeValue(host.ctx, argv[0]);
	JS_FreeValue(host.ctx, argv[1]);
	JS_FreeValue(host.ctx, callback);
}

static void on_handshake(connection *connection, void *owner, int error)
{
	attempt_end(owner, error);
}

static void on_connected(uv_connect_t *request, int status)
{
	attempt *attempt = request->data;
	/* When it was cancelled, its connection is being closed already. */
	if (JS_IsUndefined(attempt->callback)) {
		attempt_free(attempt);
	} else if (status == 0 && attempt->tls) {
		tls_context *tls = attempt->tls;
		attempt->tls = NULL;
		attempt->is_shaking = true;
		if (connection_stream(attempt->connection)->type == UV_TCP)
			uv_tcp_nodelay((uv_tcp_t *)connection_stream(attempt->connection), 1);
		tls_start(attempt->connection, tls, attempt->name, 0, on_handshake, attempt);
	} else {
		if (status < 0)
			connection_discard(attempt->connection);
		attempt_end(attempt, status);
	}
}

static void attempt_cancel(attempt *attempt)
{
	if (JS_IsUndefined(attempt->callback))
		return;
	JS_FreeValue(host.ctx, attempt->callback);
	attempt->callback = JS_UNDEFINED;
	connection_discard(attempt->connection);
	/* libuv does not come back to it. */
	if (attempt->is_shaking)
		attempt_free(attempt);
}

static int connect_tcp(attempt *attempt, const char *text, int port, const char *from)
{
	uv_tcp_t *tcp = (uv_tcp_t *)connection_stream(attempt->connection);
	struct sockaddr_storage address;
	int error = 0;
	if (from) {
		error = host_address(from, 0, &address);
		if (error == 0)
			error = uv_tcp_bind(tcp, (struct sockaddr *)&address, 0);
	}
	if (error == 0)
		error = host_address(text, port, &address);
	return error < 0 ? error : uv_tcp_connect(&attempt->request, tcp, (struct sockaddr *)&address, on_connected);
}

/*
 * connect(address, port, bindAddress | undefined, noDelay, callback(error | null, connection | null),
 * tls | undefined, serverName | undefined): { cancel() }
 */
static JSValue connect_connect(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t port;
	if (JS_ToInt32(ctx, &port, argv[1]) < 0)
		return JS_EXCEPTION;
	if (port < 0 || port > 65535)
		return host_throw(UV_EINVAL);
	const char *address = host_string(argv[0]);
	const char *from = NULL;
	tls_context *tls = NULL;
	const char *name = NULL;
	if (!JS_IsUndefined(argv[5])) {
		name = host_string(argv[6]);
		tls = name ? tls_context_of(argv[5]) : NULL;
		if (!tls) {
			JS_FreeCString(ctx, name);
			JS_FreeCString(ctx, address);
			return JS_EXCEPTION;
		}
	}
	if (!address || (!JS_IsUndefined(argv[2]) && !(from = host_string(argv[2])))) {
		JS_FreeCString(ctx, address);
		JS_FreeCString(ctx, name);
		if (tls)
			tls_context_release(tls);
		return JS_EXCEPTION;
	}
	JSValue object = JS_NewObjectClass(ctx, attempt_class);
	CHECK(!JS_IsException(object));
	bool is_pipe = address[0] == '/';
	attempt *attempt = host_alloc(sizeof *attempt);
	attempt->request.data = attempt;
	attempt->connection = connection_new(is_pipe);
	attempt->no_delay = JS_ToBool(ctx, argv[3]);
	attempt->tls = tls;
	attempt->name = name ? strdup(name) : NULL;
	attempt->is_shaking = false;
	JS_FreeCString(ctx, name);
	attempt->callback = JS_DupValue(ctx, argv[4]);
	attempt->object = object;
	JS_SetOpaque(object, attempt);
	list_add_tail(&attempt->link, &attempts);
	int error = is_pipe ? uv_pipe_connect2(&attempt->request, (uv_pipe_t *)connection_stream(attempt->connection),
					       address, strlen(address), UV_PIPE_NO_TRUNCATE, on_connected)
			    : connect_tcp(attempt, address, port, from);
	JS_FreeCString(ctx, address);
	JS_FreeCString(ctx, from);
	if (error < 0) {
		connection_discard(attempt->connection);
		JS_FreeValue(ctx, attempt_free(attempt));
		JS_FreeValue(ctx, object);
		return host_throw(error);
	}
	return object;
}

static JSValue connect_cancel(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	attempt *attempt = JS_GetOpaque(this_val, attempt_class);
	if (attempt)
		attempt_cancel(attempt);
	return JS_UNDEFINED;
}

static void attempt_finalize(JSRuntime *rt, JSValue value)
{
	attempt *attempt = JS_GetOpaque(value, attempt_class);
	if (attempt)
		attempt->object = JS_UNDEFINED;
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	lookup *lookup = request->data;
	JSContext *ctx = host.ctx;
	JSValue callback = lookup->callback;
	list_del(&lookup->link);
	free(lookup);
	JSValue argv[2] = { JS_NULL, JS_NULL };
	if (status < 0) {
		argv[0] = host_error(status);
	} else {
		argv[1] = JS_NewArray(ctx);
		uint32_t count = 0;
		for (const struct addrinfo *at = found; at; at = at->ai_next) {
			struct sockaddr_storage address;
			char text[64];
			memset(&address, 0, sizeof address);
			memcpy(&address, at->ai_addr, at->ai_addrlen);
			host_address_text(&address, text, sizeof text);
			JS_SetPropertyUint32(ctx, argv[1], count++, JS_NewString(ctx, text));
		}
	}
	uv_freeaddrinfo(found);
	host_notify(callback, JS_UNDEFINED, 2, argv);
	JS_FreeValue(ctx, argv[0]);
	JS_FreeValue(ctx, argv[1]);
	JS_FreeValue(ctx, callback);
}

/* resolve(name, callback(error | null, addresses | null)) */
static JSValue connect_resolve(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	/* C libraries have various ideas of an empty name. */
	if (name[0] == '\0') {
		JS_FreeCString(ctx, name);
		return host_throw(UV_EAI_NONAME);
	}
	lookup *lookup = host_alloc(sizeof *lookup);
	lookup->request.data = lookup;
	lookup->callback = JS_DupValue(ctx, argv[1]);
	list_add_tail(&lookup->link, &lookups);
	int error = uv_getaddrinfo(&host.loop, &lookup->request, on_found, name, NULL, &hints);
	JS_FreeCString(ctx, name);
	if (error < 0) {
		list_del(&lookup->link);
		JS_FreeValue(ctx, lookup->callback);
		free(lookup);
		return host_throw(error);
	}
	return JS_UNDEFINED;
}

/* isAddress(text): whether it is a numeric address */
static JSValue connect_is_address(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	struct sockaddr_storage address;
	const char *text = host_string(argv[0]);
	if (!text)
		return JS_EXCEPTION;
	bool is_address = host_address(text, 0, &address) == 0;
	JS_FreeCString(ctx, text);
	return JS_NewBool(ctx, is_address);
}

/* timeoutError(): HostError */
static JSValue connect_timeout_error(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return host_error(UV_ETIMEDOUT);
}

/* badCiphersError(): HostError */
static JSValue connect_bad_ciphers_error(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return host_error(TLS_BAD_CIPHERS);
}

static const JSClassDef attempt_def = { "Attempt", .finalizer = attempt_finalize };

static const JSCFunctionListEntry methods[] = {
	JS_CFUNC_DEF("cancel", 0, connect_cancel),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("connect", 7, connect_connect),
	JS_CFUNC_DEF("resolve", 2, connect_resolve),
	JS_CFUNC_DEF("isAddress", 1, connect_is_address),
	JS_CFUNC_DEF("timeoutError", 0, connect_timeout_error),
	JS_CFUNC_DEF("badCiphersError", 0, connect_bad_ciphers_error),
};

static void start(void)
{
	host_class(&attempt_class, &attempt_def, methods, COUNT(methods));
}

static void stop(void)
{
	struct list_head *at, *next;
	list_for_each_safe(at, next, &attempts)
		attempt_cancel(list_entry(at, attempt, link));
	list_for_each(at, &lookups)
		uv_cancel((uv_req_t *)&list_entry(at, lookup, link)->request);
}

const host_module connect_module = { functions, COUNT(functions), start, stop, NULL };
