#!/bin/sh
# Installs the project into a folder of its own and builds the library's example against what is
# there, with pkg-config, shared and static, as a user of the library does.
#     install.sh SOURCE_ROOT BUILD_ROOT CC
set -u
source=$1 build=$2 cc=$3
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
number=0

report() { # RESULT TEXT
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        sed 's/^/# /' "$root/log"
    fi
}

echo 1..5
meson install -C "$build" --no-rebuild --destdir "$root" >"$root/log" 2>&1
report $? "installs"

pc=$(find "$root" -name libshoal-stats.pc)
prefix=$(dirname "$(dirname "$(dirname "$pc")")")
case $pc in
*/lib/*/pkgconfig/*) prefix=$(dirname "$prefix") ;;
esac
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs libshoal-stats 2>"$root/log")
report $? "pkg-config knows it"

# shellcheck disable=SC2086 # the flags are words
$cc -std=gnu11 -Wall -Wextra -Werror -o "$root/shared" "$source/docs/examples/stats.c" \
    $flags -pthread >"$root/log" 2>&1 &&
    LD_LIBRARY_PATH=$(dirname "$(dirname "$pc")") "$root/shared" >"$root/out" 2>>"$root/log" &&
    tail -1 "$root/out" | grep -q '^ *4000 requests'
report $? "the example runs with the shared library and counts 4000 requests"

archive=$(find "$root" -name libshoal-stats.a)
$cc -std=gnu11 -I"$prefix/include" -o "$root/static" "$source/docs/examples/stats.c" \
    "$archive" -pthread >"$root/log" 2>&1 &&
    "$root/static" 2>>"$root/log" | tail -1 | grep -q '^ *4000 requests'
report $? "and with the static one"

# Nothing but libc is needed, and nothing but shoal_* is exported.
library=$(find "$root" -name 'libshoal-stats.so.*.*')
{
    objdump -p "$library" | awk '/NEEDED/ && $2 !~ /^libc\.so/ {print "needs " $2; bad = 1}
        END {exit bad}' &&
        nm -D --defined-only "$library" | awk '$3 !~ /^shoal_/ {print "exports " $3; bad = 1}
        END {exit bad}'
} >"$root/log"
report $? "the library needs only libc and exports only shoal_*"
