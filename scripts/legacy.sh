#!/bin/sh
# Proves the detector on tflite_runtime: `legacy.sh PYTHON3.11 HERE`. Makes build/legacy-env (numpy 1)
# and runs one clip through both runtimes (HERE is the interpreter with LiteRT); the heat maps must agree.
set -eu
python=$1
env=build/legacy-env
here=$2

"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
    echo "smokesentry: tflite_runtime has wheels for Python 3.11 only, this is $("$python" --version); say PYTHON=python3.11"
    exit 1
}
mkdir -p build
. scripts/environment.sh
environment "$python" "$env" requirements-legacy.txt
PYTHONPATH=. "$here" -m lab.runtimes build/runtime-litert.npz
PYTHONPATH=. "$env/bin/python" -m lab.runtimes build/runtime-tflite.npz
"$here" -m lab.runtimes --compare build/runtime-litert.npz build/runtime-tflite.npz
