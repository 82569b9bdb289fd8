#!/bin/sh
# What both builds of mosquitto for measurements have in common: options of the compiler and files, one line of words.
#
#   test/bench/mosquitto-build.sh SOURCE      the folder of mosquitto's sources, whose path must hold no blanks
#
# The broker's own files are every .c of src/ but those for other systems or switched-off features; what it takes from lib/ is what
# its CMake list names.
set -eu

source=$1
words='-std=gnu99 -w -DVERSION="2.1.2" -DWITH_BROKER -DWITH_BRIDGE -DWITH_CONTROL -DWITH_EPOLL -DWITH_PERSISTENCE'
words="$words -DWITH_MEMORY_TRACKING -DWITH_SYS_TREE -DWITH_UNIX_SOCKETS -DWITH_SOCKS -Wl,--export-dynamic -I$source"
for folder in include common lib libcommon src deps; do
	words="$words -I$source/$folder"
done
for file in "$source"/src/*.c; do
	case ${file##*/} in
	http_api.c | service.c | xtreport.c | websockets.c) ;;
	*) words="$words $file" ;;
	esac
done
for name in alias_mosq handle_ping handle_pubackcomp handle_pubrec handle_pubrel handle_suback handle_unsuback \
	net_mosq net_mosq_ocsp net_ws packet_datatypes packet_mosq property_mosq send_connect send_disconnect send_mosq \
	send_publish send_subscribe send_unsubscribe tls_mosq util_mosq will_mosq; do
	words="$words $source/lib/$name.c"
done
for file in "$source"/libcommon/*.c "$source"/plugins/acl-file/acl_check.c "$source"/plugins/acl-file/acl_parse.c \
	"$source"/plugins/password-file/password_check.c "$source"/plugins/password-file/password_parse.c \
	"$source"/common/json_help.c; do
	words="$words $file"
done
echo "$words"
