/* What is known of a peer of TLS: why it cannot be served, whether its certificate is good, the facts of a connection. */

#include <string.h>

#include "tls_internal.h"

enum {
	/* What a record of type alert begins with. */
	ALERT_RECORD = 21
};

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

int tls_error_of(const tls *tls, int result)
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

bool tls_is_address(const char *name)
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
int tls_on_verify(void *opaque, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
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
	else if (tls_is_address(tls->name) && !is_for_address(certificate, tls->name))
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
