/* What the files of TLS share: tls.c (records), tls_handshake.c, tls_peer.c, tls_secrets.c, tls_context.c, tls_buffers.c. */

#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "tls.h"

enum {
	/* Octets kept for a later turn before reading stops. */
	TLS_KEPT_LIMIT = 4096
};

typedef struct tls_psk {
	char *identity;
	size_t length;
	uint8_t key[MBEDTLS_PSK_MAX_LEN];
	size_t key_length;
} tls_psk;

struct tls_context {
	unsigned int references;
	bool is_server;
	/* Of a client: whether the certificate must be for the host's name. */
	bool verify_name;
	/* Of a server: certificates may be out of date. */
	bool ignore_dates;
	mbedtls_ssl_config config;
	mbedtls_x509_crt certificate;
	mbedtls_pk_context key;
	mbedtls_x509_crt authorities;
	mbedtls_x509_crl revocations;
	mbedtls_ssl_ticket_context tickets;
	/* A ticket was good, in the step that is being done. */
	bool took_ticket;
	int *suites;
	/* Of a server with pre-shared keys, for its clients; or NULL. */
	char *psk_hint;
	/* Path of the file that the keys of connections are logged in; or NULL. */
	char *key_log;
	const char **alpn;
	tls_psk *psks;
	int psk_count;
	/* Of a client: what the last server gave to go on with, if it has. */
	mbedtls_ssl_session session;
	bool has_session;
};

typedef struct tls {
	mbedtls_ssl_context ssl;
	/* Of a server: set up with the first record, so that those who send none cost little. */
	bool is_set_up;
	bool handshake_over;
	/* The peer has said something. */
	bool has_begun;
	/* Nothing more may be sent. */
	bool end_said;
	/* Mbed TLS has sent something while it was to read. */
	bool said_something;
	/* The buffers for records are left to others: where they began, and what has to be kept of them. */
	bool buffers_left;
	uint8_t input_counter[8];
	uintptr_t input_was, output_was;
	/* Facts. */
	bool is_resumed;
	bool saw_certificate;
	bool psk_unknown;
	bool offered_session;
	char *psk_identity;
	char *server_name;
	/* Of a client: the host's. */
	char *name;
	/* Of the peer. */
	char address[64];
	int port;

	connection *connection;
	tls_context *context;
	/* Octets from the peer that wait to be looked at. */
	const uint8_t *input;
	size_t input_length;
	/* Those of them that stay until a later turn. */
	uint8_t *kept;
	size_t kept_size;

	/* The handshake: who is told, and when it must have ended. */
	tls_done *done;
	void *owner;
	uint64_t deadline;
	struct list_head handshake;
	/* In a queue of those that have something to do in the next turns. */
	struct list_head queue;
	bool is_queued;
} tls;

int tls_random(void *opaque, unsigned char *out, size_t length);

/* tls.c: the queues of those that have something to do in a later turn. */
void tls_enqueue(tls *tls);
void tls_dequeue(tls *tls);
/* Octets from the peer, and to it, as Mbed TLS asks for them. */
int tls_on_receive(void *opaque, unsigned char *data, size_t length);
int tls_on_send(void *opaque, const unsigned char *data, size_t length);
/* Keeps what was not looked at, which lies where it was read to or is kept already, for a later turn. */
void tls_keep_input(tls *tls);

/* tls_handshake.c */
void tls_handshakes_start(void);
void tls_handshakes_stop(void);
/* One step; false when what has come is not enough for one, which took no time. */
bool tls_step(tls *tls);
void tls_end_handshake(tls *tls, int error);
int tls_closed_error(const tls *tls, int error);
/* Of a client: what the server gave to go on with is for the next connection. */
void tls_keep_session(tls *tls);

/* tls_peer.c: the code of what Mbed TLS has returned. */
int tls_error_of(const tls *tls, int result);
bool tls_is_address(const char *name);
int tls_on_verify(void *opaque, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

/* tls_secrets.c: whose step is done next. */
void tls_steps(const tls *tls);
/* Has the keys of the connection logged, where its context says so. */
void tls_log_keys(tls *tls);

/* Callbacks of a context; `ssl` knows its tls. */
int tls_find_psk(void *opaque, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t length);
int tls_take_server_name(void *opaque, mbedtls_ssl_context *ssl, const unsigned char *name, size_t length);

/* tls_buffers.c: sees to it that there are buffers for records, which is to come before anything is read or written; false without memory. */
bool tls_take_buffers(tls *tls);
/* Leaves them to others, if there is nothing in them. */
void tls_leave_buffers(tls *tls);
void tls_free_buffers(void);

/* tls_context.c */
void tls_contexts_start(void);
/* tlsContext(options): TlsContext */
JSValue tls_context_create(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);

#endif
