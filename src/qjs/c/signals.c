/* Signals that are caught. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

typedef struct catcher {
	uv_signal_t uv;
	JSValue callback;
	struct list_head link;
} catcher;

static struct list_head catchers = LIST_HEAD_INIT(catchers);

static void on_signal(uv_signal_t *handle, int number)
{
	const catcher *catcher = handle->data;
	host_notify(catcher->callback, JS_UNDEFINED, 0, NULL);
}

static int number_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "SIGINT", SIGINT },	{ "SIGTERM", SIGTERM }, { "SIGHUP", SIGHUP },
		{ "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 },
	};
	for (int i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	}
	/* Not a constant: the C library keeps the first ones for itself. */
	return strcmp(name, "SIGRTMIN") == 0 ? SIGRTMIN : 0;
}

#ifndef __GLIBC__
/*
 * The first real-time signal of glibc, which is what `kill -RTMIN` of a system with glibc sends. musl begins one later,
 * keeps this one for itself, lets sigaction(2) not touch it, and uses it only for moments: to let all threads take a new
 * identity.
 */
enum { GLIBC_SIGRTMIN = 34 };

/* musl's own way to the system call; weak, as a shared musl does not show it. */
extern int __libc_sigaction(int, const struct sigaction *, struct sigaction *) __attribute__((weak));

/* As libuv blocks signals where its handler must not run, but musl lets nobody block this one, ours does nothing else. */
static void forward_signal(int number)
{
	int error = errno;
	kill(getpid(), SIGRTMIN);
	errno = error;
}

static void catch_glibc_rtmin(void)
{
	struct sigaction action = { .sa_handler = forward_signal, .sa_flags = SA_RESTART };
	if (SIGRTMIN > GLIBC_SIGRTMIN && __libc_sigaction)
		CHECK(__libc_sigaction(GLIBC_SIGRTMIN, &action, NULL) == 0);
}
#else
static void catch_glibc_rtmin(void)
{
}
#endif

/* onSignal(name, callback) */
static JSValue signals_on(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	int number = number_of(name);
	JS_FreeCString(ctx, name);
	if (number == 0)
		return host_throw(UV_EINVAL);
	catcher *catcher = host_alloc(sizeof *catcher);
	CHECK(uv_signal_init(&host.loop, &catcher->uv) == 0);
	catcher->uv.data = catcher;
	catcher->callback = JS_DupValue(ctx, argv[1]);
	list_add_tail(&catcher->link, &catchers);
	uv_unref((uv_handle_t *)&catcher->uv);
	int error = uv_signal_start(&catcher->uv, on_signal, number);
	if (error == 0 && number == SIGRTMIN)
		catch_glibc_rtmin();
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("onSignal", 2, signals_on),
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void stop(void)
{
	struct list_head *at, *next;
	list_for_each_safe(at, next, &catchers) {
		catcher *catcher = list_entry(at, struct catcher, link);
		list_del(&catcher->link);
		JS_FreeValue(host.ctx, catcher->callback);
		uv_close((uv_handle_t *)&catcher->uv, on_closed);
	}
}

const host_module signals_module = { functions, COUNT(functions), NULL, stop, NULL };
