# A stand-in for OpenWrt's functions.sh: the same functions, as far as packages and init scripts of ours use them.
# shellcheck shell=dash disable=SC2034,SC3043

append() {
	eval "$1=\"\${$1:+\$$1\${3:- }}\$2\""
}

list_contains() {
	eval "case \" \$$1 \" in *\" \$2 \"*) return 0 ;; esac"
	return 1
}

# UCI files of /etc/config: sections become variables, as the real one has them.
config_load() {
	CONFIG_SECTIONS=
	[ -r "/etc/config/$1" ] || return 1
	eval "$(awk '
		function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047" text "\047" }
		function words(line,   count, text, quote, c, i, open) {
			for (i = 1; i <= length(line); i++) {
				c = substr(line, i, 1)
				if (quote != "") { if (c == quote) quote = ""; else text = text c; continue }
				if (c == "\047" || c == "\"") { quote = c; open = 1; continue }
				if (c == "#") break
				if (c == " " || c == "\t") { if (text != "" || open) word[++count] = text; text = ""; open = 0; continue }
				text = text c
			}
			if (text != "" || open) word[++count] = text
			return count
		}
		{
			for (i in word) delete word[i]
			if (words($0) == 0) next
			if (word[1] == "config") {
				section = word[3] == "" ? "cfg" (++anonymous) : word[3]
				print "append CONFIG_SECTIONS " section
				print "CONFIG_" section "_TYPE=" quoted(word[2])
			} else if (word[1] == "option") print "CONFIG_" section "_" word[2] "=" quoted(word[3])
			else if (word[1] == "list") {
				item = ++items[section "_" word[2]]
				print "CONFIG_" section "_" word[2] "_ITEM" item "=" quoted(word[3])
				print "CONFIG_" section "_" word[2] "_LENGTH=" item
			}
		}
	' "/etc/config/$1")"
}

config_get() {
	case "$2$3" in
	*[!A-Za-z0-9_]*) ;;
	*) eval "$1=\${CONFIG_$2_$3:-\$4}" ;;
	esac
}

config_get_bool() {
	local _value
	config_get _value "$2" "$3" "$4"
	case "$_value" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$4" ;;
	esac
}

config_foreach() {
	local _function="$1" _type="$2" _section _found
	shift 2
	for _section in $CONFIG_SECTIONS; do
		config_get _found "$_section" TYPE
		if [ "$_found" = "$_type" ]; then "$_function" "$_section" "$@"; fi
	done
}

config_list_foreach() {
	local _section="$1" _option="$2" _function="$3" _length _value _at=1
	shift 3
	config_get _length "$_section" "${_option}_LENGTH" 0
	while [ "$_at" -le "$_length" ]; do
		config_get _value "$_section" "${_option}_ITEM$_at"
		"$_function" "$_value" "$@"
		_at=$((_at + 1))
	done
}

group_exists() { grep -qs "^$1:" /etc/group; }
group_add() { echo "$1:x:$2:" >>/etc/group; }
user_exists() { grep -qs "^$1:" /etc/passwd; }
user_add() {
	echo "$1:x:$2:$3:$1:/var/run/$1:/bin/false" >>/etc/passwd
	echo "$1:x:0:0:99999:7:::" >>/etc/shadow
}

# Users that a package requires: NAME=ID:GROUP=ID.
add_group_and_user() {
	local required user group

	required="$(sed -n 's/^Require-User: *//p' "/usr/lib/opkg/info/$1.control")"
	[ -n "$required" ] || return 0
	user="${required%%:*}"
	group="${required#*:}"
	group_exists "${group%=*}" || group_add "${group%=*}" "${group#*=}"
	user_exists "${user%=*}" || user_add "${user%=*}" "${user#*=}" "${group#*=}"
}

default_postinst() {
	local name list each

	name="$(basename "${1%.*}")"
	list="/usr/lib/opkg/info/$name.list"
	add_group_and_user "$name"
	if [ -f "/usr/lib/opkg/info/$name.postinst-pkg" ]; then
		# shellcheck source=/dev/null
		(. "/usr/lib/opkg/info/$name.postinst-pkg")
	fi
	for each in $(grep -s "^/etc/uci-defaults/" "$list"); do
		# shellcheck source=/dev/null
		([ -f "$each" ] && cd "${each%/*}" && . "$each") && rm -f "$each"
	done
	for each in $(grep -s "^/etc/init.d/" "$list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$each" enable
		"$each" start
	done
}

default_prerm() {
	local name each

	name="$(basename "${1%.*}")"
	for each in $(grep -s "^/etc/init.d/" "/usr/lib/opkg/info/$name.list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$each" disable
		"$each" stop
	done
}
