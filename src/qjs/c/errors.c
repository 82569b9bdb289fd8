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
	{ UV_ENODEV, "No such device" },
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

/* TLS and databases; src/node has the same. */
static const struct {
	int error;
	const char *code, *text;
} own_errors[] = {
	{ TLS_NOT_TLS, "TLS_NOT_TLS", "the peer does not speak TLS" },
	{ TLS_BUSY, "TLS_BUSY", "too many unfinished TLS handshakes" },
	{ TLS_TIMEOUT, "TLS_TIMEOUT", "the TLS handshake took too long" },
	{ TLS_CLOSED, "TLS_CLOSED", "the connection ended during the TLS handshake" },
	{ TLS_VERSION, "TLS_VERSION", "no TLS version in common" },
	{ TLS_CIPHER, "TLS_CIPHER", "no TLS cipher in common" },
	{ TLS_ALPN, "TLS_ALPN", "no application protocol in common" },
	{ TLS_PSK, "TLS_PSK", "unknown PSK identity" },
	{ TLS_PSK_KEY, "TLS_PSK_KEY", "the peer has another key for its PSK identity" },
	{ TLS_RENEGOTIATION, "TLS_RENEGOTIATION", "the peer wants to renegotiate TLS" },
	{ TLS_PROTOCOL, "TLS_PROTOCOL", "TLS protocol error" },
	{ TLS_CERT_REQUIRED, "CERT_REQUIRED", "the peer gave no certificate" },
	{ TLS_CERT_UNTRUSTED, "CERT_UNTRUSTED", "the peer's certificate is of an unknown authority" },
	{ TLS_CERT_EXPIRED, "CERT_EXPIRED", "the peer's certificate has expired" },
	{ TLS_CERT_NOT_YET_VALID, "CERT_NOT_YET_VALID", "the peer's certificate is not yet valid" },
	{ TLS_CERT_REVOKED, "CERT_REVOKED", "the peer's certificate has been revoked" },
	{ TLS_CERT_NO_CRL, "CERT_NO_CRL", "there is no valid revocation list of an authority of the peer's certificate" },
	{ TLS_CERT_NAME, "CERT_NAME", "the peer's certificate is for another host" },
	{ TLS_CERT_INVALID, "CERT_INVALID", "the peer's certificate is not valid" },
	{ TLS_BAD_CERTIFICATE, "TLS_BAD_CERTIFICATE", "no certificate of a known kind in PEM form" },
	{ TLS_BAD_KEY, "TLS_BAD_KEY", "no private key of a known kind in PEM form" },
	{ TLS_BAD_PASSWORD, "TLS_BAD_PASSWORD", "the private key needs another password" },
	{ TLS_KEY_MISMATCH, "TLS_KEY_MISMATCH", "the private key does not belong to the certificate" },
	{ TLS_BAD_AUTHORITIES, "TLS_BAD_AUTHORITIES", "no certificates of authorities in PEM form" },
	{ TLS_BAD_REVOCATIONS, "TLS_BAD_REVOCATIONS", "no revocation list in PEM form" },
	{ TLS_BAD_CIPHERS, "TLS_BAD_CIPHERS", "no such ciphers" },
	{ DB_CORRUPT, "DB_CORRUPT", "the database is damaged" },
	{ DB_FOREIGN, "DB_FOREIGN", "not a database" },
};

static const struct {
	int number;
	const char *text;
} alerts[] = {
	{ 10, "unexpected message" }, { 20, "bad record mac" }, { 22, "record overflow" },
	{ 40, "handshake failure" }, { 42, "bad certificate" }, { 43, "unsupported certificate" },
	{ 44, "certificate revoked" }, { 45, "certificate expired" }, { 46, "certificate unknown" },
	{ 47, "illegal parameter" }, { 48, "unknown ca" }, { 49, "access denied" },
	{ 50, "decode error" }, { 51, "decrypt error" }, { 70, "protocol version" },
	{ 71, "insufficient security" }, { 80, "internal error" }, { 86, "inappropriate fallback" },
	{ 90, "user canceled" }, { 100, "no renegotiation" }, { 109, "missing extension" },
	{ 110, "unsupported extension" }, { 112, "unrecognized name" }, { 115, "unknown psk identity" },
	{ 116, "certificate required" }, { 120, "no application protocol" },
};

/* The code of an error of ours, whose text is put into `text`. */
static const char *own_error(int error, char *text, size_t size)
{
	for (int i = 0; i < COUNT(own_errors); i++) {
		if (own_errors[i].error == error) {
			snprintf(text, size, "%s", own_errors[i].text);
			return own_errors[i].code;
		}
	}
	int number = TLS_ALERT - error;
	snprintf(text, size, "the peer sent TLS alert %d", number);
	for (int i = 0; i < COUNT(alerts); i++) {
		if (alerts[i].number == number)
			snprintf(text, size, "the peer sent TLS alert: %s", alerts[i].text);
	}
	return "TLS_ALERT";
}

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
	char buffer[64];
	error = mips_error(error);
	if (error < OWN_ERRORS_END) {
		code = own_error(error, buffer, sizeof buffer);
		text = buffer;
	} else if (error == UV_EAI_AGAIN) {
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
