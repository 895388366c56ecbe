"""The cluster's rendered files: what cannot be a cluster is refused, and the rights are those of the access list."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

import pytest

from hardware.rabbitmq import apply_rights, render_definitions, render_node

MEMBERS = [f"rabbit@mq-{n}.example.org" for n in (1, 2, 3)]
FILES = {"ca": Path("/etc/ca.crt"), "certificate": Path("/etc/mq.crt"), "key": Path("/etc/mq.key")}


def test_a_node_knows_all_members_and_lets_nobody_in_without_a_certificate():
    files = render_node(MEMBERS[1], MEMBERS, **FILES)
    text = files["rabbitmq.conf"]
    assert all(f"nodes.{n} = {member}\n" in text for n, member in enumerate(MEMBERS, 1))
    for line in ("listeners.tcp = none", "mqtt.listeners.tcp = none", "ssl_options.fail_if_no_peer_cert = true"):
        assert f"\n{line}\n" in text
    assert "$" not in text
    assert "rabbitmq_mqtt" in files["enabled_plugins"]


@pytest.mark.parametrize(
    ("node", "members", "changes", "said"),
    [
        (MEMBERS[0], MEMBERS[:2], {}, "3 or 5"),
        (MEMBERS[0], [MEMBERS[0]] * 3, {}, "3 or 5"),
        ("rabbit@other", MEMBERS, {}, "none of the members"),
        ("a b", ["a b", *MEMBERS[:2]], {}, "expected NAME@HOST"),
        (MEMBERS[0], MEMBERS, {"key": Path("/etc/a key\nlisteners.tcp = 1")}, "absolute path"),
        (MEMBERS[0], MEMBERS, {"ca": Path("ca.crt")}, "absolute path"),
        (MEMBERS[0], MEMBERS, {"mqtt_port": 0}, "port 0"),
    ],
)
def test_what_is_no_cluster_is_refused_in_words(node, members, changes, said):
    with pytest.raises(ValueError, match=said):
        render_node(node, members, **(FILES | changes))


def test_a_gateway_may_touch_its_own_topics_and_session_only():
    definitions = json.loads(render_definitions([("town", "gw-1"), ("town", "gw-11")], ["cloud"]))
    keys = next(right for right in definitions["topic_permissions"] if right["user"] == "gw-1")
    own = next(right for right in definitions["permissions"] if right["user"] == "gw-1")
    spool = "0123456789abcdef"
    for pattern, good, bad in (
        (keys["write"], "smokesentry.v1.town.gw-1.up.telemetry", "smokesentry.v1.town.gw-11.up.telemetry"),
        (keys["write"], "smokesentry.v1.town.gw-1.state", "smokesentry.v1.other.gw-1.state"),
        (keys["write"], "smokesentry.v1.town.gw-1.up.health", "smokesentry.v1.town.gw-1.down.command"),
        (keys["read"], "smokesentry.v1.town.gw-1.down.ack", "smokesentry.v1.town.#"),
        (own["configure"], f"mqtt-subscription-gw-1-{spool}qos1", f"mqtt-subscription-gw-11-{spool}qos1"),
        (own["read"], "amq.topic", "smokesentry.urgent"),
    ):
        assert re.search(pattern, good) and not re.search(pattern, bad), pattern
    assert {queue["arguments"]["x-queue-type"] for queue in definitions["queues"]} == {"quorum"}
    assert all(user["password_hash"] == "" for user in definitions["users"]), "nobody has a password"


@pytest.mark.parametrize("gateways", [[("a", "gw"), ("b", "gw")], [("town", "GW")], [("town", "cloud")]])
def test_names_that_are_none_or_stand_for_two_are_refused(gateways):
    with pytest.raises(ValueError, match="name"):
        render_definitions(gateways, ["cloud"])


@pytest.mark.parametrize(("running", "group"), [(2, 3), (3, 1)])
def test_nothing_is_declared_before_all_members_run(tmp_path, running, group):
    control = tmp_path / "rabbitmqctl"  # answers as the real one does; the real one is asked in tests/system
    nodes = json.dumps({"running_nodes": MEMBERS[:running]})
    control.write_text(
        f"#!{shutil.which('sh')}\n[ $1 = cluster_status ] && echo '{nodes}'\n[ $1 = eval ] && echo {group}\n:\n"
    )
    control.chmod(control.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(ValueError, match=f"{running} of 3 nodes run, {group} take part"):
        apply_rights([str(control)], [], ["cloud"])
