/*
 * The C host: what its modules share. Each module adds its functions to the module "native", which the
 * TypeScript of src/qjs turns into the host contract.
 *
 * The life of a handle that libuv may call back (connection, listener, ...): it is pinned, that is, holds a reference
 * to its own JavaScript object, from when I/O may happen until libuv has closed it; and its memory is freed when it
 * is both closed and finalized.
 */

#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "engine.h"

#define container_of(pointer, type, member) ((type *)((uint8_t *)(pointer) - offsetof(type, member)))
#include "list.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* A broken invariant of ours ends the program loudly, in every build. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			host_broken(__FILE__, __LINE__, #condition); \
	} while (0)

enum {
	/* Exit code after an uncaught error. */
	EXIT_UNCAUGHT = 70
};

typedef struct host_state {
	uv_loop_t loop;
	JSRuntime *rt;
	JSContext *ctx;
	int argc;
	char **argv;
	/* Who is told of uncaught errors; undefined when nobody is (any more). */
	JSValue on_uncaught;
	/* Set once: no JavaScript runs any more, and the program ends with exit_code. */
	bool ending;
	int exit_code;
} host_state;

extern host_state host;

/* main.c */
_Noreturn void host_broken(const char *file, int line, const char *condition);
/* Memory that is not JavaScript's; never NULL. */
void *host_alloc(size_t size);
void *host_realloc(void *memory, size_t size);
/*
 * Calls JavaScript from the event loop, with the jobs that follow; an exception ends the program.
 * JS_EXCEPTION when the program is ending. `function` may be undefined. The result is the caller's to free.
 */
JSValue host_call(JSValueConst function, JSValueConst object, int argc, JSValueConst *argv);
/* The same where nothing is returned. */
void host_notify(JSValueConst function, JSValueConst object, int argc, JSValueConst *argv);
/* Ends the program with `code` once JavaScript has returned to the loop; to be returned from a function. */
JSValue host_end(int code);

/*
 * errors.c: errors are UV_ codes, that is, negative errno numbers or those of name look-ups, and these of TLS and databases;
 * TLS_ALERT less the number of an alert that the peer sent.
 */
enum {
	TLS_NOT_TLS = -100000,
	TLS_BUSY,
	TLS_TIMEOUT,
	TLS_CLOSED,
	TLS_VERSION,
	TLS_CIPHER,
	TLS_ALPN,
	TLS_PSK,
	TLS_PSK_KEY,
	TLS_RENEGOTIATION,
	TLS_PROTOCOL,
	TLS_CERT_REQUIRED,
	TLS_CERT_UNTRUSTED,
	TLS_CERT_EXPIRED,
	TLS_CERT_NOT_YET_VALID,
	TLS_CERT_REVOKED,
	TLS_CERT_NO_CRL,
	TLS_CERT_NAME,
	TLS_CERT_INVALID,
	/* Of settings. */
	TLS_BAD_CERTIFICATE,
	TLS_BAD_KEY,
	TLS_BAD_PASSWORD,
	TLS_KEY_MISMATCH,
	TLS_BAD_AUTHORITIES,
	TLS_BAD_REVOCATIONS,
	TLS_BAD_CIPHERS,
	DB_CORRUPT,
	DB_FOREIGN,
	/* The numbers before this one are ours. */
	OWN_ERRORS_END,
	TLS_ALERT = -110000
};
JSValue host_error(int error);
JSValue host_throw(int error);

/* values.c */
/* The octets argv[0][argv[1], argv[2]); false with an exception pending when these do not fit. */
bool host_range(JSValueConst *argv, const uint8_t **start, uint32_t *length);
/* The octets of an argument; false with an exception pending when it is no Uint8Array. */
bool host_octets(JSValueConst value, const uint8_t **data, uint32_t *length);
/* A whole number from 1 to `maximum`; false with an exception pending when it is none. */
bool host_count(JSValueConst value, double maximum, const char *name, uint32_t *count);
/* A C string of an argument; an exception when it holds U+0000. To be freed with JS_FreeCString. */
const char *host_string(JSValueConst value);
/* Text that came from the system, which may not be UTF-8. */
JSValue host_text(const char *text);
JSValue host_new_bytes(const uint8_t *data, size_t length);
/* A Uint8Array over memory of js_malloc, which it takes, even when it fails. */
JSValue host_take_bytes(uint8_t *data, size_t length);
/* A Uint8Array over memory that is the caller's and outlives it, or is detached first. */
JSValue host_lend_bytes(uint8_t *data, size_t length);
/* Makes a lent array empty; what it covered may be freed afterwards. */
void host_detach_bytes(JSValueConst array);
/* Makes a class with methods; its identifier is put into *id. */
void host_class(JSClassID *id, const JSClassDef *def, const JSCFunctionListEntry *methods, int count);

/* files.c: writes all, waiting when it has to; 0 or a UV_ code. */
int host_write_all(int fd, const uint8_t *data, size_t length);

/* utf8.c: as the host contract has it. */
JSValue utf8_decode_lossy(const uint8_t *text, size_t length);
/* As the arguments of the program are decoded: nothing is lost. */
JSValue utf8_decode_escaped(const uint8_t *text, size_t length);

/* overlay.c: before the first call of SQLite. */
void overlay_load_storage(void);

/* timers.c */
/* Milliseconds of a clock that never goes back. */
uint64_t host_clock(void);

/* address.c */
/* Fills `storage` from a numeric address; UV_EINVAL when it is none. */
int host_address(const char *text, int port, struct sockaddr_storage *storage);
/* The inverse; returns the port. */
int host_address_text(const struct sockaddr_storage *storage, char *text, size_t size);

/* connection.c */
typedef struct connection connection;
/* A connection with an unopened stream, a unix socket or TCP. */
connection *connection_new(bool is_pipe);
uv_stream_t *connection_stream(connection *connection);
/* The stream is connected: makes the JavaScript object, which is the caller's to free. */
JSValue connection_open(connection *connection, bool no_delay);
/* Drops a connection that was not opened. */
void connection_discard(connection *connection);

/* Each module's contribution: its functions, and what it sets up and takes down. */
typedef struct host_module {
	const JSCFunctionListEntry *functions;
	int count;
	void (*start)(void);
	/* Closes handles and releases JavaScript values; the loop runs once more afterwards. */
	void (*stop)(void);
	/* Frees the rest; all handles are closed. */
	void (*free)(void);
} host_module;

extern const host_module bytemap_module, connect_module, connection_module, crypto_module, database_module, files_module, interfaces_module,
	listener_module, mask_module, process_module, random_module, sha1_module, sha512_module, signals_module,
	stdin_module, syslog_module, timers_module, tls_module, utf8_module;

#endif
