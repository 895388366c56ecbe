#!/bin/sh
# The detector's cost beside YOLO11n's in one run: `peer.sh PYTHON3.11`. The peer lives in build/peer-env, an environment of its own.
set -eu
python=$1
env=build/peer-env

if [ ! -e "$env/.ready" ] || [ lab/requirements-peer.txt -nt "$env/.ready" ]; then
    "$python" -m venv "$env"
    "$env/bin/python" -m pip install --disable-pip-version-check --quiet -r lab/requirements-peer.txt
    touch "$env/.ready"
fi
export YOLO_CONFIG_DIR="$PWD/build" OMP_NUM_THREADS=1 PYTHONPATH=.
"$env/bin/python" -m lab.peer build/peer.json
