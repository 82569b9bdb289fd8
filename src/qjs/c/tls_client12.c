/*
 * Mbed TLS's client of TLS 1.2. As it speaks 1.3, too, it offers signatures by RSA-PSS, which servers of 1.2 with OpenSSL
 * then use (RFC 8446, section 4.2.3): it can verify them, but says that it did not ask for them. Here it does not say so.
 */

#include <common.h>

#include <ssl_misc.h>

static inline int is_supported(const mbedtls_ssl_context *ssl, uint16_t algorithm)
{
	return mbedtls_ssl_sig_alg_is_supported(ssl, algorithm) || algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256 ||
	       algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384 || algorithm == MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512;
}

#define mbedtls_ssl_sig_alg_is_supported is_supported

#include <ssl_tls12_client.c>
