/* What tls_secrets.c does in the place of a function of Mbed TLS. */

#ifndef TLS_HINT_H
#define TLS_HINT_H

#include <mbedtls/ecdh.h>

/*
 * As mbedtls_ecdh_make_params, where a server of TLS 1.2 makes its part of the key exchange: with a pre-shared key, the hint
 * comes first, whose length is in the two octets before `place`, where Mbed TLS has written that there is none.
 */
int tls_make_params(mbedtls_ecdh_context *context, size_t *length, unsigned char *place, size_t size,
		    int (*random)(void *, unsigned char *, size_t), void *opaque);

#endif
