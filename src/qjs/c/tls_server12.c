/* Mbed TLS's server of TLS 1.2, with the hint for clients with pre-shared keys (tls_secrets.c), which it leaves out. */

#include <common.h>

#include <ssl_misc.h>

#include "tls_hint.h"

#define mbedtls_ecdh_make_params tls_make_params

#include <ssl_tls12_server.c>
