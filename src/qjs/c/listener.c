/* Listeners: TCP and unix sockets. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tls.h"

enum {
	BACKLOG = 1024,
	/* Owner and group may connect. */
	SOCKET_UMASK = 0007,
	/* How many names of a socket that is about to be moved are tried. */
	FREE_NAMES = 100,
};

typedef struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	bool no_delay;
	bool is_closing;
	bool is_closed;
	bool finalized;
	/* Of a unix socket: where it is, and which file it is there; NULL for others. */
	char *path;
	dev_t device;
	ino_t inode;
	JSValue on_connection;
	/* With TLS: its settings, who is told of handshakes that failed, and limits of those that have not ended. */
	tls_context *tls;
	JSValue on_refused;
	uint32_t handshake_time;
	int handshakes;
	/* Counted while open. */
	JSValue self;
	struct list_head link;
} listener;

static JSClassID listener_class;
static struct list_head listeners = LIST_HEAD_INIT(listeners);

static void say_refused(const listener *listener, const char *address, int port, int error)
{
	JSValue argv[3] = { JS_NewString(host.ctx, address), JS_NewInt32(host.ctx, port), host_error(error) };
	host_notify(listener->on_refused, JS_UNDEFINED, 3, argv);
	JS_FreeValue(host.ctx, argv[0]);
	JS_FreeValue(host.ctx, argv[2]);
}

/* The handshake of a newcomer has ended. */
static void on_handshake(connection *connection, void *owner, int error)
{
	const listener *listener = owner;
	if (error != 0) {
		int port;
		const char *address = tls_peer(connection, &port);
		say_refused(listener, address, port, error);
		return;
	}
	JSValue object = connection_open(connection, listener->no_delay);
	host_notify(listener->on_connection, JS_UNDEFINED, 1, &object);
	JS_FreeValue(host.ctx, object);
}

/* Begins a handshake. When there are too many, whoever has kept us waiting longest has to go. */
static void begin_handshake(listener *listener, connection *connection)
{
	if (tls_count(listener) >= listener->handshakes && !tls_make_room(listener)) {
		connection_discard(connection);
		say_refused(listener, "", 0, TLS_BUSY);
		return;
	}
	/* JavaScript has run. */
	if (listener->is_closing || host.ending) {
		connection_discard(connection);
		return;
	}
	if (connection_stream(connection)->type == UV_TCP)
		uv_tcp_nodelay((uv_tcp_t *)connection_stream(connection), 1);
	tls_start(connection, tls_context_hold(listener->tls), NULL, listener->handshake_time, on_handshake, listener);
}

static void on_connection(uv_stream_t *server, int status)
{
	listener *listener = server->data;
	/* Without descriptors libuv closes the newcomer and goes on; other errors are those of the newcomer. */
	if (status < 0 || host.ending)
		return;
	connection *connection = connection_new(server->type == UV_NAMED_PIPE);
	if (uv_accept(server, connection_stream(connection)) < 0) {
		connection_discard(connection);
		return;
	}
	if (listener->tls) {
		begin_handshake(listener, connection);
		return;
	}
	JSValue object = connection_open(connection, listener->no_delay);
	host_notify(listener->on_connection, JS_UNDEFINED, 1, &object);
	JS_FreeValue(host.ctx, object);
}

static void on_closed(uv_handle_t *handle)
{
	listener *listener = handle->data;
	list_del(&listener->link);
	listener->is_closed = true;
	JSValue self = listener->self, on_connection = listener->on_connection, on_refused = listener->on_refused;
	listener->self = listener->on_connection = listener->on_refused = JS_UNDEFINED;
	if (listener->finalized)
		free(listener);
	JS_FreeValue(host.ctx, on_connection);
	JS_FreeValue(host.ctx, on_refused);
	JS_FreeValue(host.ctx, self);
}

/* Another socket may have come to stand there since. */
static void remove_socket(listener *listener)
{
	struct stat info;
	if (lstat(listener->path, &info) == 0 && info.st_dev == listener->device && info.st_ino == listener->inode)
		unlink(listener->path);
	free(listener->path);
	listener->path = NULL;
}

static void listener_end(listener *listener)
{
	if (listener->is_closing)
		return;
	listener->is_closing = true;
	if (listener->path)
		remove_socket(listener);
	if (listener->tls) {
		tls_forget_owner(listener);
		tls_context_release(listener->tls);
		listener->tls = NULL;
	}
	uv_close(&listener->uv.handle, on_closed);
}

static bool folder_exists(const char *path)
{
	char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct stat info;
	size_t length = (size_t)(strrchr(path, '/') - path) + 1;
	if (length >= sizeof folder)
		return true;
	memcpy(folder, path, length);
	folder[length] = '\0';
	return stat(folder, &info) == 0 || errno != ENOENT;
}

/* A name that nothing has, in the folder of the path; short, as names of sockets are limited. */
static bool free_name(const char *path, char *name, size_t size)
{
	struct stat info;
	int folder = (int)(strrchr(path, '/') - path) + 1;
	for (int number = 0; number < FREE_NAMES; number++) {
		if ((size_t)snprintf(name, size, "%.*s.%d", folder, path, number) >= size)
			return false;
		if (lstat(name, &info) < 0)
			return true;
	}
	return false;
}

/*
 * Listens under a name of its own first, and then moves to the path: whoever is there is replaced in one step. libuv, which
 * removes the path that it has bound when it closes it, knows only the first name.
 */
/* `mode`: permission bits, or a negative number for the usual ones. */
static int listen_pipe(listener *listener, const char *path, int mode)
{
	char name[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct stat info;
	if (lstat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
		return UV_EADDRINUSE;
	if (strlen(path) >= sizeof name || !free_name(path, name, sizeof name))
		return UV_ENAMETOOLONG;
	mode_t mask = umask(mode < 0 ? SOCKET_UMASK : ~(mode_t)mode & 0777);
	int error = uv_pipe_bind2(&listener->uv.pipe, name, strlen(name), UV_PIPE_NO_TRUNCATE);
	umask(mask);
	/* libuv tells of a folder that is not there as if it were forbidden. */
	if (error == UV_EACCES && !folder_exists(path))
		error = UV_ENOENT;
	if (error == 0)
		error = uv_listen(&listener->uv.stream, BACKLOG, on_connection);
	if (error == 0 && (lstat(name, &info) < 0 || rename(name, path) < 0))
		error = -errno;
	if (error < 0)
		return error;
	listener->path = strdup(path);
	CHECK(listener->path);
	listener->device = info.st_dev;
	listener->inode = info.st_ino;
	return 0;
}

static int listen_tcp(listener *listener, const char *text, int port)
{
	struct sockaddr_storage address;
	int error = host_address(text, port, &address);
	if (error < 0)
		return error;
	unsigned int flags = address.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
	error = uv_tcp_bind(&listener->uv.tcp, (struct sockaddr *)&address, flags);
	return error < 0 ? error : uv_listen(&listener->uv.stream, BACKLOG, on_connection);
}

/* Takes what `listen` is told about TLS, if anything; false with an exception pending. */
static bool take_tls(listener *listener, JSValueConst *argv)
{
	if (JS_IsUndefined(argv[0]))
		return true;
	int32_t handshakes;
	if (JS_ToUint32(host.ctx, &listener->handshake_time, argv[2]) < 0 ||
	    JS_ToInt32(host.ctx, &handshakes, argv[3]) < 0)
		return false;
	listener->handshakes = handshakes;
	listener->on_refused = JS_DupValue(host.ctx, argv[1]);
	listener->tls = tls_context_of(argv[0]);
	return listener->tls != NULL;
}

/*
 * listen(address, port, noDelay, mode, onConnection, tls | undefined, onRefused(address, port, error), handshakeTime,
 * handshakes): Listener
 */
static JSValue listener_listen(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t port, mode = -1;
	if (JS_ToInt32(ctx, &port, argv[1]) < 0)
		return JS_EXCEPTION;
	if (!JS_IsUndefined(argv[3]) && JS_ToInt32(ctx, &mode, argv[3]) < 0)
		return JS_EXCEPTION;
	if (port < 0 || port > 65535)
		return host_throw(UV_EINVAL);
	const char *address = host_string(argv[0]);
	if (!address)
		return JS_EXCEPTION;
	JSValue object = JS_NewObjectClass(ctx, listener_class);
	CHECK(!JS_IsException(object));
	listener *listener = host_alloc(sizeof *listener);
	memset(listener, 0, sizeof *listener);
	bool is_pipe = address[0] == '/';
	CHECK((is_pipe ? uv_pipe_init(&host.loop, &listener->uv.pipe, 0)
		       : uv_tcp_init(&host.loop, &listener->uv.tcp)) == 0);
	listener->uv.handle.data = listener;
	listener->no_delay = JS_ToBool(ctx, argv[2]);
	listener->on_connection = JS_DupValue(ctx, argv[4]);
	listener->on_refused = JS_UNDEFINED;
	listener->self = JS_DupValue(ctx, object);
	JS_SetOpaque(object, listener);
	list_add_tail(&listener->link, &listeners);

	if (!take_tls(listener, argv + 5)) {
		JS_FreeCString(ctx, address);
		listener_end(listener);
		JS_FreeValue(ctx, object);
		return JS_EXCEPTION;
	}
	int error = is_pipe ? listen_pipe(listener, address, mode) : listen_tcp(listener, address, port);
	JS_FreeCString(ctx, address);
	struct sockaddr_storage bound;
	int size = sizeof bound;
	char text[64];
	port = 0;
	if (error == 0 && !is_pipe) {
		error = uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&bound, &size);
		if (error == 0)
			port = host_address_text(&bound, text, sizeof text);
	}
	if (error < 0) {
		listener_end(listener);
		JS_FreeValue(ctx, object);
		return host_throw(error);
	}
	JS_DefinePropertyValueStr(ctx, object, "port", JS_NewInt32(ctx, port), JS_PROP_ENUMERABLE);
	return object;
}

static JSValue listener_close(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	listener *listener = JS_GetOpaque2(ctx, this_val, listener_class);
	if (!listener)
		return JS_EXCEPTION;
	listener_end(listener);
	return JS_UNDEFINED;
}

/* setTls(context): for handshakes from now on */
static JSValue listener_set_tls(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	listener *listener = JS_GetOpaque2(ctx, this_val, listener_class);
	tls_context *context = listener ? tls_context_of(argv[0]) : NULL;
	if (!context)
		return JS_EXCEPTION;
	if (!listener->tls) {
		tls_context_release(context);
		if (listener->is_closing)
			return JS_UNDEFINED;
		return JS_ThrowTypeError(ctx, "a listener without TLS");
	}
	tls_context_release(listener->tls);
	listener->tls = context;
	return JS_UNDEFINED;
}

static void listener_finalize(JSRuntime *rt, JSValue value)
{
	listener *listener = JS_GetOpaque(value, listener_class);
	if (listener) {
		listener->finalized = true;
		if (listener->is_closed)
			free(listener);
	}
}

static void listener_mark(JSRuntime *rt, JSValueConst value, JS_MarkFunc *mark)
{
	const listener *listener = JS_GetOpaque(value, listener_class);
	if (listener) {
		JS_MarkValue(rt, listener->on_connection, mark);
		JS_MarkValue(rt, listener->on_refused, mark);
	}
}

static const JSClassDef listener_def = { "Listener", .finalizer = listener_finalize, .gc_mark = listener_mark };

/* setNoDelay(noDelay) */
static JSValue listener_set_no_delay(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	listener *listener = JS_GetOpaque2(ctx, this_val, listener_class);
	if (!listener)
		return JS_EXCEPTION;
	listener->no_delay = JS_ToBool(ctx, argv[0]);
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry methods[] = {
	JS_CFUNC_DEF("setNoDelay", 1, listener_set_no_delay),
	JS_CFUNC_DEF("close", 0, listener_close),
	JS_CFUNC_DEF("setTls", 1, listener_set_tls),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("listen", 9, listener_listen),
};

static void start(void)
{
	host_class(&listener_class, &listener_def, methods, COUNT(methods));
}

static void stop(void)
{
	struct list_head *at;
	list_for_each(at, &listeners)
		listener_end(list_entry(at, listener, link));
}

const host_module listener_module = { functions, COUNT(functions), start, stop, NULL };
