/*
 * Handshakes of TLS: they go on step by step, in a queue (tls.c) of which each turn of the loop does one step. A step signs,
 * agrees on a key, or looks at a certificate; nobody else has to wait for longer. Their number and time are limited.
 */

#include <string.h>

#include "tls_internal.h"

enum {
	/* What a record of TLS begins with: its type (handshake, or alert), and the version's first octet. */
	HANDSHAKE_RECORD = 22,
	ALERT_RECORD = 21,
	MAJOR = 3,
	/* Octets that a record has before its content, and of its content at most. */
	RECORD_HEADER = 5,
	RECORD_LIMIT = 16384
};

static struct list_head handshakes = LIST_HEAD_INIT(handshakes);
static uv_timer_t limit_timer;

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
void tls_end_handshake(tls *tls, int error)
{
	connection *connection = tls->connection;
	tls_done *done = tls->done;
	void *owner = tls->owner;
	tls_dequeue(tls);
	leave(tls);
	input_stop(connection);
	tls->handshake_over = error == 0;
	done(connection, owner, error);
	if (error != 0) {
		tls_release(connection);
		/* Only who is told something is waited for: the others must not hold descriptors. */
		if (output_empty(connection)) {
			connection_end(connection, 0);
		} else {
			output_mark(connection);
			connection_finish(connection);
		}
	}
}

/* The error of a connection that ended with `error`, or 0, at its handshake. What befell a client's network is all one to us. */
int tls_closed_error(const tls *tls, int error)
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
			tls_end_handshake(tls, TLS_TIMEOUT);
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

void tls_keep_session(tls *tls)
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
	tls_log_keys(tls);
	mbedtls_ssl_set_bio(&tls->ssl, tls, tls_on_send, tls_on_receive, NULL);
	mbedtls_ssl_set_user_data_p(&tls->ssl, tls);
	mbedtls_ssl_set_verify(&tls->ssl, tls_on_verify, tls);
	if (tls->name)
		/* Numeric addresses are no server names (RFC 6066, section 3). */
		result = mbedtls_ssl_set_hostname(&tls->ssl, tls_is_address(tls->name) ? NULL : tls->name);
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
 * Whether a client's first record has come, or so much that it is not waited for. Until then Mbed TLS is not set up, which
 * takes 33 KB and clears them: many who send slowly would cost more than all others.
 */
static bool has_first_record(const tls *tls)
{
	if (tls->input_length < RECORD_HEADER)
		return false;
	size_t length = (size_t)tls->input[3] << 8 | tls->input[4];
	return length > RECORD_LIMIT || tls->input_length >= RECORD_HEADER + length || tls->input_length > TLS_KEPT_LIMIT;
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

bool tls_step(tls *tls)
{
	if (!begins_well(tls)) {
		tls_end_handshake(tls, TLS_NOT_TLS);
		return false;
	}
	if (tls->context->is_server && !tls->is_set_up && !has_first_record(tls)) {
		input_start(tls->connection);
		return false;
	}
	int result = tls->is_set_up ? 0 : set_up(tls);
	tls->context->took_ticket = false;
	if (result == 0) {
		take_up_keys(&tls->ssl);
		tls_steps(tls);
		result = mbedtls_ssl_handshake_step(&tls->ssl);
	}
	/* As steps before this one may have left it. */
	if (!output_empty(tls->connection))
		output_mark(tls->connection);
	if (tls->context->took_ticket)
		tls->is_resumed = true;
	if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		result = 0;
	if (result != 0 && result != MBEDTLS_ERR_SSL_WANT_READ) {
		tls_end_handshake(tls, tls_error_of(tls, result));
		return true;
	}
	tls_keep_input(tls);
	if (tls->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER) {
		if (tls->context->is_server) {
			drop_handshake(&tls->ssl);
		} else {
			tls->is_resumed = tls->offered_session && !tls->saw_certificate;
			/* 1.3 sends what to go on with later. */
			if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
				tls_keep_session(tls);
		}
		tls_end_handshake(tls, 0);
	} else if (result == 0) {
		tls_enqueue(tls);
	} else {
		input_start(tls->connection);
	}
	return true;
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
		tls_enqueue(tls);
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
			tls_end_handshake(tls, TLS_BUSY);
			return true;
		}
	}
	return false;
}

void tls_forget(connection *connection)
{
	tls *tls = connection->tls;
	if (tls) {
		tls_dequeue(tls);
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
	tls_dequeue(tls);
	leave(tls);
	if (done)
		done(connection, owner, tls_closed_error(tls, error));
}

void tls_release(connection *connection)
{
	tls *tls = connection->tls;
	if (!tls)
		return;
	tls_dequeue(tls);
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

void tls_handshakes_start(void)
{
	CHECK(uv_timer_init(&host.loop, &limit_timer) == 0);
}

void tls_handshakes_stop(void)
{
	struct list_head *at, *next;
	list_for_each_safe(at, next, &handshakes)
		tls_forget(list_entry(at, tls, handshake)->connection);
	uv_close((uv_handle_t *)&limit_timer, NULL);
}
