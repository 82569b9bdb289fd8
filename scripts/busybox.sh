#!/bin/sh
# Builds a small static busybox for MIPS (big-endian), as routers have it, for tests, and prints where it is. It is kept in the
# cache, outside the repository.
set -eu
cd "$(dirname "$0")/.."

cache=${MQTTD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mqttd}
host=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
zig=$PWD/node_modules/@zigc/linux-$host/bin/zig
export ZIG_GLOBAL_CACHE_DIR="$cache/zig" ZIG_LOCAL_CACHE_DIR="$cache/zig"

# Options of its configuration that are on, less CONFIG_.
options='
BUSYBOX STATIC LFS LONG_OPTS USE_BB_PWD_GRP FEATURE_PIDFILE
ASH SH_IS_ASH ASH_ECHO ASH_PRINTF ASH_TEST ASH_CMDCMD ASH_GETOPTS ASH_BASH_COMPAT FEATURE_SH_MATH
AWK BASENAME CAT CHGRP CHMOD CHOWN CMP CP CUT DIRNAME ECHO ENV FALSE FIND FEATURE_FIND_TYPE FLOCK GREP GUNZIP GZIP HEAD
FEATURE_FANCY_HEAD ID KILL LN LOGGER LS MD5SUM MKDIR MV PRINTF PS READLINK FEATURE_READLINK_FOLLOW RM RMDIR SED SETSID SLEEP
SORT START_STOP_DAEMON FEATURE_START_STOP_DAEMON_FANCY FEATURE_START_STOP_DAEMON_LONG_OPTIONS STAT FEATURE_STAT_FORMAT TAIL
FEATURE_FANCY_TAIL TAR FEATURE_SEAMLESS_GZ TEST TEST1 TOUCH TR TRUE UNIQ WC XARGS
'

source=$(scripts/sources.sh busybox)
build=$cache/build/busybox-$(cat "$0" | sha256sum | cut -c 1-16)
if test -x "$build/busybox_mips"; then
	echo "$build/busybox_mips"
	exit 0
fi
mkdir -p "$build"
exec 9>"$build/lock"
flock 9
test ! -x "$build/busybox_mips" || { echo "$build/busybox_mips"; exit 0; }
echo 'busybox.sh: building busybox for MIPS' >&2

# Arguments for another linker are left out.
cat >"$build/cc" <<END
#!/bin/sh
for arg do
	shift
	case \$arg in
	-Wl,--sort-common | -Wl,--sort-section,* | -Wl,--warn-common | -Wl,-Map,* | -Wl,--verbose | -fal*=1 | -finline-limit=0) ;;
	*) set -- "\$@" "\$arg" ;;
	esac
done
exec '$zig' cc -target mips-linux-musleabi -mcpu=mips32r2+soft_float -fno-sanitize=undefined "\$@"
END
chmod +x "$build/cc"

make -s -C "$source" O="$build" allnoconfig </dev/null >"$build/log" 2>&1
# A choice of the shell is made once.
sed -i '/^CONFIG_SH_IS_NONE=/d' "$build/.config"
for option in $options; do
	sed -i "/^# CONFIG_$option is not set\$/d" "$build/.config"
	echo "CONFIG_$option=y" >>"$build/.config"
done
yes '' 2>/dev/null | head -c 10000 | make -s -C "$build" oldconfig >>"$build/log" 2>&1
make -s -C "$build" -j2 CC="$build/cc" HOSTCC=gcc AR="$zig ar" STRIP=true NM=nm OBJCOPY=true SKIP_STRIP=y busybox \
	>>"$build/log" 2>&1 || {
	tail -20 "$build/log" >&2
	echo 'busybox.sh: building busybox failed' >&2
	exit 1
}
mv "$build/busybox" "$build/busybox_mips"
echo "$build/busybox_mips"
