#!/bin/sh
# Resolves requirements.txt: `pins.sh BIN [--upgrade]`. Without --upgrade what is pinned stays and only what is new is added. One file, hashed, for CPython 3.11-3.13 on x86-64 and aarch64, with no registry address in it.
set -eu
bin=$1
upgrade=${2:-}
resolved=$(mktemp)
# uv keeps the versions it finds in the file that it is to write.
cp requirements.txt "$resolved"
# shellcheck disable=SC2086  # empty or one word
"$bin/uv" pip compile pyproject.toml --extra edge --extra cloud --extra dev --universal --python-version 3.11 $upgrade \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file "$resolved"
{
    echo "# Every version this project runs with, hashed, for CPython 3.11-3.13 on x86-64 and aarch64. Made by \`make pins\`; do not edit."
    cat "$resolved"
} >requirements.txt
cp requirements-legacy.txt "$resolved"
# shellcheck disable=SC2086
"$bin/uv" pip compile pyproject.toml --extra legacy --python-version 3.11 --universal $upgrade \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet --output-file "$resolved"
{
    echo "# The edge on tflite_runtime, Python 3.11, in an environment of its own (make legacy). Made by \`make pins\`; do not edit."
    cat "$resolved"
} >requirements-legacy.txt
rm -f "$resolved"
