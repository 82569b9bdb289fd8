#!/bin/sh
# Builds what the target folder of a stand-in SDK has of OpenWrt's libraries, shared and for big-endian MIPS, and prints where it is.
# It is kept in the cache, outside the repository.
#
# Debian's compiler takes the place of the SDK's: its C library is glibc, which has floating-point instructions.
set -eu
cd "$(dirname "$0")/../.."

cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
cc="mips-linux-gnu-gcc -march=mips32r2 -O1 -w -fPIC"

sources=$(scripts/sources.sh libuv1 mbedtls sqlite3)
libuv=$(echo "$sources" | sed -n 1p)
mbedtls=$(echo "$sources" | sed -n 2p)
sqlite=$(echo "$sources" | sed -n 3p)
out=$cache/build/sdk-$(cat "$0" | sha256sum | cut -c 1-16)-$(basename "$libuv")-$(basename "$mbedtls")-$(basename "$sqlite")
if test -e "$out/.complete"; then
	echo "$out"
	exit 0
fi
mkdir -p "$out/usr/lib" "$out/usr/include" "$out/objects"
exec 9>"$out/lock"
flock 9
test ! -e "$out/.complete" || { echo "$out"; exit 0; }
echo 'libraries.sh: building libraries for the stand-in SDK' >&2

# Compiles the files $3… to objects in the folder objects/$1, with the options $2.
compile() {
	mkdir -p "$out/objects/$1"
	folder=$out/objects/$1 options=$2
	shift 2
	printf '%s\n' "$@" | xargs -P 2 -I {} sh -c \
		"$cc $options -c -o '$folder'/\$(echo '{}' | tr / _).o '{}'"
}

# What Config.in of OpenWrt's package sets, where that is not as Mbed TLS itself has it.
cp -r "$mbedtls/include/." "$out/usr/include/"
config() {
	verb=$1
	shift
	for option in "$@"; do
		python3 "$mbedtls/scripts/config.py" -f "$out/usr/include/mbedtls/mbedtls_config.h" "$verb" "MBEDTLS_$option"
	done
}
config set RSA_NO_CRT THREADING_C THREADING_PTHREAD ENTROPY_FORCE_SHA256
config unset ARIA_C CAMELLIA_C CCM_C RIPEMD160_C KEY_EXCHANGE_DHE_PSK_ENABLED KEY_EXCHANGE_RSA_PSK_ENABLED \
	KEY_EXCHANGE_RSA_ENABLED KEY_EXCHANGE_DHE_RSA_ENABLED KEY_EXCHANGE_ECDH_ECDSA_ENABLED KEY_EXCHANGE_ECDH_RSA_ENABLED \
	ECP_DP_SECP192R1_ENABLED ECP_DP_SECP224R1_ENABLED ECP_DP_SECP192K1_ENABLED ECP_DP_SECP224K1_ENABLED \
	ECP_DP_BP256R1_ENABLED ECP_DP_BP384R1_ENABLED ECP_DP_BP512R1_ENABLED ECP_DP_CURVE448_ENABLED CIPHER_MODE_OFB \
	CIPHER_MODE_XTS DEBUG_C PLATFORM_C SELF_TEST VERSION_C VERSION_FEATURES SSL_RENEGOTIATION
compile mbedtls "-I'$out/usr/include' -I'$mbedtls/library'" "$mbedtls"/library/*.c
cd "$out/objects/mbedtls"
# shellcheck disable=SC2086 # a compiler with options
{
	$cc -shared -Wl,-soname,libmbedtls.so.21 -o "$out/usr/lib/libmbedtls.so.21" ./*_library_ssl_*.o ./*_library_mps_*.o \
		./*_library_debug.c.o ./*_library_net_sockets.c.o
	$cc -shared -Wl,-soname,libmbedx509.so.7 -o "$out/usr/lib/libmbedx509.so.7" ./*_library_x509*.o ./*_library_pkcs7.c.o
	rm ./*_library_ssl_*.o ./*_library_mps_*.o ./*_library_debug.c.o ./*_library_net_sockets.c.o ./*_library_x509*.o \
		./*_library_pkcs7.c.o
	$cc -shared -Wl,-soname,libmbedcrypto.so.16 -o "$out/usr/lib/libmbedcrypto.so.16" ./*.o
}
cd - >/dev/null

cp -r "$libuv/include/." "$out/usr/include/"
unix=
for name in async core dl fs getaddrinfo getnameinfo loop loop-watcher pipe poll process random-devurandom signal stream tcp \
	thread tty udp linux procfs-exepath random-getrandom random-sysctl-linux proctitle; do
	unix="$unix $libuv/src/unix/$name.c"
done
# shellcheck disable=SC2086 # a list
compile libuv "-D_GNU_SOURCE -I'$libuv/include' -I'$libuv/src'" "$libuv"/src/*.c $unix
# shellcheck disable=SC2086
$cc -shared -Wl,-soname,libuv.so.1 -o "$out/usr/lib/libuv.so.1" "$out"/objects/libuv/*.o -lpthread -ldl -lrt

mkdir -p "$out/objects/sqlite"
make -C "$out/objects/sqlite" -f "$sqlite/main.mk" TOP="$sqlite" BCC=gcc sqlite3.c >"$out/objects/log" 2>&1 || {
	cat "$out/objects/log" >&2
	exit 1
}
cp "$out/objects/sqlite/sqlite3.h" "$out/usr/include/"
# shellcheck disable=SC2086
$cc -shared -Wl,-soname,libsqlite3.so.0 -DSQLITE_OMIT_LOAD_EXTENSION -o "$out/usr/lib/libsqlite3.so.0" \
	"$out/objects/sqlite/sqlite3.c" -lpthread -lm

cd "$out/usr/lib"
for name in libmbedtls.so.21 libmbedx509.so.7 libmbedcrypto.so.16 libuv.so.1 libsqlite3.so.0; do
	ln -sf $name "${name%.*}"
done
rm -rf "$out/objects"
touch "$out/.complete"
echo "$out"
