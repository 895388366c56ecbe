#!/bin/sh
# Trains the detector's model from nothing: `train.sh PYTHON3.11 [SHARE]`. Two CPU cores, within two hours; SHARE 0.01 is
# a look whether it works. TensorFlow cannot share the product's environment (numpy), so it gets build/train-env.
set -eu
python=$1
share=${2:-1}
env=build/train-env

. scripts/environment.sh
environment "$python" "$env" lab/requirements-train.txt
[ -e "$env/bin/smokesentry" ] || "$env/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps -e .
lab="$env/bin/smokesentry lab"
part() { awk -v whole="$1" -v share="$share" 'BEGIN { n = int(whole * share); print n > 1 ? n : 1 }'; }

$lab make-data --out build/nights --nights "$(part 3000)"
$lab make-data --out build/start-up --kind start-up --first-seed 10000 --nights "$(part 1200)"
rm -rf build/members # the second round goes on from the members of the first
$lab train --keep build/members --steps "$(part 10000)" --data build/nights
$lab train --keep build/members --steps "$(part 8000)" --data build/nights build/start-up
