#!/bin/sh
# Trains the detector's model from nothing: `train.sh PYTHON3.11 [NIGHTS] [STEPS]`. Two CPU cores, within two hours.
# TensorFlow cannot share the product's environment (numpy), so it gets build/train-env.
set -eu
python=$1
nights=${2:-2000}
steps=${3:-9000}
env=build/train-env

if [ ! -e "$env/.ready" ] || [ lab/requirements-train.txt -nt "$env/.ready" ]; then
    "$python" -m venv "$env"
    "$env/bin/python" -m pip install --disable-pip-version-check --quiet -r lab/requirements-train.txt
    "$env/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps -e .
    touch "$env/.ready"
fi
"$env/bin/smokesentry" lab make-data --out build/nights --nights "$nights"
"$env/bin/smokesentry" lab train --data build/nights --steps "$steps"
