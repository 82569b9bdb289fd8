#!/bin/sh
# Installs what the Makefile needs on a fresh Debian or Ubuntu machine that has Node 20 or later.
#
#   scripts/setup.sh [run | build | test | bench]
#
#   run    npm packages (they bring the Node that scripts and tests run on)
#   build  and what builds the native binaries
#   test   and what the tests run: qemu, strace, a C compiler with sanitizers, a browser, mosquitto and its clients
#   bench  and what measures the MIPS binary
#
# Only what is missing is installed. As root it uses apt; otherwise it names what to install and fails.
set -eu
cd "$(dirname "$0")/.."

# What, the command (or file, with a slash) that shows it is there, and the Debian package that brings it.
build='
cmake           cmake
make            make
patch           patch
xz              xz-utils
tclsh           tcl
mips-linux-gnu-gcc gcc-mips-linux-gnu
zopfli          zopfli
dpkg-source     dpkg-dev
/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
'
tests='
gcc             gcc
ccache          ccache
/usr/mips-linux-gnu/include/stdio.h libc6-dev-mips-cross
/usr/include/stdio.h libc6-dev
readelf         binutils
qemu-mips-static qemu-user-static
mosquitto_pub   mosquitto-clients
busybox         busybox
openssl         openssl
perl            perl
shellcheck      shellcheck
signify-openbsd signify-openbsd
chromium        chromium
strace          strace
python3         python3
/usr/sbin/nft   nftables
/bin/ip         iproute2
setpriv         util-linux
'
bench='
qemu-mips       qemu-user
'

fail() {
	echo "setup: $1" >&2
	exit 1
}

# Node and npm: the machine's own, for npm only.
need_node() {
	command -v node >/dev/null && command -v npm >/dev/null ||
		fail "Node and npm are missing: install Node 20 or later (Debian 12's own nodejs is 18)"
	major=$(node -p 'process.versions.node.split(".")[0]')
	test "$major" -ge 20 || fail "Node $(node --version) is too old: install Node 20 or later"
}

# The npm packages of package-lock.json. No package's install script is needed, and none is run.
npm_packages() {
	stamp=node_modules/.setup-stamp
	want=$(cat package.json package-lock.json | sha256sum)
	test -r "$stamp" && test "$(cat "$stamp")" = "$want" && return 0
	need_node
	echo 'setup: npm packages'
	log=$(mktemp)
	npm ci --ignore-scripts --loglevel=error >"$log" 2>&1 || {
		cat "$log" >&2
		rm -f "$log"
		fail 'npm ci failed'
	}
	rm -f "$log"
	echo "$want" >"$stamp"
}

present() {
	case $1 in
	/*) test -e "$1" ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# Installs the Debian packages of a table on standard input whose command or file is not there.
debian_packages() {
	missing=
	while read -r sign package; do
		test -z "$sign" || present "$sign" || missing="$missing $package"
	done
	test -n "$missing" || return 0
	command -v apt-get >/dev/null ||
		fail "missing:$missing (names of Debian's packages; there is no apt-get here, so install their like yourself)"
	test "$(id -u)" = 0 || fail "missing Debian packages; install them as root and start again:
  apt-get update && apt-get install --no-install-recommends$missing"
	echo "setup: apt-get install$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of names
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null || {
		cat "$log" >&2
		rm -f "$log"
		fail "apt-get could not install:$missing"
	}
	rm -f "$log"
}

# Files of the Debian package $1, in .cache/$1: unpacked, as installing it would start a service.
package_files() {
	unpacked=.cache/$1
	# An earlier set-up left what packages it depends on out.
	test ! -e "$unpacked/depends" || return 0
	command -v apt-get >/dev/null ||
		fail "there is no apt-get here: unpack Debian's package $1 to $unpacked yourself"
	echo "setup: files of the package $1"
	folder=$(mktemp -d)
	chmod 755 "$folder"
	(
		cd "$folder" &&
			{ apt-get download "$1" || { apt-get update && apt-get download "$1"; }; } &&
			dpkg-deb -x "$1"_*.deb files &&
			dpkg-deb -f "$1"_*.deb Depends >files/depends
	) >"$folder/log" 2>&1 </dev/null || {
		cat "$folder/log" >&2
		rm -rf "$folder"
		fail "apt-get could not download $1"
	}
	mkdir -p .cache
	rm -rf "$unpacked" "$unpacked.new"
	mv "$folder/files" "$unpacked.new"
	mv "$unpacked.new" "$unpacked"
	rm -rf "$folder"
}

# The libraries that it needs, of what its package depends on.
mosquitto_libraries() {
	code=0
	.cache/mosquitto/usr/sbin/mosquitto -h >/dev/null 2>&1 || code=$?
	test "$code" = 127 || return 0
	tr ',' '\n' <.cache/mosquitto/depends | sed -n 's/^ *\(lib[^ ]*\).*/\/missing \1/p' | debian_packages
}

files=
case ${1:-run} in
run) tables= ;;
build) tables=$build ;;
test) tables=$build$tests files=yes ;;
bench) tables=$build$tests$bench files=yes ;;
*) fail "unknown set '$1'" ;;
esac
debian_packages <<END
$tables
END
npm_packages
if test -n "$files"; then
	package_files mosquitto
	mosquitto_libraries
	package_files fail2ban
fi
