#!/bin/sh
# The detector's cost beside YOLO11n's in one run: `peer.sh PYTHON3.11`. The peer lives in build/peer-env, an environment of its own.
set -eu
python=$1
env=build/peer-env

. scripts/environment.sh
environment "$python" "$env" lab/requirements-peer.txt
export YOLO_CONFIG_DIR="$PWD/build" OMP_NUM_THREADS=1 PYTHONPATH=.
"$env/bin/python" -m lab.peer build/peer.json
