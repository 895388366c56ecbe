#!/bin/sh
# Resolves requirements.txt anew: one file, hashed, for CPython 3.11-3.13 on x86-64 and aarch64, with no registry address in it.
set -eu
bin=$1
resolved=$(mktemp)
"$bin/uv" pip compile pyproject.toml --extra edge --extra cloud --extra dev --universal --python-version 3.11 --upgrade \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file "$resolved"
{
    echo "# Every version this project runs with, hashed, for CPython 3.11-3.13 on x86-64 and aarch64. Made by \`make pins\`; do not edit."
    cat "$resolved"
} >requirements.txt
"$bin/uv" pip compile pyproject.toml --extra legacy --python-version 3.11 --universal --upgrade \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file "$resolved"
{
    echo "# The edge on tflite_runtime, Python 3.11, in an environment of its own (make legacy). Made by \`make pins\`; do not edit."
    cat "$resolved"
} >requirements-legacy.txt
rm -f "$resolved"
