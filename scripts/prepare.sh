#!/bin/sh
# Makes the virtual environment: `prepare.sh PYTHON VENV`. Needs Python 3.11 or later; nothing else prepared.
set -eu
python=$1
venv=$2

say() { printf '%s\n' "smokesentry: $*"; }

command -v "$python" >/dev/null 2>&1 || { say "no '$python' here. Install Python 3.11 or later (Debian: apt install python3), or say PYTHON=/path/to/python3.11"; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$("$python" --version) is too old; Python 3.11 or later is needed. Name one with: make PYTHON=python3.11 ..."
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "this Python cannot make virtual environments; Debian keeps that in the package python3-venv"
    sh "$(dirname "$0")/install-packages.sh" python3-venv || exit 1
fi
say "preparing $venv (once; some minutes on a slow line)"
rm -f "$venv/.ready"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.txt
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
touch "$venv/.ready"
say "prepared"
