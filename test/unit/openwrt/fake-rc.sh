# What OpenWrt gives to an init script (rc.common, functions.sh, procd.sh), as far as ours uses it: UCI files are read for real,
# everything else is written to standard output as one line for each call.
# shellcheck shell=dash disable=SC2034,SC3043
#
# UCI_DIR has the UCI files; FAKE_USER is the one user; FAKE_RUNNING is not empty when the service runs.

# Turns `config TYPE [NAME]`, `option NAME VALUE` and `list NAME VALUE` into lines `SECTION TYPE` and variables.
config_load() {
	CONFIG_SECTIONS=
	eval "$(awk '
		function value(from,   text) {
			text = $0
			for (i = 1; i < from; i++) sub(/^[ \t]*[^ \t]+[ \t]+/, "", text)
			gsub(/^[ \t]*["\047]?|["\047]?[ \t]*$/, "", text)
			return text
		}
		function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047" text "\047" }
		/^[ \t]*(#|$)/ { next }
		$1 == "config" {
			type = $2; name = value(3); gsub(/["\047]/, "", type)
			if (NF < 3) name = "cfg" (++count)
			print "CONFIG_SECTIONS=\"$CONFIG_SECTIONS " name ":" type "\""
			next
		}
		$1 == "option" { print "CONFIG_" name "_" $2 "=" quoted(value(3)); next }
		$1 == "list" { print "CONFIG_" name "_" $2 "=\"${CONFIG_" name "_" $2 ":+$CONFIG_" name "_" $2 " }\"" quoted(value(3)); next }
		{ print "echo \"cannot read: " NR "\" >&2; exit 1" }
	' "$UCI_DIR/$1")"
}

config_get() {
	eval "$1=\${CONFIG_$2_$3:-\${4:-}}"
}

config_get_bool() {
	local _value
	config_get _value "$2" "$3" "${4:-}"
	case "$_value" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\${4:-}" ;;
	esac
}

config_foreach() {
	local _item
	for _item in $CONFIG_SECTIONS; do
		if [ "${_item#*:}" = "$2" ]; then "$1" "${_item%%:*}"; fi
	done
}

config_list_foreach() {
	local _values _value _section="$1" _option="$2" _function="$3"
	shift 3
	config_get _values "$_section" "$_option"
	for _value in $_values; do "$_function" "$_value" "$@"; done
}

append() {
	eval "$1=\"\${$1:+\$$1 }\$2\""
}

list_contains() {
	eval "case \" \$$1 \" in *\" \$2 \"*) return 0 ;; esac"
	return 1
}

user_exists() { [ "$1" = "$FAKE_USER" ]; }
group_exists() { [ "$1" = "$FAKE_USER" ]; }
group_add() { echo "group-add $*"; }
user_add() {
	echo "user-add $*"
	FAKE_USER="$FAKE_NEW_USER"
}
chown() { echo "chown $*"; }
chgrp() { echo "chgrp $*"; }
chmod() { echo "chmod $*"; }
mkdir() { echo "mkdir $*"; }

logger() {
	shift 3
	echo "logger $*"
}

prog() {
	case "$*" in
	"$FAKE_BROKEN") echo "prog: wrong" >&2; return 3 ;;
	esac
	echo "prog $*"
}

start() { start_service; }
stop() { echo stop; }
procd_running() { [ "$1$FAKE_RUNNING" = mqttd1 ]; }
procd_send_signal() { echo "signal $*"; }
procd_open_instance() { echo "open $*"; }
procd_set_param() { echo "param $*"; }
procd_close_instance() { echo "close"; }
procd_open_data() { echo "data"; }
procd_close_data() { echo "end-data"; }
procd_add_mdns_service() { echo "mdns $*"; }
procd_add_jail() { echo "jail $*"; }
procd_add_jail_mount() { echo "mount $*"; }
procd_add_jail_mount_rw() { echo "mount-rw $*"; }
procd_add_reload_trigger() { echo "reload-trigger $*"; }
procd_add_reload_interface_trigger() { echo "interface-trigger $*"; }
procd_add_restart_mount_trigger() { echo "mount-trigger $*"; }
procd_add_raw_trigger() { echo "raw-trigger $*"; }
procd_set_config_changed() { echo "changed $*"; }
json_add_object() { :; }
json_add_array() { :; }
json_close_object() { :; }
json_close_array() { :; }
json_add_string() { echo "json $*"; }
