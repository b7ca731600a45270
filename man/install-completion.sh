#!/bin/sh
# bash looks a completion up by the name of the command.
set -eu
to="$MESON_INSTALL_DESTDIR_PREFIX/share/bash-completion/completions"
mkdir -p "$to"
install -m 644 "$MESON_BUILD_ROOT/man/shoal.bash" "$to/shoal"
