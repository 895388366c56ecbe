# shellcheck shell=sh disable=SC3013
# To be sourced. `environment PYTHON FOLDER REQUIREMENTS`: an environment of its own, made anew when its requirements have changed.
environment() {
    if [ ! -e "$2/.ready" ] || [ "$3" -nt "$2/.ready" ]; then
        "$1" -m venv "$2"
        "$2/bin/python" -m pip install --disable-pip-version-check --quiet -r "$3"
        touch "$2/.ready"
    fi
}
