#!/bin/sh
# The feed's test that programs tell the version of their package: its name is the first argument, the version the second.
# shellcheck shell=dash

case "$1" in
mqttd | mqttd-nossl) mqttd --version | grep -F "mqttd version $2" ;;
esac
