#!/bin/sh
# Trains the detector's model from nothing: `train.sh PYTHON3.11 [NIGHTS] [STEPS]`. Two CPU cores, within two hours.
# TensorFlow cannot share the product's environment (numpy), so it gets build/train-env.
set -eu
python=$1
nights=${2:-3000}
steps=${3:-10000}
env=build/train-env

. scripts/environment.sh
environment "$python" "$env" lab/requirements-train.txt
[ -e "$env/bin/smokesentry" ] || "$env/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps -e .
"$env/bin/smokesentry" lab make-data --out build/nights --nights "$nights"
"$env/bin/smokesentry" lab train --data build/nights --steps "$steps"
