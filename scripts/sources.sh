#!/bin/sh
# Fetches third-party C sources into the cache, outside the repository, and prints where each one is.
#
#   scripts/sources.sh NAME...
#
# The sources are Debian's source packages: apt downloads them and checks the archive's signature. Debian's patches
# are applied. A source that is there already is not fetched again.
#
# Without apt, or where its archive is not Debian's: set MQTTD_SOURCES to a folder that holds the release tarballs
# under the names in the table below (as Debian's archive has them); their SHA-256 is checked against the table, and
# no patch is applied (none of those matters to what we build).
set -eu

# name        suite   version        release tarball, its SHA-256, its licence (SPDX, with _ for a blank)
table='
quickjs       trixie  2025.04.26-1   quickjs_2025.04.26.orig.tar.xz ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe MIT
libuv1        trixie  1.50.0-2       libuv1_1.50.0.orig.tar.gz      ec9de6ecf2a780fd2afb3b007947d2cd57c3bb17f3b9e721a66774980d35cd4d MIT
mbedtls       trixie  3.6.6          mbedtls_3.6.6.orig.tar.bz2     8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a Apache-2.0_OR_GPL-2.0-or-later
sqlite3       trixie  3.46.1          sqlite3_3.46.1.orig.tar.xz     d0cdd2ece271b29e7ce18095745d892517ee26d0f270065b3a25c2e9eb11639c blessing
mosquitto     sid     2.1.2-3        mosquitto_2.1.2.orig.tar.gz    a8e37cc4c1d4141e56c5a8729c5fa36b1f0b1ca95378a12131d68f0509de122a EPL-2.0_OR_BSD-3-Clause
cjson         sid     1.7.19-2       cjson_1.7.19.orig.tar.gz       7fa616e3046edfa7a28a32d5f9eacfd23f92900fe1f8ccd988c1662f30454562 MIT
openssl       bookworm 3.0.20        openssl_3.0.20.orig.tar.gz     c80a01dfc70ece4dc21168932c37739042d404d46ccc81a5986dd75314ecda6f Apache-2.0
busybox       trixie  1.37.0-6       busybox_1.37.0.orig.tar.bz2     3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4 GPL-2.0-only
'

cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
sources=$cache/sources
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
	echo "sources.sh: $1" >&2
	exit 1
}

# Removes what this run has half done.
work=
trap 'test -z "$work" || rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Fetches the package lists of the suite $2, for the source $1, once for a run of this script.
lists=
update_lists() {
	lists=$work/apt-$2
	test ! -e "$lists" || return 0
	command -v apt-get >/dev/null || fail "no apt-get here: put the release tarball of $1 into a folder and set MQTTD_SOURCES to it"
	test -r "$keyring" || fail "no $keyring (install debian-archive-keyring, or set MQTTD_SOURCES to a folder with the release tarball of $1)"
	# shellcheck disable=SC2016 # these are apt's own
	mirror=$(apt-get indextargets --format '$(ORIGIN)	$(COMPONENT)	$(SUITE)	$(REPO_URI)' |
		awk -F '\t' '$1 == "Debian" && $2 == "main" && $4 !~ /security/ { print $4; exit }')
	test -n "$mirror" || fail "apt knows no Debian mirror: run apt-get update first, or set MQTTD_SOURCES to a folder with the release tarball of $1"
	mkdir -p "$lists/parts" "$lists/state/lists/partial" "$lists/cache/archives/partial"
	cat >"$lists/parts/sources.sources" <<-END
		Types: deb-src
		URIs: $mirror
		Suites: $2
		Components: main
		Signed-By: $keyring
	END
	apt get -q update
}

# apt-$1 with lists, cache and sources of our own: the machine's stay as they are. Errors only are printed.
apt() {
	tool=$1
	shift
	"apt-$tool" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$lists/parts" \
		-o Dir::State="$lists/state" -o Dir::State::status=/dev/null -o Dir::Cache="$lists/cache" \
		-o APT::Sandbox::User= -o Acquire::Languages=none "$@" >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		fail "apt-$tool failed"
	}
}

# Debian's newest version of the source package $1 that begins with $2 (an epoch aside).
newest() {
	apt cache showsrc "$1"
	awk -v start="$2" '
		$1 == "Version:" { version = $2; sub(/^[0-9]+:/, "", version); if (index(version, start) == 1) print $2 }
	' "$work/log" | sort -V | tail -n 1
}

# Unpacks the upstream tarball $1 and, when there is one, applies the patches of Debian's tarball $2, into $work/tree.
unpack() {
	rm -rf "$work/tree"
	mkdir "$work/tree"
	tar -xf "$1" -C "$work/tree" --strip-components=1
	test -n "$2" || return 0
	tar -xf "$2" -C "$work/tree"
	test -e "$work/tree/debian/patches/series" || return 0
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$work/tree/debian/patches/series" | while read -r patch; do
		patch -s -d "$work/tree" -p1 <"$work/tree/debian/patches/$patch"
	done
}

for name in "$@"; do
	line=$(echo "$table" | awk -v name="$name" '$1 == name')
	test -n "$line" || fail "unknown source '$name'"
	read -r _ suite version tarball sha256 _ <<-END
		$line
	END
	target=$sources/$name-$version
	if test -e "$target/.complete"; then
		echo "$target"
		continue
	fi
	mkdir -p "$sources"
	# Whoever waited may find it there.
	exec 8>"$sources/.lock"
	flock 8
	if test -e "$target/.complete"; then
		echo "$target"
		continue
	fi
	test -n "$work" || work=$(mktemp -d "$sources/.fetch-XXXXXX")
	if test -n "${MQTTD_SOURCES:-}"; then
		test -r "$MQTTD_SOURCES/$tarball" || fail "no $MQTTD_SOURCES/$tarball"
		echo "$sha256  $MQTTD_SOURCES/$tarball" | sha256sum -c - >/dev/null ||
			fail "$MQTTD_SOURCES/$tarball is not the release that was expected (SHA-256 differs)"
		unpack "$MQTTD_SOURCES/$tarball" ""
	else
		echo "sources.sh: fetching $name" >&2
		update_lists "$name" "$suite"
		have=$(newest "$name" "$version")
		if test -z "$have"; then
			have=$(newest "$name" "${version%.*}.")
			test -n "$have" || fail "Debian $suite has no $name $version any more, nor another ${version%.*}"
			echo "sources.sh: Debian has no $name $version any more: taking $have" >&2
		fi
		(cd "$work" && apt get -q source --download-only "$name=$have")
		unpack "$(ls "$work/$name"_*.orig.tar.*[!c])" "$(ls "$work/$name"_*.debian.tar.*)"
	fi
	touch "$work/tree/.complete"
	rm -rf "$target"
	mv "$work/tree" "$target"
	rm -f "$work/$name"_*
	echo "$target"
done
