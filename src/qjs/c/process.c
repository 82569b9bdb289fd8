/* The program as a process: arguments, environment, standard streams, identity, background, end. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { HOSTNAME_SIZE = 256 };

/* The parent's end of the pipe through which it learns that we are ready; -1 when there is no parent waiting. */
static int ready_pipe = -1;

/* argv(): string[] */
static JSValue process_argv(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	JSValue result = JS_NewArray(ctx);
	for (int i = 0; i < host.argc; i++) {
		const char *text = host.argv[i];
		const char *slash = i == 0 ? strrchr(text, '/') : NULL;
		const char *name = slash ? slash + 1 : text;
		JS_SetPropertyUint32(ctx, result, (uint32_t)i, utf8_decode_escaped((const uint8_t *)name, strlen(name)));
	}
	return result;
}

static JSValue process_pid(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return JS_NewInt32(ctx, getpid());
}

static JSValue process_uid(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return JS_NewUint32(ctx, geteuid());
}

static JSValue process_hostname(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	char name[HOSTNAME_SIZE];
	if (gethostname(name, sizeof name) < 0)
		return host_throw(-errno);
	name[sizeof name - 1] = '\0';
	return host_text(name);
}

/* env(name): string | undefined */
static JSValue process_env(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	const char *value = getenv(name);
	JS_FreeCString(ctx, name);
	return value ? host_text(value) : JS_UNDEFINED;
}

/* writeStream(descriptor, bytes) */
static JSValue process_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t fd;
	uint8_t *data;
	uint32_t length;
	if (JS_ToInt32(ctx, &fd, argv[0]) < 0)
		return JS_EXCEPTION;
	if (!engine_bytes(argv[1], &data, &length))
		return JS_ThrowTypeError(ctx, "not a Uint8Array");
	int error = host_write_all(fd, data, length);
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

static JSValue process_resident_memory(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	/* Unlike /proc/self/stat, which libuv reads, it is told also by an emulator. */
	char line[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return JS_NewInt32(ctx, 0);
	ssize_t length = read(fd, line, sizeof line - 1);
	close(fd);
	line[length < 0 ? 0 : length] = '\0';
	/* The second number, in pages. */
	const char *resident = strchr(line, ' ');
	return JS_NewFloat64(ctx, resident ? (double)strtoul(resident, NULL, 10) * (double)sysconf(_SC_PAGESIZE) : 0);
}

static JSValue process_maximum_memory(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uv_rusage_t usage;
	if (uv_getrusage(&usage) < 0)
		return JS_NewInt32(ctx, 0);
	/* The field is in KiB. */
	return JS_NewFloat64(ctx, 1024.0 * (double)usage.ru_maxrss);
}

/* heap() */
static JSValue process_heap(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return JS_NewFloat64(ctx, (double)engine_heap(host.rt));
}

/* becomeUser(name) */
static JSValue process_become_user(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	errno = 0;
	const struct passwd *user = getpwnam(name);
	int error = user ? 0 : UV_ENOENT;
	if (user && (initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0))
		error = -errno;
	JS_FreeCString(ctx, name);
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

/* becomeIds(uid, gid): an id of 0 stays */
static JSValue process_become_ids(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint32_t uid, gid;
	if (JS_ToUint32(ctx, &uid, argv[0]) < 0 || JS_ToUint32(ctx, &gid, argv[1]) < 0)
		return JS_EXCEPTION;
	if (setgroups(0, NULL) < 0 || (gid > 0 && setgid(gid) < 0) || (uid > 0 && setuid(uid) < 0))
		return host_throw(-errno);
	return JS_UNDEFINED;
}

/* setUmask(mask) */
static JSValue process_set_umask(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint32_t mask;
	if (JS_ToUint32(ctx, &mask, argv[0]) < 0)
		return JS_EXCEPTION;
	umask(mask);
	return JS_UNDEFINED;
}

/* The parent's part: waits for the child to be ready or to end, and ends with it. */
static _Noreturn void wait_for_child(int fd, pid_t child)
{
	char octet;
	ssize_t count;
	int status;
	do
		count = read(fd, &octet, 1);
	while (count < 0 && errno == EINTR);
	if (count == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* daemonize(): returns in the child only */
static JSValue process_daemonize(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int ends[2];
	if (ready_pipe >= 0)
		return host_throw(UV_EBUSY);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return host_throw(-errno);
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return host_throw(error);
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(ends[0], child);
	}
	close(ends[0]);
	ready_pipe = ends[1];
	setsid();
	int error = uv_loop_fork(&host.loop);
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

/* daemonReady(): lets the parent end, and leaves the standard streams. Idempotent. */
static JSValue process_daemon_ready(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	if (ready_pipe < 0)
		return JS_UNDEFINED;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return host_throw(-errno);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	host_write_all(ready_pipe, (const uint8_t *)"", 1);
	close(ready_pipe);
	ready_pipe = -1;
	return JS_UNDEFINED;
}

/* onUncaught(callback(error)) */
static JSValue process_on_uncaught(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	if (!JS_IsUndefined(host.on_uncaught))
		return JS_ThrowTypeError(ctx, "uncaught errors are told already");
	host.on_uncaught = JS_DupValue(ctx, argv[0]);
	return JS_UNDEFINED;
}

/* exit(code): does not return to its caller */
static JSValue process_exit(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t code;
	if (JS_ToInt32(ctx, &code, argv[0]) < 0)
		return JS_EXCEPTION;
	return host_end(code & 0xff);
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("argv", 0, process_argv),
	JS_CFUNC_DEF("pid", 0, process_pid),
	JS_CFUNC_DEF("uid", 0, process_uid),
	JS_CFUNC_DEF("hostname", 0, process_hostname),
	JS_CFUNC_DEF("env", 1, process_env),
	JS_CFUNC_DEF("writeStream", 2, process_write),
	JS_CFUNC_DEF("residentMemory", 0, process_resident_memory),
	JS_CFUNC_DEF("maximumMemory", 0, process_maximum_memory),
	JS_CFUNC_DEF("heap", 0, process_heap),
	JS_CFUNC_DEF("becomeUser", 1, process_become_user),
	JS_CFUNC_DEF("becomeIds", 2, process_become_ids),
	JS_CFUNC_DEF("setUmask", 1, process_set_umask),
	JS_CFUNC_DEF("daemonize", 0, process_daemonize),
	JS_CFUNC_DEF("daemonReady", 0, process_daemon_ready),
	JS_CFUNC_DEF("onUncaught", 1, process_on_uncaught),
	JS_CFUNC_DEF("exit", 1, process_exit),
};

static void start(void)
{
	host.on_uncaught = JS_UNDEFINED;
}

static void stop(void)
{
	JS_FreeValue(host.ctx, host.on_uncaught);
}

const host_module process_module = { functions, COUNT(functions), start, stop, NULL };
