#!/bin/sh
# Makes a gateway or a cloud machine out of a fresh Raspberry Pi OS or Debian (12 or newer, 64-bit).
#
#   sudo sh install.sh gateway smoke_sentry-VERSION-py3-none-any.whl
#   sudo sh install.sh cloud   smoke_sentry-VERSION-py3-none-any.whl
#
# May be run again at any time: to finish an interrupted run, or with a newer wheel to update. It never touches
# /etc/smokesentry/*.toml, keys or what the services have stored.
set -eu
umask 022

say() { printf '%s\n' "$*"; }
fail() {
    say "install.sh: $*" >&2
    exit 1
}

[ $# -eq 2 ] || fail "give a role (gateway or cloud) and the wheel's file"
role=$1
wheel=$2
case $role in
gateway)
    extra=edge
    units=smokesentry-gateway.service
    ;;
cloud)
    extra=cloud
    units="smokesentry-ingest.service smokesentry-console.service"
    ;;
*) fail "role '$role': gateway or cloud" ;;
esac
[ -f "$wheel" ] || fail "$wheel: no such file"
[ "$(id -u)" -eq 0 ] || fail "must be run by root: sudo sh install.sh $role $wheel"
[ "$(getconf LONG_BIT)" = 64 ] || fail "this system is 32-bit; the model runtime exists for 64-bit only"
command -v systemctl >/dev/null || fail "no systemd here"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"
python3 -c 'import ensurepip' 2>/dev/null || fail "python3-venv is missing: apt-get install python3-venv"

venv=/opt/smokesentry
say "1/4 $venv: packages for $role"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "${wheel}[${extra}]"

say "2/4 units, rules, boot settings"
# From /, so that Python finds the installed package and not a folder that happens to be here.
(cd / && "$venv/bin/smokesentry" hardware install "$role")

say "3/4 user and folders"
systemd-sysusers /etc/sysusers.d/smokesentry.conf
install -d -o root -g root -m 0755 /etc/smokesentry
# Keys were copied here by a person; whoever copied them, only the service may read them.
for key in /etc/smokesentry/*.key; do
    [ -e "$key" ] || continue
    chown smokesentry:smokesentry "$key"
    chmod 0600 "$key"
done

say "4/4 services"
systemctl daemon-reload
if command -v udevadm >/dev/null; then
    udevadm control --reload
    udevadm trigger --subsystem-match=tty
fi
config=/etc/smokesentry/$role.toml
for unit in $units; do
    systemctl enable --quiet "$unit"
    if [ -f "$config" ]; then
        systemctl restart "$unit"
    fi
done
if [ -f "$config" ]; then
    say "done; running: $units"
else
    say "done; write $config, then: systemctl start $units"
fi
[ "$role" = cloud ] || say "restart the machine once if boot settings were written above"
