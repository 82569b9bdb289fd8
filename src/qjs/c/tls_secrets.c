/* What Mbed TLS leaves to others: the hint of a server with pre-shared keys, and a log of keys for who has to look into records. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tls_internal.h"

#include <mbedtls/ssl_ciphersuites.h>

#include "tls_hint.h"

/* Whose handshake does its step. */
static const tls *stepping;

void tls_steps(const tls *tls)
{
	stepping = tls;
}

/* RFC 5489, section 2. */
int tls_make_params(mbedtls_ecdh_context *context, size_t *length, unsigned char *place, size_t size,
		    int (*random)(void *, unsigned char *, size_t), void *opaque)
{
	size_t hint = 0;
	const mbedtls_ssl_ciphersuite_t *suite =
		mbedtls_ssl_ciphersuite_from_id(stepping->ssl.session_negotiate->ciphersuite);
	if (stepping->context->psk_hint && suite->key_exchange == MBEDTLS_KEY_EXCHANGE_ECDHE_PSK) {
		hint = strlen(stepping->context->psk_hint);
		if (hint > size)
			return MBEDTLS_ERR_ECP_BUFFER_TOO_SMALL;
		memcpy(place, stepping->context->psk_hint, hint);
		place[-2] = (unsigned char)(hint >> 8);
		place[-1] = (unsigned char)hint;
	}
	int result = mbedtls_ecdh_make_params(context, length, place + hint, size - hint, random, opaque);
	*length += hint;
	return result;
}

static void print_octets(FILE *file, const unsigned char *octets, size_t length)
{
	fputc(' ', file);
	for (size_t i = 0; i < length; i++)
		fprintf(file, "%02x", octets[i]);
}

/* A line of the format that Wireshark reads. A file that cannot be written does not keep anybody from talking. */
static void on_keys(void *opaque, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t length,
		    const unsigned char client_random[32], const unsigned char server_random[32],
		    mbedtls_tls_prf_types prf)
{
	static const char *const names[] = {
		[MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET] = "CLIENT_RANDOM",
		[MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
		[MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		[MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET] = "CLIENT_TRAFFIC_SECRET_0",
		[MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET] = "SERVER_TRAFFIC_SECRET_0",
	};
	const tls *tls = opaque;
	if ((size_t)type >= COUNT(names) || !names[type])
		return;
	int fd = open(tls->context->key_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "a");
	if (!file)
		return;
	fputs(names[type], file);
	print_octets(file, client_random, 32);
	print_octets(file, secret, length);
	fputc('\n', file);
	fclose(file);
}

void tls_log_keys(tls *tls)
{
	if (tls->context->key_log)
		mbedtls_ssl_set_export_keys_cb(&tls->ssl, on_keys, tls);
}
