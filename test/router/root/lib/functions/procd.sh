# A stand-in for procd and its shell functions. A service is a folder in /var/procd: what was asked for (`wanted`), and the process
# that runs for it (`pid`). As with the real one, `set` starts what does not run, restarts what has changed, stops what is gone,
# and takes data and triggers over without more.
# shellcheck shell=dash disable=SC2034,SC3043

PROCD=/var/procd

procd_open_service() {
	_service="$1"
	_wanted="$PROCD/$1/new"
	mkdir -p "$PROCD/$1"
	: >"$_wanted"
	: >"$PROCD/$1/data"
	: >"$PROCD/$1/triggers"
}

procd_open_instance() { echo instance >>"$_wanted"; }
procd_close_instance() { :; }
procd_set_param() {
	case "$1" in
	command | user | group | limits | capabilities | respawn | term_timeout) echo "$*" >>"$_wanted" ;;
	stdout | stderr | no_new_privs) ;;
	*) echo "procd: unknown parameter $1" >&2 ;;
	esac
}
procd_add_jail() { echo "jail $*" >>"$_wanted"; }
procd_add_jail_mount() { :; }
procd_add_jail_mount_rw() { :; }

procd_open_data() { :; }
procd_close_data() { :; }
procd_add_mdns_service() { echo "mdns $*" >>"$PROCD/$_service/data"; }
json_add_object() { :; }
json_add_array() { :; }
json_add_string() { echo "$*" >>"$PROCD/$_service/data"; }
json_close_object() { :; }
json_close_array() { :; }

procd_add_reload_trigger() { echo "config.change $*" >>"$PROCD/$_service/triggers"; }
procd_add_reload_interface_trigger() { echo "interface.* $*" >>"$PROCD/$_service/triggers"; }
procd_add_raw_trigger() { echo "$*" >>"$PROCD/$_service/triggers"; }
procd_set_config_changed() { echo "$1" >>"$PROCD/changed"; }

procd_running() {
	[ -s "$PROCD/$1/pid" ] && kill -0 "$(cat "$PROCD/$1/pid")" 2>/dev/null
}

procd_send_signal() {
	if procd_running "$1"; then kill -s "$3" "$(cat "$PROCD/$1/pid")"; fi
}

procd_kill() {
	local pid
	if procd_running "$1"; then
		pid="$(cat "$PROCD/$1/pid")"
		kill -s TERM "$pid"
		# term_timeout is for the system's sake; here the process ends, or the test does.
		while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	fi
	rm -rf "${PROCD:?}/$1"
}

_param() { sed -n "s/^$1 //p" "$PROCD/$_service/wanted"; }

_launch() {
	local user command
	user="$(_param user)"
	command="$(_param command)"
	: >>/var/log/mqttd.log
	chmod 0666 /var/log/mqttd.log
	# shellcheck disable=SC2086 # words, as procd has them
	start-stop-daemon -S -b -m -p "$PROCD/$_service/pid" ${user:+-c "$user:$(_param group)"} -x /bin/ash -- \
		-c 'exec "$@" >>/var/log/mqttd.log 2>&1' ash $command
}

procd_close_service() {
	local old
	service_triggers
	old="$(cat "$PROCD/$_service/wanted" 2>/dev/null)"
	mv "$_wanted" "$PROCD/$_service/wanted"
	if [ ! -s "$PROCD/$_service/wanted" ]; then
		procd_kill "$_service"
	elif ! procd_running "$_service"; then
		_launch
	elif [ "$old" != "$(cat "$PROCD/$_service/wanted")" ]; then
		kill -s TERM "$(cat "$PROCD/$_service/pid")"
		while procd_running "$_service"; do sleep 0.1; done
		_launch
	fi
}
