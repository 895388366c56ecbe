#!/bin/sh
# Installs Debian packages when it may: `install-packages.sh PACKAGE...`. Exit 1, with a message, when it may not.
# A server that comes with a package is not started by this: the project runs its own, on free ports.
set -eu
say() { printf '%s\n' "smokesentry: $*"; }

if [ "$(id -u)" = 0 ]; then
    as_root=''
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo'
else
    say "cannot install $* (not root, no password-less sudo). Please run: sudo apt-get install --no-install-recommends $*"
    exit 1
fi
command -v apt-get >/dev/null 2>&1 || { say "no apt-get here; please install with your system's own tool: $*"; exit 1; }

policy=/usr/sbin/policy-rc.d
held=''
if [ ! -e "$policy" ]; then
    held=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod +x "$policy"
fi
release() { if [ -n "$held" ]; then $as_root rm -f "$policy"; fi; }
trap release EXIT

log=$(mktemp)
say "installing from the system's packages: $*"
if ! { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 5 "$log"
    say "apt-get could not install $*; install by hand, then run again"
    exit 1
fi
rm -f "$log"
