/* Errors of the platform as JavaScript errors: `code` is the POSIX name, `message` a text that is the same everywhere. */

#include <string.h>

#include "host.h"

/*
 * The GNU C library's texts, which people and scripts know from every other program. Other C libraries word some of
 * them otherwise.
 */
static const struct {
	int error;
	const char *text;
} texts[] = {
	{ UV_E2BIG, "Argument list too long" },
	{ UV_EPERM, "Operation not permitted" },
	{ UV_ENOENT, "No such file or directory" },
	{ UV_ESRCH, "No such process" },
	{ UV_EINTR, "Interrupted system call" },
	{ UV_EIO, "Input/output error" },
	{ UV_ENXIO, "No such device or address" },
	{ UV_EBADF, "Bad file descriptor" },
	{ UV_EAGAIN, "Resource temporarily unavailable" },
	{ UV_ENOMEM, "Cannot allocate memory" },
	{ UV_EACCES, "Permission denied" },
	{ UV_EBUSY, "Device or resource busy" },
	{ UV_EEXIST, "File exists" },
	{ UV_EXDEV, "Invalid cross-device link" },
	{ UV_ENOTDIR, "Not a directory" },
	{ UV_EISDIR, "Is a directory" },
	{ UV_EINVAL, "Invalid argument" },
	{ UV_ENFILE, "Too many open files in system" },
	{ UV_EMFILE, "Too many open files" },
	{ UV_EFBIG, "File too large" },
	{ UV_ENOSPC, "No space left on device" },
	{ UV_EROFS, "Read-only file system" },
	{ UV_EPIPE, "Broken pipe" },
	{ UV_ENAMETOOLONG, "File name too long" },
	{ UV_ENOTEMPTY, "Directory not empty" },
	{ UV_ELOOP, "Too many levels of symbolic links" },
	{ UV_EPROTO, "Protocol error" },
	{ UV_ENOTSOCK, "Socket operation on non-socket" },
	{ UV_EAFNOSUPPORT, "Address family not supported by protocol" },
	{ UV_EADDRINUSE, "Address already in use" },
	{ UV_EADDRNOTAVAIL, "Cannot assign requested address" },
	{ UV_ENETDOWN, "Network is down" },
	{ UV_ENETUNREACH, "Network is unreachable" },
	{ UV_ECONNABORTED, "Software caused connection abort" },
	{ UV_ECONNRESET, "Connection reset by peer" },
	{ UV_ENOBUFS, "No buffer space available" },
	{ UV_ENOTCONN, "Transport endpoint is not connected" },
	{ UV_ETIMEDOUT, "Connection timed out" },
	{ UV_ECONNREFUSED, "Connection refused" },
	{ UV_EHOSTDOWN, "Host is down" },
	{ UV_EHOSTUNREACH, "No route to host" },
	{ UV_ECANCELED, "Operation canceled" },
};

#ifdef __mips__
/*
 * MIPS numbers errors in a way of its own. An emulator may hand through the other machines' numbers where they are
 * read from a socket (SO_ERROR); none of these means anything else on MIPS.
 */
static int mips_error(int error)
{
	static const int errors[][2] = {
		{ -101, UV_ENETUNREACH }, { -104, UV_ECONNRESET },  { -110, UV_ETIMEDOUT },
		{ -111, UV_ECONNREFUSED }, { -112, UV_EHOSTDOWN }, { -113, UV_EHOSTUNREACH },
	};
	for (int i = 0; i < COUNT(errors); i++) {
		if (errors[i][0] == error)
			return errors[i][1];
	}
	return error;
}
#else
static int mips_error(int error)
{
	return error;
}
#endif

static const char *error_text(int error)
{
	for (int i = 0; i < COUNT(texts); i++) {
		if (texts[i].error == error)
			return texts[i].text;
	}
	return strerror(-error);
}

JSValue host_error(int error)
{
	const char *code;
	const char *text;
	error = mips_error(error);
	if (error == UV_EAI_AGAIN) {
		code = "EAI_AGAIN";
		text = "Try again";
	} else if (error <= UV_EAI_ADDRFAMILY && error >= UV_EAI_PROTOCOL) {
		/* All other failures of a look-up mean that there is no such name. */
		code = "ENOTFOUND";
		text = "Name or service not known";
	} else {
		code = uv_err_name(error);
		text = error_text(error);
	}
	JSValue object = JS_NewError(host.ctx);
	JS_DefinePropertyValueStr(host.ctx, object, "message", JS_NewString(host.ctx, text),
				  JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
	JS_DefinePropertyValueStr(host.ctx, object, "code", JS_NewString(host.ctx, code), JS_PROP_C_W_E);
	return object;
}

JSValue host_throw(int error)
{
	return JS_Throw(host.ctx, host_error(error));
}
