/* The program: QuickJS and the event loop, from the first instruction of the bytecode to the exit code. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "heap.h"
#include "host.h"
#include "lzma.h"

/* The program's bytecode, packed by LZMA (scripts/native.sh). */
extern struct {
	const uint8_t *packed;
	uint32_t packed_length, length;
} program;
/* The same unpacked. It is run where it is. */
static uint8_t *code;

host_state host;

static const host_module *const modules[] = {
	&bytemap_module,  &connect_module, &connection_module, &crypto_module, &database_module, &files_module,
	&interfaces_module, &listener_module, &mask_module,    &process_module,    &random_module, &sha1_module,
	&sha512_module,   &signals_module, &stdin_module,      &syslog_module, &timers_module,
	&tls_module,      &utf8_module,
};

/* Promises that were rejected while nobody listened, until the jobs of this turn have run. */
typedef struct rejection {
	struct list_head link;
	JSValue promise;
	JSValue reason;
} rejection;

static struct list_head rejections = LIST_HEAD_INIT(rejections);

_Noreturn void host_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
	abort();
}

void *host_alloc(size_t size)
{
	void *memory = malloc(size);
	if (!memory) {
		fprintf(stderr, "Out of memory\n");
		abort();
	}
	return memory;
}

void *host_realloc(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory) {
		fprintf(stderr, "Out of memory\n");
		abort();
	}
	return memory;
}

JSValue host_end(int code)
{
	if (!host.ending) {
		host.ending = true;
		host.exit_code = code;
		uv_stop(&host.loop);
	}
	/* Unwinds what is running; no handler can catch it. */
	JSValue error = JS_NewError(host.ctx);
	JS_SetUncatchableError(host.ctx, error, true);
	return JS_Throw(host.ctx, error);
}

/* Prints an error with its stack to standard error. */
static void print_error(JSValueConst error)
{
	const char *text = JS_ToCString(host.ctx, error);
	fprintf(stderr, "Uncaught %s\n", text ? text : "error");
	JS_FreeCString(host.ctx, text);
	if (JS_IsError(host.ctx, error)) {
		JSValue stack = JS_GetPropertyStr(host.ctx, error, "stack");
		text = JS_ToCString(host.ctx, stack);
		fputs(text ? text : "", stderr);
		JS_FreeCString(host.ctx, text);
		JS_FreeValue(host.ctx, stack);
	}
}

/* Tells whoever asked to be told of uncaught errors; false when there is nobody, or this fails too. */
static bool tell_uncaught(JSValueConst error)
{
	JSValue callback = host.on_uncaught;
	if (JS_IsUndefined(callback))
		return false;
	host.on_uncaught = JS_UNDEFINED;
	JSValue result = JS_Call(host.ctx, callback, JS_UNDEFINED, 1, &error);
	bool told = host.ending || !JS_IsException(result);
	if (JS_IsException(result))
		JS_FreeValue(host.ctx, JS_GetException(host.ctx));
	JS_FreeValue(host.ctx, result);
	JS_FreeValue(host.ctx, callback);
	return told;
}

/* Takes the pending exception: the program ends with it, unless it is ending. */
static void uncaught(void)
{
	JSValue error = JS_GetException(host.ctx);
	if (!host.ending && !tell_uncaught(error))
		print_error(error);
	if (!host.ending) {
		host.ending = true;
		host.exit_code = EXIT_UNCAUGHT;
		uv_stop(&host.loop);
	}
	JS_FreeValue(host.ctx, error);
}

static void forget_rejection(rejection *entry)
{
	list_del(&entry->link);
	JS_FreeValue(host.ctx, entry->promise);
	JS_FreeValue(host.ctx, entry->reason);
	free(entry);
}

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL is_handled, void *opaque)
{
	if (!is_handled) {
		rejection *entry = host_alloc(sizeof *entry);
		entry->promise = JS_DupValue(ctx, promise);
		entry->reason = JS_DupValue(ctx, reason);
		list_add_tail(&entry->link, &rejections);
		return;
	}
	struct list_head *at, *next;
	list_for_each_safe(at, next, &rejections) {
		rejection *entry = list_entry(at, rejection, link);
		if (JS_VALUE_GET_PTR(entry->promise) == JS_VALUE_GET_PTR(promise))
			forget_rejection(entry);
	}
}

/* Runs the jobs that are due; then nobody can listen to a rejected promise any more. */
static void run_jobs(void)
{
	JSContext *ctx;
	while (!host.ending && JS_IsJobPending(host.rt)) {
		if (JS_ExecutePendingJob(host.rt, &ctx) < 0)
			uncaught();
	}
	if (!host.ending && !list_empty(&rejections)) {
		rejection *first = list_entry(rejections.next, rejection, link);
		JS_Throw(host.ctx, JS_DupValue(host.ctx, first->reason));
		uncaught();
	}
}

JSValue host_call(JSValueConst function, JSValueConst object, int argc, JSValueConst *argv)
{
	if (host.ending)
		return JS_EXCEPTION;
	JSValue result = JS_Call(host.ctx, function, object, argc, argv);
	if (JS_IsException(result))
		uncaught();
	if (JS_IsJobPending(host.rt) || !list_empty(&rejections))
		run_jobs();
	return result;
}

void host_notify(JSValueConst function, JSValueConst object, int argc, JSValueConst *argv)
{
	if (!JS_IsUndefined(function))
		JS_FreeValue(host.ctx, host_call(function, object, argc, argv));
}

static int init_native(JSContext *ctx, JSModuleDef *native)
{
	for (int i = 0; i < COUNT(modules); i++) {
		if (JS_SetModuleExportList(ctx, native, modules[i]->functions, modules[i]->count) < 0)
			return -1;
	}
	return 0;
}

static JSModuleDef *load_module(JSContext *ctx, const char *name, void *opaque)
{
	if (strcmp(name, "native") != 0) {
		JS_ThrowReferenceError(ctx, "no module '%s'", name);
		return NULL;
	}
	JSModuleDef *native = JS_NewCModule(ctx, name, init_native);
	if (native) {
		for (int i = 0; i < COUNT(modules); i++)
			JS_AddModuleExportList(ctx, native, modules[i]->functions, modules[i]->count);
	}
	return native;
}

static void run_program(void)
{
	uint8_t *octets = host_alloc(program.length);
	lzma_model *model = host_alloc(lzma_model_size());
	CHECK(lzma_unpack(model, program.packed, program.packed_length, octets, program.length));
	free(model);
	JSValue module = engine_read(host.ctx, octets, &code);
	free(octets);
	if (JS_IsException(module) || JS_ResolveModule(host.ctx, module) < 0) {
		uncaught();
		return;
	}
	/* A module's result is a promise, which is rejected when it throws. */
	JSValue result = JS_EvalFunction(host.ctx, module);
	if (JS_IsException(result))
		uncaught();
	run_jobs();
	JS_FreeValue(host.ctx, result);
}

#ifdef CHECK_LEAKS
/* Frees all that is left, so that what is not is known to have leaked. */
static void free_everything(void)
{
	for (int i = 0; i < COUNT(modules); i++) {
		if (modules[i]->stop)
			modules[i]->stop();
	}
	/* The first run may still see the request to stop. */
	while (uv_run(&host.loop, UV_RUN_DEFAULT) != 0)
		;
	while (!list_empty(&rejections))
		forget_rejection(list_entry(rejections.next, rejection, link));
	engine_context_free(host.ctx);
	JS_FreeRuntime(host.rt);
	free(code);
	for (int i = 0; i < COUNT(modules); i++) {
		if (modules[i]->free)
			modules[i]->free();
	}
	CHECK(uv_loop_close(&host.loop) == 0);
	uv_library_shutdown();
}
#endif

/* A closed standard stream would be the number of the next file or socket, which would get what is printed. */
static void open_standard_streams(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			CHECK(open("/dev/null", O_RDWR) == fd);
	}
}

int main(int argc, char **argv)
{
	open_standard_streams();
	signal(SIGPIPE, SIG_IGN);
	/* A service manager may ask for a reload before the program could say that it catches the signal: it waits. */
	sigset_t hangup;
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hangup, NULL);
	/* Look-ups of names are the only work that is done in libuv's threads. */
	setenv("UV_THREADPOOL_SIZE", "2", 0);
	host.argc = argc;
	host.argv = argv;
	CHECK(uv_loop_init(&host.loop) == 0);
#ifdef CHECK_LEAKS
	/* Each block of its own is one that is watched. */
	host.rt = JS_NewRuntime();
#else
	host.rt = heap_runtime();
#endif
	CHECK(host.rt);
	host.ctx = engine_context_new(host.rt);
	CHECK(host.ctx);
	JS_SetModuleLoaderFunc(host.rt, NULL, load_module, NULL);
	JS_SetHostPromiseRejectionTracker(host.rt, on_rejection, NULL);
	for (int i = 0; i < COUNT(modules); i++) {
		if (modules[i]->start)
			modules[i]->start();
	}
	run_program();
	sigprocmask(SIG_UNBLOCK, &hangup, NULL);
	if (!host.ending)
		uv_run(&host.loop, UV_RUN_DEFAULT);
	host.ending = true;
#ifdef CHECK_LEAKS
	free_everything();
	return host.exit_code;
#else
	_exit(host.exit_code);
#endif
}
