/* Settings of one side of TLS: certificates, keys, authorities, versions, ciphers. */

#include <string.h>

#include "tls_internal.h"

#include <psa/crypto.h>

enum {
	/* Seconds that a session can be gone on with. */
	TICKET_LIFETIME = 7200,
	/* Octets of our chain of certificates; it has to fit into one message. */
	CHAIN_LIMIT = MBEDTLS_SSL_OUT_CONTENT_LEN - 256,
	ALPN_LIMIT = 16,
	SUITE_LIMIT = 64
};

static JSClassID context_class;

int tls_random(void *opaque, unsigned char *out, size_t length)
{
	CHECK(uv_random(NULL, NULL, out, length, 0, NULL) == 0);
	return 0;
}

/* PSA's source of random octets; a library of the system has its own. */
#ifdef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *opaque, uint8_t *out, size_t size,
					     size_t *length)
{
	tls_random(NULL, out, size);
	*length = size;
	return PSA_SUCCESS;
}
#endif

tls_context *tls_context_hold(tls_context *context)
{
	context->references++;
	return context;
}

void tls_context_release(tls_context *context)
{
	if (--context->references > 0)
		return;
	mbedtls_ssl_config_free(&context->config);
	mbedtls_x509_crt_free(&context->certificate);
	mbedtls_pk_free(&context->key);
	mbedtls_x509_crt_free(&context->authorities);
	mbedtls_x509_crl_free(&context->revocations);
	mbedtls_ssl_ticket_free(&context->tickets);
	mbedtls_ssl_session_free(&context->session);
	for (int i = 0; context->alpn && context->alpn[i]; i++)
		free((char *)context->alpn[i]);
	for (int i = 0; i < context->psk_count; i++)
		free(context->psks[i].identity);
	free(context->alpn);
	free(context->psks);
	free(context->suites);
	free(context->psk_hint);
	free(context->key_log);
	free(context);
}

tls_context *tls_context_of(JSValueConst value)
{
	tls_context *context = JS_GetOpaque2(host.ctx, value, context_class);
	return context ? tls_context_hold(context) : NULL;
}

/*
 * The octets or the text of a field, with a final NUL that counts, as parsers of PEM want it; NULL when the field is
 * null. False with an exception pending when it is something else.
 */
static bool take_field(JSValueConst options, const char *name, uint8_t **data, size_t *length)
{
	JSValue value = JS_GetPropertyStr(host.ctx, options, name);
	*data = NULL;
	*length = 0;
	bool is_good = !JS_IsException(value);
	if (JS_IsString(value)) {
		size_t size;
		const char *text = JS_ToCStringLen(host.ctx, &size, value);
		is_good = text != NULL;
		if (text) {
			*data = host_alloc(size + 1);
			memcpy(*data, text, size + 1);
			*length = size + 1;
		}
		JS_FreeCString(host.ctx, text);
	} else if (is_good && !JS_IsNull(value)) {
		uint8_t *start;
		uint32_t size;
		is_good = engine_bytes(value, &start, &size);
		if (is_good) {
			*data = host_alloc((size_t)size + 1);
			memcpy(*data, start, size);
			(*data)[size] = '\0';
			*length = (size_t)size + 1;
		} else {
			JS_ThrowTypeError(host.ctx, "%s: not a Uint8Array", name);
		}
	}
	JS_FreeValue(host.ctx, value);
	return is_good;
}

static bool take_flag(JSValueConst options, const char *name)
{
	JSValue value = JS_GetPropertyStr(host.ctx, options, name);
	bool flag = JS_ToBool(host.ctx, value) > 0;
	JS_FreeValue(host.ctx, value);
	return flag;
}

static uint32_t length_of(JSValueConst array)
{
	JSValue value = JS_GetPropertyStr(host.ctx, array, "length");
	uint32_t length = 0;
	JS_ToUint32(host.ctx, &length, value);
	JS_FreeValue(host.ctx, value);
	return length;
}

/* Parses what is there of `name`; the parser returns 0 or a TLS_ code. False with an exception pending. */
static bool parse_field(JSValueConst options, const char *name, tls_context *context,
			int (*parse)(tls_context *context, const uint8_t *data, size_t length))
{
	uint8_t *data;
	size_t length;
	if (!take_field(options, name, &data, &length))
		return false;
	int error = data ? parse(context, data, length) : 0;
	if (data)
		memset(data, 0, length);
	free(data);
	if (error != 0)
		host_throw(error);
	return error == 0;
}

static int parse_certificate(tls_context *context, const uint8_t *data, size_t length)
{
	if (mbedtls_x509_crt_parse(&context->certificate, data, length) != 0)
		return TLS_BAD_CERTIFICATE;
	size_t size = 0;
	for (const mbedtls_x509_crt *at = &context->certificate; at; at = at->next)
		size += at->raw.len + 16;
	return size > CHAIN_LIMIT ? TLS_BAD_CERTIFICATE : 0;
}

/* Some of a system's authorities may be of kinds that are not known here; they do no harm. */
static int parse_authorities(tls_context *context, const uint8_t *data, size_t length)
{
	int result = mbedtls_x509_crt_parse(&context->authorities, data, length);
	return result < 0 || context->authorities.version == 0 ? TLS_BAD_AUTHORITIES : 0;
}

static int parse_revocations(tls_context *context, const uint8_t *data, size_t length)
{
	return mbedtls_x509_crl_parse(&context->revocations, data, length) != 0 ? TLS_BAD_REVOCATIONS : 0;
}

static bool parse_key(JSValueConst options, tls_context *context)
{
	uint8_t *data, *password;
	size_t length, password_length;
	if (!take_field(options, "key", &data, &length))
		return false;
	if (!take_field(options, "keyPassword", &password, &password_length)) {
		free(data);
		return false;
	}
	int result = 0;
	if (data) {
		result = mbedtls_pk_parse_key(&context->key, data, length, password,
					      password ? password_length - 1 : 0, tls_random, NULL);
		memset(data, 0, length);
	}
	if (password)
		memset(password, 0, password_length);
	bool has_data = data != NULL;
	free(data);
	free(password);
	if (!has_data)
		return true;
	if (result != 0) {
		bool is_password = result == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || result == MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
		host_throw(is_password ? TLS_BAD_PASSWORD : TLS_BAD_KEY);
		return false;
	}
	if (context->certificate.version == 0 ||
	    mbedtls_pk_check_pair(&context->certificate.pk, &context->key, tls_random, NULL) != 0) {
		host_throw(TLS_KEY_MISMATCH);
		return false;
	}
	return true;
}

static bool parse_alpn(JSValueConst options, tls_context *context)
{
	JSValue array = JS_GetPropertyStr(host.ctx, options, "alpn");
	uint32_t count = length_of(array);
	bool is_good = count <= ALPN_LIMIT;
	if (!is_good)
		host_throw(UV_EINVAL);
	if (is_good && count > 0) {
		context->alpn = host_alloc((count + 1) * sizeof *context->alpn);
		memset(context->alpn, 0, (count + 1) * sizeof *context->alpn);
		for (uint32_t i = 0; is_good && i < count; i++) {
			JSValue value = JS_GetPropertyUint32(host.ctx, array, i);
			const char *text = host_string(value);
			is_good = text != NULL;
			if (text)
				context->alpn[i] = strdup(text);
			JS_FreeCString(host.ctx, text);
			JS_FreeValue(host.ctx, value);
		}
		if (is_good && mbedtls_ssl_conf_alpn_protocols(&context->config, context->alpn) != 0) {
			host_throw(UV_EINVAL);
			is_good = false;
		}
	}
	JS_FreeValue(host.ctx, array);
	return is_good;
}

/* Cipher suites by their registered numbers, the most wanted first. */
static bool parse_suites(JSValueConst options, tls_context *context)
{
	JSValue array = JS_GetPropertyStr(host.ctx, options, "suites");
	uint32_t count = length_of(array);
	bool is_good = count > 0 && count <= SUITE_LIMIT;
	if (is_good) {
		context->suites = host_alloc((count + 1) * sizeof *context->suites);
		for (uint32_t i = 0; i < count; i++) {
			JSValue value = JS_GetPropertyUint32(host.ctx, array, i);
			int32_t number = 0;
			JS_ToInt32(host.ctx, &number, value);
			context->suites[i] = number;
		}
		context->suites[count] = 0;
		mbedtls_ssl_conf_ciphersuites(&context->config, context->suites);
	} else {
		host_throw(TLS_BAD_CIPHERS);
	}
	JS_FreeValue(host.ctx, array);
	return is_good;
}

/* A copy of the text of a field; NULL when it is null. False with an exception pending. */
static bool take_text(JSValueConst options, const char *name, char **text)
{
	size_t length;
	return take_field(options, name, (uint8_t **)text, &length);
}

static int compare_psks(const void *a, const void *b)
{
	const tls_psk *one = a, *other = b;
	size_t length = one->length < other->length ? one->length : other->length;
	int order = memcmp(one->identity, other->identity, length);
	return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

static bool parse_psk(JSValueConst pair, tls_psk *psk)
{
	JSValue identity = JS_GetPropertyUint32(host.ctx, pair, 0);
	JSValue key = JS_GetPropertyUint32(host.ctx, pair, 1);
	uint8_t *data;
	uint32_t size;
	const char *text = JS_ToCStringLen(host.ctx, &psk->length, identity);
	bool is_good = text && engine_bytes(key, &data, &size) && size > 0 && size <= sizeof psk->key;
	if (is_good) {
		psk->identity = host_alloc(psk->length + 1);
		memcpy(psk->identity, text, psk->length + 1);
		memcpy(psk->key, data, size);
		psk->key_length = size;
	}
	JS_FreeCString(host.ctx, text);
	JS_FreeValue(host.ctx, key);
	JS_FreeValue(host.ctx, identity);
	return is_good;
}

static bool parse_psks(JSValueConst options, tls_context *context)
{
	JSValue array = JS_GetPropertyStr(host.ctx, options, "psks");
	uint32_t count = length_of(array);
	bool is_good = count < UINT32_MAX / sizeof(tls_psk);
	if (is_good && count > 0) {
		context->psks = host_alloc(count * sizeof *context->psks);
		for (uint32_t i = 0; is_good && i < count; i++) {
			JSValue pair = JS_GetPropertyUint32(host.ctx, array, i);
			is_good = parse_psk(pair, &context->psks[i]);
			JS_FreeValue(host.ctx, pair);
			if (is_good)
				context->psk_count++;
		}
		qsort(context->psks, (size_t)context->psk_count, sizeof *context->psks, compare_psks);
	}
	JS_FreeValue(host.ctx, array);
	if (!is_good)
		host_throw(UV_EINVAL);
	return is_good;
}

int tls_find_psk(void *opaque, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t length)
{
	const tls_context *context = opaque;
	tls *tls = mbedtls_ssl_get_user_data_p(ssl);
	tls_psk wanted = { .identity = (char *)identity, .length = length };
	const tls_psk *found =
		bsearch(&wanted, context->psks, (size_t)context->psk_count, sizeof *context->psks, compare_psks);
	if (!found) {
		tls->psk_unknown = true;
		return MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
	}
	free(tls->psk_identity);
	tls->psk_identity = strdup(found->identity);
	return mbedtls_ssl_set_hs_psk(ssl, found->key, found->key_length);
}

static mbedtls_ssl_protocol_version version_of(JSValueConst options, const char *name)
{
	JSValue value = JS_GetPropertyStr(host.ctx, options, name);
	const char *text = JS_ToCString(host.ctx, value);
	bool is_old = text && strcmp(text, "TLSv1.2") == 0;
	JS_FreeCString(host.ctx, text);
	JS_FreeValue(host.ctx, value);
	return is_old ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
}

static int parse_ticket(void *opaque, mbedtls_ssl_session *session, unsigned char *data, size_t length)
{
	tls_context *context = opaque;
	int result = mbedtls_ssl_ticket_parse(&context->tickets, session, data, length);
	context->took_ticket = result == 0;
	return result;
}

static int write_ticket(void *opaque, const mbedtls_ssl_session *session, unsigned char *start,
			const unsigned char *end, size_t *length, uint32_t *lifetime)
{
	tls_context *context = opaque;
	return mbedtls_ssl_ticket_write(&context->tickets, session, start, end, length, lifetime);
}

static bool configure_server(JSValueConst options, tls_context *context)
{
	mbedtls_ssl_config *config = &context->config;
	bool require = take_flag(options, "requireCertificate");
	int modes = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL;
	context->ignore_dates = take_flag(options, "ignoreDates");
	mbedtls_ssl_conf_authmode(config, require ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_sni(config, tls_take_server_name, NULL);
	if (context->psk_count > 0) {
		mbedtls_ssl_conf_psk_cb(config, tls_find_psk, context);
		modes = context->certificate.version ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_ALL
						     : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL;
	} else if (!require) {
		/* Who has shown who he is does so each time: revocation is to have an effect. */
		if (mbedtls_ssl_ticket_setup(&context->tickets, tls_random, NULL, MBEDTLS_CIPHER_AES_256_GCM,
					     TICKET_LIFETIME) != 0)
			return false;
		mbedtls_ssl_conf_session_tickets_cb(config, write_ticket, parse_ticket, context);
		modes = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL;
	}
	mbedtls_ssl_conf_tls13_key_exchange_modes(config, modes);
	return true;
}

static bool configure_client(JSValueConst options, tls_context *context)
{
	mbedtls_ssl_config *config = &context->config;
	context->verify_name = take_flag(options, "verifyName");
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
		config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	if (context->psk_count == 0)
		return true;
	const tls_psk *psk = &context->psks[0];
	mbedtls_ssl_conf_tls13_key_exchange_modes(config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL);
	return mbedtls_ssl_conf_psk(config, psk->key, psk->key_length, (const unsigned char *)psk->identity,
				    psk->length) == 0;
}

/* All that a context is made of; false with an exception pending. */
static bool fill(JSValueConst options, tls_context *context)
{
	mbedtls_ssl_config *config = &context->config;
	context->is_server = take_flag(options, "isServer");
	if (mbedtls_ssl_config_defaults(config, context->is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
					MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
		host_throw(UV_ENOMEM);
		return false;
	}
	mbedtls_ssl_conf_rng(config, tls_random, NULL);
	mbedtls_ssl_conf_min_tls_version(config, version_of(options, "minimumVersion"));
	mbedtls_ssl_conf_max_tls_version(config, version_of(options, "maximumVersion"));
	if (!parse_field(options, "certificate", context, parse_certificate) || !parse_key(options, context) ||
	    !parse_field(options, "authorities", context, parse_authorities) ||
	    !parse_field(options, "revocations", context, parse_revocations) || !parse_alpn(options, context) ||
	    !parse_suites(options, context) || !parse_psks(options, context) ||
	    !take_text(options, "pskHint", &context->psk_hint) || !take_text(options, "keyLog", &context->key_log))
		return false;
	int result = 0;
	if (context->certificate.version)
		result = mbedtls_ssl_conf_own_cert(config, &context->certificate, &context->key);
	mbedtls_ssl_conf_ca_chain(config, &context->authorities,
				  context->revocations.version ? &context->revocations : NULL);
	if (result != 0 || !(context->is_server ? configure_server : configure_client)(options, context)) {
		host_throw(UV_ENOMEM);
		return false;
	}
	return true;
}

JSValue tls_context_create(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	JSValue object = JS_NewObjectClass(ctx, context_class);
	CHECK(!JS_IsException(object));
	tls_context *context = host_alloc(sizeof *context);
	memset(context, 0, sizeof *context);
	context->references = 1;
	mbedtls_ssl_config_init(&context->config);
	mbedtls_x509_crt_init(&context->certificate);
	mbedtls_pk_init(&context->key);
	mbedtls_x509_crt_init(&context->authorities);
	mbedtls_x509_crl_init(&context->revocations);
	mbedtls_ssl_ticket_init(&context->tickets);
	mbedtls_ssl_session_init(&context->session);
	JS_SetOpaque(object, context);
	if (!fill(argv[0], context)) {
		JS_FreeValue(ctx, object);
		return JS_EXCEPTION;
	}
	return object;
}

static void context_finalize(JSRuntime *rt, JSValue value)
{
	tls_context *context = JS_GetOpaque(value, context_class);
	if (context)
		tls_context_release(context);
}

static const JSClassDef context_def = { "TlsContext", .finalizer = context_finalize };

void tls_contexts_start(void)
{
	host_class(&context_class, &context_def, NULL, 0);
	CHECK(psa_crypto_init() == PSA_SUCCESS);
}
