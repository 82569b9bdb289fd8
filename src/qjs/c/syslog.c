/*
 * The system log, over its socket. The C library's syslog() does not tell whether there is a log, and blocks when the
 * log does.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { RECORD_SIZE = 2048, IDENT_SIZE = 64 };

static int log_fd = -1;
static int facility;
static char ident[IDENT_SIZE];

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{ "kern", LOG_KERN },	  { "user", LOG_USER },	    { "mail", LOG_MAIL },     { "daemon", LOG_DAEMON },
	{ "auth", LOG_AUTH },	  { "syslog", LOG_SYSLOG }, { "lpr", LOG_LPR },	      { "news", LOG_NEWS },
	{ "uucp", LOG_UUCP },	  { "cron", LOG_CRON },	    { "authpriv", LOG_AUTHPRIV }, { "ftp", LOG_FTP },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

static void disconnect(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

static int connect_log(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	disconnect();
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_fd < 0)
		return -errno;
	if (connect(log_fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		int error = -errno;
		disconnect();
		return error;
	}
	return 0;
}

/* syslogOpen(ident, facility) */
static JSValue syslog_open(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *name = host_string(argv[1]);
	if (!name)
		return JS_EXCEPTION;
	int found = -1;
	for (int i = 0; i < COUNT(facilities); i++) {
		if (strcmp(facilities[i].name, name) == 0)
			found = facilities[i].facility;
	}
	JS_FreeCString(ctx, name);
	if (found < 0)
		return host_throw(UV_EINVAL);
	name = host_string(argv[0]);
	if (!name)
		return JS_EXCEPTION;
	facility = found;
	snprintf(ident, sizeof ident, "%s", name);
	JS_FreeCString(ctx, name);
	int error = connect_log();
	return error < 0 ? host_throw(error) : JS_UNDEFINED;
}

/* syslogWrite(severity, text): severity as RFC 5424 has it, 0 to 7. What the log does not take at once is dropped. */
static JSValue syslog_write(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int32_t severity;
	if (JS_ToInt32(ctx, &severity, argv[0]) < 0)
		return JS_EXCEPTION;
	const char *text = JS_ToCString(ctx, argv[1]);
	if (!text)
		return JS_EXCEPTION;
	char record[RECORD_SIZE];
	char when[32];
	time_t now = time(NULL);
	struct tm local;
	localtime_r(&now, &local);
	/* In English, as RFC 3164 has it. */
	snprintf(when, sizeof when, "%.3s %2d %02d:%02d:%02d", &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * local.tm_mon], local.tm_mday,
		 local.tm_hour, local.tm_min, local.tm_sec);
	int length = snprintf(record, sizeof record, "<%d>%s %s[%d]: %s", facility | (severity & 7), when, ident,
			      getpid(), text);
	JS_FreeCString(ctx, text);
	if (length >= (int)sizeof record)
		length = sizeof record - 1;
	/* The log may have been started anew since. */
	if ((log_fd >= 0 || connect_log() == 0) && send(log_fd, record, (size_t)length, MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && connect_log() == 0)
		send(log_fd, record, (size_t)length, MSG_NOSIGNAL);
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("syslogOpen", 2, syslog_open),
	JS_CFUNC_DEF("syslogWrite", 2, syslog_write),
};

const host_module syslog_module = { functions, COUNT(functions), NULL, NULL, disconnect };
