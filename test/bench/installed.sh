#!/bin/sh
# What a broker takes of a router with big-endian MIPS: the octets of its program and libraries, and the memory that is resident
# after its start, under qemu. For mqttd (dist/mips_24kc) and for mosquitto 2.1 with TLS, with the libraries that its package has on
# OpenWrt, as far as it is linked with them here: OpenSSL 3.0 and cJSON, all of Debian's sources, shared, for size and stripped.
#
#   test/bench/installed.sh
#
# The C library is not counted: it is there already. Debian's compiler builds mosquitto, OpenSSL without what OpenWrt's leaves out.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
gnu=mips-linux-gnu
cc="$gnu-gcc -Os -march=mips32r2 -ffunction-sections -fdata-sections -Wl,--gc-sections -w"

cd "$root"
sources=$(scripts/sources.sh mosquitto cjson openssl)
mosquitto=$(echo "$sources" | sed -n 1p)
cjson=$(echo "$sources" | sed -n 2p)
openssl=$(echo "$sources" | sed -n 3p)
out=$cache/bench/installed-$(basename "$mosquitto")-$(basename "$openssl")
mkdir -p "$out/include" "$out/openssl" "$out/lib"

if ! test -e "$out/lib/libssl.so.3"; then
	echo 'installed.sh: building OpenSSL for MIPS, which takes some minutes' >&2
	(
		cd "$out/openssl"
		"$openssl/Configure" linux-mips32 shared no-tests no-engine no-idea no-md2 no-mdc2 no-rc5 no-camellia no-seed \
			no-whirlpool no-aria no-sm2 no-sm3 no-sm4 no-gost no-legacy no-zlib no-comp no-ssl3 no-err \
			--cross-compile-prefix=$gnu- --prefix=/usr --libdir=lib -Os -march=mips32r2 -ffunction-sections \
			-fdata-sections -Wl,--gc-sections
		make -s -j2 build_libs
	) >"$out/log" 2>&1 || {
		tail -n 20 "$out/log" >&2
		exit 1
	}
	for library in libcrypto.so.3 libssl.so.3; do
		cp "$out/openssl/$library" "$out/lib/$library"
		ln -sf "$library" "$out/lib/${library%.3}"
	done
fi

ln -sfn "$cjson" "$out/include/cjson"
# shellcheck disable=SC2086 # a compiler with options
$cc -fPIC -shared -Wl,-soname,libcjson.so.1 -o "$out/lib/libcjson.so.1" "$cjson/cJSON.c"
ln -sf libcjson.so.1 "$out/lib/libcjson.so"

# shellcheck disable=SC2046,SC2086 # lists of words; the cache's path must hold no blanks
$cc $(test/bench/mosquitto-build.sh "$mosquitto") -DWITH_TLS -DWITH_TLS_PSK -I"$out/include" -I"$out/openssl/include" \
	-I"$openssl/include" -o "$out/mosquitto" -L"$out/lib" -lssl -lcrypto -lcjson -lm -ldl -lpthread
$gnu-strip "$out/mosquitto" "$out"/lib/*.so.[0-9]

size() {
	cat "$@" | wc -c
}

# Starts a broker and prints the KiB of its memory, qemu's own left out: a 32-bit program has the lowest 4 GiB. Of the C library,
# which others on the router have in memory too, what it wrote counts only.
resident() {
	rm -f "$out/said"
	mkfifo "$out/said"
	qemu-mips-static -cpu 24Kf -L "$out/sysroot" "$@" >"$out/said" 2>&1 &
	pid=$!
	exec 3<"$out/said"
	while read -r line <&3; do
		case $line in
		*' running') break ;;
		esac
	done
	awk '
		/^[0-9a-f]+-[0-9a-f]+ / { split($1, range, "-"); guest = length(range[1]) <= 8; libc = $6 ~ /\/(libc|libm|ld|libpthread|libdl)[-.]/ }
		/^Rss:/ && guest && !libc { sum += $2 }
		/^Private_Dirty:/ && guest && libc { sum += $2 }
		END { print sum }
	' "/proc/$pid/smaps"
	kill "$pid"
	wait "$pid" || true
	exec 3<&-
}

mkdir -p "$out/sysroot/usr"
ln -sfn /usr/$gnu/lib "$out/sysroot/lib"
ln -sfn "$out/lib" "$out/sysroot/usr/lib"
printf 'listener 18831 127.0.0.1\nuser root\n' >"$out/mosquitto.conf"

echo "mosquitto with TLS: program $(size "$out/mosquitto"), libssl and libcrypto $(size "$out"/lib/lib*[lo].so.3), libcjson $(size "$out/lib/libcjson.so.1") octets; $(resident "$out/mosquitto" -v -c "$out/mosquitto.conf") KiB resident"
for variant in mips_24kc mips_24kc-nossl; do
	program=dist/$variant/mqttd
	echo "mqttd, $variant: program $(size "$program") octets; $(resident "$program" -v -c "$out/mosquitto.conf") KiB resident"
done
