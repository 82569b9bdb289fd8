#!/bin/sh
# The feed's test of an installed package: its name is the first argument, its version the second.
# shellcheck shell=dash
set -e

case "$1" in
mqttd | mqttd-nossl) ;;
*) exit 0 ;;
esac

for program in mqttd mosquitto mosquitto_pub mosquitto_sub; do
	"$program" --version | grep -F "$2" || {
		echo "$program is not of version $2"
		exit 1
	}
done

port=18883
mqttd -d -p "$port" --pid-file /tmp/mqttd-test.pid
mosquitto_pub -p "$port" -t test/retained -r -m hello
heard=$(mosquitto_sub -p "$port" -t test/# -C 1 -W 20)
kill "$(cat /tmp/mqttd-test.pid)"
[ "$heard" = hello ]
mqttd -c /etc/mqttd/mqttd.conf --test-config
mqttd --uci mqttd --test-config
