#!/bin/sh
# Makes sure that the real services are there: `services.sh demo|faults|test`. Missing ones are installed when that is allowed.
# `demo` cannot do without the broker; tests of a service that stays missing are skipped by name (failures under CI).
set -u
need=$1
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
packages=''

want() { command -v "$1" >/dev/null 2>&1 || packages="$packages $2"; }

want mosquitto mosquitto
if [ "$need" != demo ]; then
    ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || packages="$packages libfaketime"
fi
if [ "$need" = test ]; then
    want chromium chromium
    [ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || packages="$packages fonts-noto-cjk"
    want systemd-analyze systemd
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || packages="$packages postgresql"
    want victoria-metrics victoria-metrics
    want rabbitmq-server rabbitmq-server
    ls /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib >/dev/null 2>&1 ||
        packages="$packages gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
fi
[ -z "$packages" ] && exit 0
# shellcheck disable=SC2086  # a list of names
if ! sh "$(dirname "$0")/install-packages.sh" $packages; then
    if [ "$need" = demo ]; then
        printf '%s\n' "smokesentry: the demo needs the Mosquitto broker's binary; nothing was started"
        exit 1
    fi
    printf '%s\n' "smokesentry: going on without:$packages; the tests that need them say so"
fi
exit 0
