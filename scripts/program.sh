#!/bin/sh
# Makes a C file of a bundle for QuickJS: its bytecode, packed, for the C host to be linked with.
#
#   scripts/program.sh COMPILE [-x] BUNDLE.js OUT.c
#
# COMPILE is src/qjs/c/compile.c as a program of this machine; -x is for machines that are big-endian.
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
# A sixth shorter than by gzip, in which a package comes. lzma.c wants of the header of 13 octets the first.
xz --format=lzma --lzma1=preset=9e,nice=273,lc=1,lp=1,pb=1 --stdout "$code.bin" >"$code.xz"
{
	head -c 1 "$code.xz"
	tail -c +14 "$code.xz"
} >"$code.lzma"
{
	echo '#include <stdint.h>'
	# A section of its own is for scripts/pack-elf.ts.
	echo 'static const uint8_t octets[] __attribute__((section(".program"))) = {'
	od -An -v -tu1 "$code.lzma" | sed 's/ *\([0-9][0-9]*\)/\1,/g'
	echo '};'
	echo 'struct { const uint8_t *packed; uint32_t packed_length, length; } program'
	echo "	= { octets, sizeof octets, $(wc -c <"$code.bin") };"
} >"$2.new"
mv "$2.new" "$2"
