/* Standard input, without blocking the loop. */

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"

enum { PIECE = 65536 };

/* What waits for input: readiness of a pipe, socket or terminal; or, as files are always ready, the next turn. */
static union {
	uv_handle_t handle;
	uv_poll_t poll;
	uv_idle_t idle;
} watcher;
static bool is_open, is_paused;
static JSValue on_data, on_end;

static void finish(void)
{
	is_open = false;
	uv_close(&watcher.handle, NULL);
	JSValue callback = on_end;
	JS_FreeValue(host.ctx, on_data);
	on_data = on_end = JS_UNDEFINED;
	host_notify(callback, JS_UNDEFINED, 0, NULL);
	JS_FreeValue(host.ctx, callback);
}

static void read_piece(void)
{
	uint8_t *piece = host_alloc(PIECE);
	ssize_t count = read(STDIN_FILENO, piece, PIECE);
	int error = errno;
	if (count > 0) {
		JSValue bytes = host_new_bytes(piece, (size_t)count);
		host_notify(on_data, JS_UNDEFINED, 1, &bytes);
		JS_FreeValue(host.ctx, bytes);
	}
	free(piece);
	if (count == 0 || (count < 0 && error != EINTR && error != EAGAIN))
		finish();
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
	read_piece();
}

static void on_turn(uv_idle_t *handle)
{
	read_piece();
}

static void watch(void)
{
	int error = watcher.handle.type == UV_POLL ? uv_poll_start(&watcher.poll, UV_READABLE, on_ready)
						   : uv_idle_start(&watcher.idle, on_turn);
	CHECK(error == 0);
}

/* readStdin(onData(bytes), onEnd()) */
static JSValue stdin_read(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	if (!JS_IsUndefined(on_end))
		return JS_ThrowTypeError(ctx, "standard input is read already");
	on_data = JS_DupValue(ctx, argv[0]);
	on_end = JS_DupValue(ctx, argv[1]);
	is_open = true;
	/* libuv makes the descriptor non-blocking, also for whoever shares it with us, as a terminal: not wanted, as a
	   read after readiness does not block. */
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	if (uv_poll_init(&host.loop, &watcher.poll, STDIN_FILENO) < 0)
		CHECK(uv_idle_init(&host.loop, &watcher.idle) == 0);
	fcntl(STDIN_FILENO, F_SETFL, flags);
	watch();
	return JS_UNDEFINED;
}

/* pauseStdin(paused) */
static JSValue stdin_pause(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	bool paused = JS_ToBool(ctx, argv[0]);
	if (!is_open || paused == is_paused)
		return JS_UNDEFINED;
	is_paused = paused;
	if (!paused)
		watch();
	else if (watcher.handle.type == UV_POLL)
		uv_poll_stop(&watcher.poll);
	else
		uv_idle_stop(&watcher.idle);
	return JS_UNDEFINED;
}

/* echo(shown): whether what is typed is shown */
static JSValue stdin_echo(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	struct termios terminal;
	if (tcgetattr(STDIN_FILENO, &terminal) < 0)
		return JS_UNDEFINED;
	if (JS_ToBool(ctx, argv[0]))
		terminal.c_lflag |= ECHO;
	else
		terminal.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("readStdin", 2, stdin_read),
	JS_CFUNC_DEF("pauseStdin", 1, stdin_pause),
	JS_CFUNC_DEF("echo", 1, stdin_echo),
};

static void start(void)
{
	on_data = on_end = JS_UNDEFINED;
}

static void stop(void)
{
	if (is_open)
		uv_close(&watcher.handle, NULL);
	JS_FreeValue(host.ctx, on_data);
	JS_FreeValue(host.ctx, on_end);
}

const host_module stdin_module = { functions, COUNT(functions), start, stop, NULL };
