/*
 * TLS of connections, by Mbed TLS. Handshakes go on step by step, in a queue of which each turn of the loop does little
 * more than one step with a key: nobody else has to wait for longer. Records are read straight into the buffer that
 * JavaScript sees, and all output of a turn becomes records at its end.
 */

#include <string.h>

#include "tls_internal.h"

#include <psa/crypto.h>

enum {
	/* Octets read at once from one peer; during its handshake. */
	PLACE_SIZE = 32768,
	HANDSHAKE_PLACE = 4096,
	/* Octets kept for a later turn before reading stops. */
	KEPT_LIMIT = 4096,
	/* Nanoseconds of a turn after which what is queued waits for the next. */
	TURN_LIMIT = 2000000,
	/* What a record of TLS begins with: its type (handshake), and the version's first octet. */
	HANDSHAKE_RECORD = 22,
	MAJOR = 3,
	/* The same of an alert: a server may begin with that its refusal. */
	ALERT_RECORD = 21
};

static uint8_t place[PLACE_SIZE];
static struct list_head handshakes = LIST_HEAD_INIT(handshakes);
static struct list_head queue = LIST_HEAD_INIT(queue);
static uv_idle_t worker;
static uv_timer_t limit_timer;

/* --- The queue --- */

static void enqueue(tls *tls);

static void dequeue(tls *tls)
{
	if (tls->is_queued) {
		tls->is_queued = false;
		list_del(&tls->queue);
	}
}

/* --- Octets to and from Mbed TLS --- */

static int on_receive(void *opaque, unsigned char *data, size_t length)
{
	tls *tls = opaque;
	if (tls->input_length == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (length > tls->input_length)
		length = tls->input_length;
	memcpy(data, tls->input, length);
	tls->input += length;
	tls->input_length -= length;
	return (int)length;
}

static int on_send(void *opaque, const unsigned char *data, size_t length)
{
	tls *tls = opaque;
	tls->said_something = true;
	output_raw(tls->connection, data, (uint32_t)length);
	return (int)length;
}

/* Keeps what was not looked at, which lies in `place` or is kept already, for a later turn. */
static void keep_input(tls *tls)
{
	size_t length = tls->input_length;
	if (length == 0) {
		free(tls->kept);
		tls->kept = NULL;
		tls->kept_size = 0;
	} else if (!tls->kept) {
		tls->kept = host_alloc(length);
		tls->kept_size = length;
		memcpy(tls->kept, tls->input, length);
	} else {
		memmove(tls->kept, tls->input, length);
	}
	tls->input = tls->kept;
}

/* Appends new octets to those that are kept. */
static void keep_more(tls *tls, const uint8_t *data, size_t length)
{
	if (tls->input_length > 0)
		memmove(tls->kept, tls->input, tls->input_length);
	size_t all = tls->input_length + length;
	if (all > tls->kept_size) {
		tls->kept = host_realloc(tls->kept, all);
		tls->kept_size = all;
	}
	memcpy(tls->kept + tls->input_length, data, length);
	tls->input = tls->kept;
	tls->input_length = all;
}

/* --- Errors --- */

/* What Mbed TLS thinks of a certificate. */
static int error_of_flags(uint32_t flags)
{
	static const struct {
		uint32_t flags;
		int error;
	} table[] = {
		{ MBEDTLS_X509_BADCERT_REVOKED, TLS_CERT_REVOKED },
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, TLS_CERT_UNTRUSTED },
		{ MBEDTLS_X509_BADCERT_EXPIRED, TLS_CERT_EXPIRED },
		{ MBEDTLS_X509_BADCERT_FUTURE, TLS_CERT_NOT_YET_VALID },
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH, TLS_CERT_NAME },
		{ MBEDTLS_X509_BADCERT_MISSING, TLS_CERT_REQUIRED },
		{ MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE,
		  TLS_CERT_NO_CRL },
	};
	for (int i = 0; i < COUNT(table); i++) {
		if (flags & table[i].flags)
			return table[i].error;
	}
	return TLS_CERT_INVALID;
}

/*
 * Whether the record that could not be decrypted is an alert as it is: a client of TLS 1.3 that refuses the server's
 * certificate may not have keys of its own yet.
 */
static bool is_plain_alert(const mbedtls_ssl_context *ssl)
{
	return ssl->state != MBEDTLS_SSL_HANDSHAKE_OVER && ssl->in_hdr && ssl->in_hdr[0] == ALERT_RECORD &&
	       ssl->in_hdr[3] == 0 && ssl->in_hdr[4] == 2;
}

static int error_of(const tls *tls, int result)
{
	switch (result) {
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
		return error_of_flags(mbedtls_ssl_get_verify_result(&tls->ssl));
	case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
		return mbedtls_ssl_get_verify_result(&tls->ssl) == 0 ? TLS_PROTOCOL : TLS_CERT_INVALID;
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		return TLS_CERT_REQUIRED;
	case MBEDTLS_ERR_SSL_INVALID_MAC:
		if (is_plain_alert(&tls->ssl))
			return TLS_ALERT - tls->ssl.in_hdr[6];
		return tls->psk_identity && !tls->handshake_over ? TLS_PSK_KEY : TLS_PROTOCOL;
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return TLS_ALERT - tls->ssl.in_msg[1];
	case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
		return TLS_ALPN;
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return TLS_VERSION;
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return TLS_CLOSED;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		return UV_ENOMEM;
	case TLS_RENEGOTIATION:
		return result;
	}
	if (tls->psk_unknown && !tls->psk_identity)
		return TLS_PSK;
	if (result == MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE)
		return tls->psk_identity ? TLS_PSK_KEY : TLS_CIPHER;
	return TLS_PROTOCOL;
}

/* --- Facts --- */

int tls_take_server_name(void *opaque, mbedtls_ssl_context *ssl, const unsigned char *name, size_t length)
{
	tls *tls = mbedtls_ssl_get_user_data_p(ssl);
	free(tls->server_name);
	tls->server_name = host_alloc(length + 1);
	memcpy(tls->server_name, name, length);
	tls->server_name[length] = '\0';
	return 0;
}

/* Whether a certificate is for a numeric address. */
static bool is_for_address(const mbedtls_x509_crt *certificate, const char *name)
{
	uint8_t address[16];
	size_t size = 4;
	if (uv_inet_pton(AF_INET, name, address) != 0) {
		if (uv_inet_pton(AF_INET6, name, address) != 0)
			return false;
		size = 16;
	}
	for (const mbedtls_x509_sequence *at = &certificate->subject_alt_names; at; at = at->next) {
		if ((at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
		    at->buf.len == size && memcmp(at->buf.p, address, size) == 0)
			return true;
	}
	return false;
}

static bool is_address(const char *name)
{
	uint8_t address[16];
	return uv_inet_pton(AF_INET, name, address) == 0 || uv_inet_pton(AF_INET6, name, address) == 0;
}

/* Whether there is a list of revoked certificates by the authority of a certificate. */
static bool has_list(const tls_context *context, const mbedtls_x509_crt *certificate)
{
	for (const mbedtls_x509_crl *at = &context->revocations; at && at->version != 0; at = at->next) {
		if (at->issuer_raw.len == certificate->issuer_raw.len &&
		    memcmp(at->issuer_raw.p, certificate->issuer_raw.p, at->issuer_raw.len) == 0)
			return true;
	}
	return false;
}

/* Corrects what Mbed TLS found about one certificate of the peer's chain. */
static int on_verify(void *opaque, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	tls *tls = opaque;
	const tls_context *context = tls->context;
	tls->saw_certificate = true;
	/* Where there are lists each certificate must be on trial, as with OpenSSL. */
	if (context->revocations.version != 0 && !has_list(context, certificate))
		*flags |= MBEDTLS_X509_BADCRL_NOT_TRUSTED;
	if (context->ignore_dates)
		*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
				      MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE);
	if (depth != 0 || context->is_server)
		return 0;
	if (!context->verify_name)
		*flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	else if (is_address(tls->name) && !is_for_address(certificate, tls->name))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

static JSValue text_or_null(const char *text)
{
	return text ? host_text(text) : JS_NULL;
}

JSValue tls_facts(connection *connection)
{
	JSContext *ctx = host.ctx;
	tls *tls = connection->tls;
	const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&tls->ssl);
	JSValue facts = JS_NewObject(ctx);
	JS_SetPropertyStr(ctx, facts, "version", JS_NewString(ctx, mbedtls_ssl_get_version(&tls->ssl)));
	JS_SetPropertyStr(ctx, facts, "suite", JS_NewInt32(ctx, mbedtls_ssl_get_ciphersuite_id_from_ssl(&tls->ssl)));
	JS_SetPropertyStr(ctx, facts, "alpn", text_or_null(mbedtls_ssl_get_alpn_protocol(&tls->ssl)));
	JS_SetPropertyStr(ctx, facts, "serverName", text_or_null(tls->server_name));
	JS_SetPropertyStr(ctx, facts, "pskIdentity", text_or_null(tls->psk_identity));
	JS_SetPropertyStr(ctx, facts, "resumed", JS_NewBool(ctx, tls->is_resumed));
	JS_SetPropertyStr(ctx, facts, "peerCertificate", peer ? host_new_bytes(peer->raw.p, peer->raw.len) : JS_NULL);
	return facts;
}

/* --- Handshakes --- */

static void arm_limit_timer(void);

/* The handshake is over: it is in no list, and nobody is told of its end any more. */
static void leave(tls *tls)
{
	if (tls->done) {
		tls->done = NULL;
		list_del(&tls->handshake);
		arm_limit_timer();
	}
}

/* Ends the handshake and, after a failure, the connection, which may still have to send an alert; tells the owner. */
static void end_handshake(tls *tls, int error)
{
	connection *connection = tls->connection;
	tls_done *done = tls->done;
	void *owner = tls->owner;
	dequeue(tls);
	leave(tls);
	input_stop(connection);
	tls->handshake_over = error == 0;
	done(connection, owner, error);
	if (error != 0) {
		tls_release(connection);
		/* Only who is told something is waited for: the others must not hold descriptors. */
		if (output_empty(connection))
			connection_end(connection, 0);
		else
			connection_finish(connection);
	}
}

/* The error of a connection that ended with `error`, or 0, at its handshake. What befell a client's network is all one to us. */
static int closed_error(const tls *tls, int error)
{
	return error == 0 || tls->context->is_server ? TLS_CLOSED : error;
}

static void on_limit(uv_timer_t *timer)
{
	uint64_t now = host_clock();
	struct list_head *at, *next;
	/* From the oldest; ends of others only take them out of the list. */
	list_for_each_safe(at, next, &handshakes) {
		tls *tls = list_entry(at, struct tls, handshake);
		if (tls->deadline != 0 && tls->deadline <= now) {
			end_handshake(tls, TLS_TIMEOUT);
			/* JavaScript has run: all may be different. */
			next = handshakes.next;
		}
	}
	arm_limit_timer();
}

static void arm_limit_timer(void)
{
	uint64_t nearest = 0;
	struct list_head *at;
	list_for_each(at, &handshakes) {
		const tls *tls = list_entry(at, struct tls, handshake);
		if (tls->deadline != 0 && (nearest == 0 || tls->deadline < nearest))
			nearest = tls->deadline;
	}
	if (nearest == 0) {
		uv_timer_stop(&limit_timer);
		return;
	}
	uint64_t now = host_clock();
	uv_update_time(&host.loop);
	uv_timer_start(&limit_timer, on_limit, nearest > now ? nearest - now : 1, 0);
}

/* The session of a client's context is offered to the server. */
static void offer_session(tls *tls)
{
	tls_context *context = tls->context;
	if (!context->is_server && context->has_session &&
	    mbedtls_ssl_set_session(&tls->ssl, &context->session) == 0)
		tls->offered_session = true;
}

static void keep_session(tls *tls)
{
	tls_context *context = tls->context;
	mbedtls_ssl_session_free(&context->session);
	mbedtls_ssl_session_init(&context->session);
	context->has_session = mbedtls_ssl_get_session(&tls->ssl, &context->session) == 0;
}

static int set_up(tls *tls)
{
	int result = mbedtls_ssl_setup(&tls->ssl, &tls->context->config);
	if (result != 0)
		return result;
	tls->is_set_up = true;
	mbedtls_ssl_set_bio(&tls->ssl, tls, on_send, on_receive, NULL);
	mbedtls_ssl_set_user_data_p(&tls->ssl, tls);
	mbedtls_ssl_set_verify(&tls->ssl, on_verify, tls);
	if (tls->name)
		/* Numeric addresses are no server names (RFC 6066, section 3). */
		result = mbedtls_ssl_set_hostname(&tls->ssl, is_address(tls->name) ? NULL : tls->name);
	offer_session(tls);
	return result;
}

/* Whether the peer's first octets can be those of a handshake: this is asked before anything is tried. */
static bool begins_well(tls *tls)
{
	if (tls->has_begun || tls->input_length == 0)
		return true;
	tls->has_begun = tls->input_length > 1;
	bool is_record = tls->input[0] == HANDSHAKE_RECORD || (!tls->context->is_server && tls->input[0] == ALERT_RECORD);
	return is_record && (tls->input_length == 1 || tls->input[1] == MAJOR);
}

/*
 * A server of TLS 1.3 that has said all of its part of the handshake says what still comes, which is an alert, with the
 * other keys (RFC 8446, section 7.3), with which it would send data. Mbed TLS takes them up when the client has ended its part.
 */
static void take_up_keys(mbedtls_ssl_context *ssl)
{
	if (ssl->conf->endpoint != MBEDTLS_SSL_IS_SERVER || ssl->tls_version != MBEDTLS_SSL_VERSION_TLS1_3 ||
	    !ssl->transform_application || ssl->transform_out == ssl->transform_application || ssl->out_left > 0)
		return;
	ssl->transform_out = ssl->transform_application;
	memset(ssl->cur_out_ctr, 0, sizeof ssl->cur_out_ctr);
}

/* Of Mbed TLS: frees what is of the handshake. */
void mbedtls_ssl_handshake_wrapup_free_hs_transform(mbedtls_ssl_context *ssl);

/* A server of TLS 1.3 would keep some KB for messages that only clients get. */
static void drop_handshake(mbedtls_ssl_context *ssl)
{
	if (ssl->handshake && ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3)
		mbedtls_ssl_handshake_wrapup_free_hs_transform(ssl);
}

/* One step, as far as what has come allows. */
static void step(tls *tls)
{
	if (!begins_well(tls)) {
		end_handshake(tls, TLS_NOT_TLS);
		return;
	}
	int result = tls->is_set_up ? 0 : set_up(tls);
	tls->context->took_ticket = false;
	if (result == 0) {
		take_up_keys(&tls->ssl);
		result = mbedtls_ssl_handshake_step(&tls->ssl);
	}
	if (tls->context->took_ticket)
		tls->is_resumed = true;
	if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		result = 0;
	if (result != 0 && result != MBEDTLS_ERR_SSL_WANT_READ) {
		end_handshake(tls, error_of(tls, result));
		return;
	}
	keep_input(tls);
	if (tls->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER) {
		if (tls->context->is_server) {
			drop_handshake(&tls->ssl);
		} else {
			tls->is_resumed = tls->offered_session && !tls->saw_certificate;
			/* 1.3 sends what to go on with later. */
			if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
				keep_session(tls);
		}
		end_handshake(tls, 0);
	} else if (result == 0) {
		enqueue(tls);
	} else {
		input_start(tls->connection);
	}
}

void tls_start(connection *connection, tls_context *context, const char *name, uint64_t limit, tls_done *done,
	       void *owner)
{
	tls *tls = host_alloc(sizeof *tls);
	memset(tls, 0, sizeof *tls);
	mbedtls_ssl_init(&tls->ssl);
	tls->connection = connection;
	tls->context = context;
	tls->name = name ? strdup(name) : NULL;
	tls->done = done;
	tls->owner = owner;
	tls->deadline = limit == 0 ? 0 : host_clock() + limit;
	struct sockaddr_storage peer;
	int size = sizeof peer;
	if (connection->uv.handle.type == UV_TCP &&
	    uv_tcp_getpeername(&connection->uv.tcp, (struct sockaddr *)&peer, &size) == 0)
		tls->port = host_address_text(&peer, tls->address, sizeof tls->address);
	connection->tls = tls;
	list_add_tail(&tls->handshake, &handshakes);
	arm_limit_timer();
	if (context->is_server)
		input_start(connection);
	else
		enqueue(tls);
}

const char *tls_peer(const connection *connection, int *port)
{
	*port = connection->tls->port;
	return connection->tls->address;
}

int tls_count(const void *owner)
{
	int count = 0;
	struct list_head *at;
	list_for_each(at, &handshakes)
		count += list_entry(at, tls, handshake)->owner == owner;
	return count;
}

bool tls_make_room(const void *owner)
{
	struct list_head *at;
	list_for_each(at, &handshakes) {
		tls *tls = list_entry(at, struct tls, handshake);
		if (tls->owner == owner && !tls->is_queued) {
			end_handshake(tls, TLS_BUSY);
			return true;
		}
	}
	return false;
}

void tls_forget(connection *connection)
{
	tls *tls = connection->tls;
	if (tls) {
		dequeue(tls);
		leave(tls);
	}
}

void tls_forget_owner(const void *owner)
{
	struct list_head *at, *next;
	list_for_each_safe(at, next, &handshakes) {
		tls *tls = list_entry(at, struct tls, handshake);
		if (tls->owner == owner)
			connection_discard(tls->connection);
	}
}

void tls_broken(connection *connection, int error)
{
	tls *tls = connection->tls;
	tls_done *done = tls->done;
	void *owner = tls->owner;
	dequeue(tls);
	leave(tls);
	if (done)
		done(connection, owner, closed_error(tls, error));
}

void tls_release(connection *connection)
{
	tls *tls = connection->tls;
	if (!tls)
		return;
	dequeue(tls);
	leave(tls);
	connection->tls = NULL;
	mbedtls_ssl_free(&tls->ssl);
	tls_context_release(tls->context);
	free(tls->psk_identity);
	free(tls->server_name);
	free(tls->name);
	free(tls->kept);
	free(tls);
}

/* --- Records --- */

/* Reads records for as long as there is room; returns how many octets, with what came instead of more. */
static size_t read_records(tls *tls, uv_buf_t room, int *result)
{
	size_t count = 0;
	*result = 0;
	if (!tls_take_buffers(tls)) {
		*result = MBEDTLS_ERR_SSL_ALLOC_FAILED;
		return 0;
	}
	while (count < room.len) {
		tls->said_something = false;
		int length = mbedtls_ssl_read(&tls->ssl, (unsigned char *)room.base + count, room.len - count);
		/* After an error that was an alert; else it was an answer to who begins another handshake. */
		if (tls->said_something && (length >= 0 || length == MBEDTLS_ERR_SSL_WANT_READ)) {
			*result = TLS_RENEGOTIATION;
			break;
		}
		/* It stops after each message that is no data, such as a ticket. */
		if (length == MBEDTLS_ERR_SSL_WANT_READ &&
		    (tls->input_length > 0 || mbedtls_ssl_check_pending(&tls->ssl)))
			continue;
		if (length <= 0) {
			*result = length == 0 ? MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY : length;
			break;
		}
		count += (size_t)length;
	}
	tls_leave_buffers(tls);
	return count;
}

/* Gives JavaScript what the octets that have come amount to, as long as it wants more. */
static void give(tls *tls)
{
	connection *connection = tls->connection;
	for (;;) {
		uv_buf_t room = input_place(connection);
		if (!room.base) {
			connection_end(connection, UV_ENOBUFS);
			return;
		}
		int result;
		size_t count = read_records(tls, room, &result);
		if (count > 0)
			input_deliver(connection, count);
		if (connection->state != CONNECTION_OPEN)
			return;
		if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			keep_session(tls);
		} else if (result == MBEDTLS_ERR_SSL_WANT_READ) {
			break;
		} else if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
			input_ended(connection);
			return;
		} else if (result != 0) {
			int error = error_of(tls, result);
			/* The alert that says why goes out first, if the system takes it. */
			connection->error = error;
			connection_finish(connection);
			return;
		}
		if (connection->paused)
			break;
	}
	keep_input(tls);
}

uv_buf_t tls_place(const connection *connection)
{
	return uv_buf_init((char *)place, connection->tls->handshake_over ? sizeof place : HANDSHAKE_PLACE);
}

void tls_received(connection *connection, size_t count)
{
	tls *tls = connection->tls;
	if (tls->handshake_over && tls->input_length == 0) {
		tls->input = place;
		tls->input_length = count;
		give(tls);
		return;
	}
	keep_more(tls, place, count);
	if (tls->input_length > KEPT_LIMIT)
		input_stop(connection);
	enqueue(tls);
}

bool tls_ended(connection *connection, int error)
{
	tls *tls = connection->tls;
	if (tls->handshake_over)
		return false;
	input_stop(connection);
	/* What came before counts; the end is seen again when more is wanted. */
	if (error == 0 && tls->is_queued)
		return true;
	connection->peer_ended = error == 0;
	end_handshake(tls, closed_error(tls, error));
	return true;
}

bool tls_resume(connection *connection)
{
	tls *tls = connection->tls;
	if (tls->input_length == 0 && mbedtls_ssl_check_pending(&tls->ssl) == 0)
		return false;
	enqueue(tls);
	return true;
}

static void on_work(uv_idle_t *handle)
{
	uint64_t start = uv_hrtime();
	while (!list_empty(&queue) && !host.ending) {
		tls *tls = list_entry(queue.next, struct tls, queue);
		connection *connection = tls->connection;
		dequeue(tls);
		if (!tls->handshake_over) {
			step(tls);
		} else if (connection->state == CONNECTION_OPEN && !connection->paused) {
			give(tls);
			if (connection->state == CONNECTION_OPEN && !connection->paused)
				input_start(connection);
		}
		if (uv_hrtime() - start > TURN_LIMIT)
			break;
	}
	if (list_empty(&queue))
		uv_idle_stop(&worker);
}

static void enqueue(tls *tls)
{
	if (tls->is_queued)
		return;
	tls->is_queued = true;
	list_add_tail(&tls->queue, &queue);
	if (!uv_is_active((uv_handle_t *)&worker))
		uv_idle_start(&worker, on_work);
}

int tls_encrypt(connection *connection, const uint8_t *data, size_t length)
{
	tls *tls = connection->tls;
	if (!tls_take_buffers(tls))
		return UV_ENOMEM;
	while (length > 0) {
		int count = mbedtls_ssl_write(&tls->ssl, data, length);
		if (count == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			/* What was read before was that. */
			keep_session(tls);
			continue;
		}
		if (count <= 0)
			return error_of(tls, count);
		data += count;
		length -= (size_t)count;
	}
	tls_leave_buffers(tls);
	return 0;
}

bool tls_say_end(connection *connection)
{
	tls *tls = connection->tls;
	if (tls->end_said || !tls->handshake_over)
		return false;
	tls->end_said = true;
	/* After an error of the peer's there is an alert already. */
	if (connection->error == 0 && tls_take_buffers(tls))
		mbedtls_ssl_close_notify(&tls->ssl);
	return true;
}

/* --- The module --- */

static const JSCFunctionListEntry functions[] = {
	JS_PROP_INT32_DEF("hasTls", 1, 0),
	JS_CFUNC_DEF("tlsContext", 1, tls_context_create),
};

static void start(void)
{
	tls_contexts_start();
	CHECK(uv_idle_init(&host.loop, &worker) == 0);
	CHECK(uv_timer_init(&host.loop, &limit_timer) == 0);
}

static void stop(void)
{
	struct list_head *at, *next;
	list_for_each_safe(at, next, &handshakes)
		tls_forget(list_entry(at, tls, handshake)->connection);
	uv_close((uv_handle_t *)&worker, NULL);
	uv_close((uv_handle_t *)&limit_timer, NULL);
}

static void free_library(void)
{
	tls_free_buffers();
	mbedtls_psa_crypto_free();
}

const host_module tls_module = { functions, COUNT(functions), start, stop, free_library };
