#!/bin/sh
# Makes a C file of a bundle for QuickJS: its bytecode, packed, for the C host to be linked with.
#
#   scripts/program.sh COMPILE [-x] BUNDLE.js OUT.c
#
# COMPILE is src/qjs/c/compile.c as a program of this machine; -x is for machines of the other byte order.
set -eu

compile=$1
shift
swap=
if test "$1" = -x; then
	swap=-x
	shift
fi
code=${2%.c}

"$compile" ${swap:+"$swap"} "$1" "$code.bin"
# A sixth shorter than by gzip, in which a package comes. lzma.c knows these parameters; the header has 13 octets.
xz --format=lzma --lzma1=preset=9e,lc=3,lp=0,pb=0 --stdout "$code.bin" | tail -c +14 >"$code.lzma"
{
	echo '#include <stdint.h>'
	echo "const uint32_t program_length = $(wc -c <"$code.bin");"
	echo "const uint32_t program_packed_length = $(wc -c <"$code.lzma");"
	echo 'const uint8_t program[] = {'
	od -An -v -tu1 "$code.lzma" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
	echo '};'
} >"$2.new"
mv "$2.new" "$2"
