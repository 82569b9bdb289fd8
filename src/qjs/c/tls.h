/*
 * TLS of a connection, as connection.c, input.c, output.c, listener.c and connect.c see it: tls.c, or tls_none.c in a
 * build without TLS, where there are no contexts and all else is never called.
 */

#ifndef TLS_H
#define TLS_H

#include "connection.h"

/* Settings of one side, made once and shared by many connections; counted. */
typedef struct tls_context tls_context;

/* The context of a JavaScript object, or NULL with an exception pending; counted for the caller. */
tls_context *tls_context_of(JSValueConst value);
tls_context *tls_context_hold(tls_context *context);
void tls_context_release(tls_context *context);

/*
 * Told once, from the event loop, how the handshake of a connection ended: `error` 0, or a UV_ or TLS_ code; then the
 * connection is ending. Not told when tls_forget came first. Octets that arrive after a handshake wait for start().
 */
typedef void tls_done(connection *connection, void *owner, int error);

/*
 * Begins the handshake of a connection that is connected and not opened, which owns `context` from now on.
 * `name` is that of the server for a client, NULL for a server. `limit`: milliseconds, 0 for no limit.
 */
void tls_start(connection *connection, tls_context *context, const char *name, uint64_t limit, tls_done *done,
	       void *owner);
/* Handshakes of an owner that have not ended. */
int tls_count(const void *owner);
/* Ends, with TLS_BUSY, the handshake of an owner that has waited longest for its peer; false when none waits. */
bool tls_make_room(const void *owner);
/* Drops all handshakes of an owner. */
void tls_forget_owner(const void *owner);
/* Nobody is told of the end of this handshake any more. */
void tls_forget(connection *connection);

/* What is known of the peer, as TlsFacts. */
JSValue tls_facts(connection *connection);

/* The peer's address and port. */
const char *tls_peer(const connection *connection, int *port);
/* Where octets from the peer go. */
uv_buf_t tls_place(const connection *connection);
/* `count` octets from the peer are there. */
void tls_received(connection *connection, size_t count);
/* The peer has ended its side, or (error) the system has broken the connection. True when that is done with. */
bool tls_ended(connection *connection, int error);
/* Whether octets wait that came earlier; they will be given in a later turn. */
bool tls_resume(connection *connection);
/* Whether a handshake goes on with no more from the peer: what it says until then goes out together. */
bool tls_goes_on(const connection *connection);
/* Turns octets into records, which are appended to the output; 0 or a UV_ or TLS_ code. */
int tls_encrypt(connection *connection, const uint8_t *data, size_t length);
/* Appends the note that nothing more follows, once; false when that was done before. */
bool tls_say_end(connection *connection);
/* Ends a handshake that is going on: the connection broke with `error`. */
void tls_broken(connection *connection, int error);
void tls_release(connection *connection);

#endif
