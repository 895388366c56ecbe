"""The data interface over real HTTP, as the demo and other tools read it."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from sqlalchemy import select, update

from cloud_ingest.console.feed import POLL_S
from cloud_ingest.store import schema
from cloud_ingest.store.database import reading, writing


def get(address: str, path: str) -> Any:
    with urllib.request.urlopen(address + path, timeout=60) as answer:
        return json.load(answer)


def refused(address: str, path: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address + path, timeout=60)
    return caught.value.code, json.load(caught.value)["detail"]


def test_an_empty_store_answers_everywhere(console: str) -> None:
    town = get(console, "/api/town")
    assert town == {
        "tenant": "lijing", "rooftops": {"type": "FeatureCollection", "features": []}, "chimneys": [], "gateways": [],
    }  # fmt: skip
    assert get(console, "/api/alerts") == {"alerts": []}
    assert get(console, "/api/particulates")["series"] == []
    assert get(console, "/api/health")["counts"] == {
        "alerts": {}, "detections": {}, "dead_letters": 0, "dead_letters_by_cause": {}, "dropped_records": 0,
    }  # fmt: skip


def test_the_town_has_roofs_chimneys_and_cameras_with_their_verdicts(street: Any, console: str) -> None:
    street.add_gateway("gw-fog", 0, 60, 180, verdict="cannot_judge", cause="shaking")
    street.add_gateway("gw-gone", 0, -60, 0, online=False)
    street.add_gateway("gw-silent", 50, -60, 0, seen_min=-30)
    town = get(console, "/api/town")
    assert len(town["rooftops"]["features"]) == 17 and len(town["chimneys"]) == 16
    first = town["rooftops"]["features"][0]
    assert first["id"] == first["properties"]["rooftop"] == "block"
    assert first["geometry"]["type"] == "Polygon" and first["properties"]["height_m"] == 18.0
    by_name = {gateway["gateway"]: gateway for gateway in town["gateways"]}
    cameras = {name: gateway["cameras"][0] for name, gateway in by_name.items()}
    assert (cameras["gw-west"]["verdict"], cameras["gw-west"]["heading_deg"]) == ("not_suspected", 90)
    assert (cameras["gw-fog"]["verdict"], cameras["gw-fog"]["cause"]) == ("cannot_judge", "shaking")
    for name in ("gw-gone", "gw-silent"):  # whatever it said last, a gateway that is not heard judges nothing now
        assert by_name[name]["online"] is False
        assert cameras[name]["verdict"] == "cannot_judge"


def test_alerts_come_newest_first_with_candidates_and_elsewhere(street: Any, console: str) -> None:
    street.add_alert("older", [("roof-1", 0.5)], begin_min=-90, end_min=-70, state="closed")
    street.add_alert("newer", [("roof-4", 0.62), ("roof-12", 0.21)])
    newer, older = get(console, "/api/alerts")["alerts"]
    assert (newer["alert"], older["alert"], older["state"]) == ("newer", "older", "closed")
    assert newer["candidates"][0] == {
        "rooftop": "roof-4", "name": "东巷5号", "probability": 0.62, "lat": newer["candidates"][0]["lat"],
        "lon": newer["candidates"][0]["lon"],
    }  # fmt: skip
    assert newer["elsewhere"] == pytest.approx(0.17)
    assert (newer["class"], newer["version"], newer["reason"]) == ("smoke", 1, "raised")


def test_one_alert_in_full_and_its_pictures(street: Any, console: str) -> None:
    street.add_alert("a1", [("roof-4", 0.62)], gateways=("gw-west", "gw-north"))
    street.revise("a1", "withdrawn", "steam", "withdrawn", "It was found to be no smoke")
    alert = get(console, "/api/alerts/a1")
    assert [version["reason"] for version in alert["versions"]] == ["raised", "withdrawn"]
    assert alert["versions"][0]["factors"][0]["factor"] == "chimney"
    assert {detection["gateway"] for detection in alert["detections"]} == {"gw-west", "gw-north"}
    one = alert["detections"][0]
    assert one["origin_px"] == [700.0, 330.0] and one["frame_size"] == [1280, 720] and one["opacity"] == 0.31
    assert {ray["gateway"]: round(ray["azimuth_deg"]) for ray in alert["rays"]} == {"gw-west": 93, "gw-north": 191}
    assert len(alert["pictures"]) == 6
    with urllib.request.urlopen(f"{console}/api/pictures/{alert['pictures'][0]['digest']}.jpg") as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.read(3) == b"\xff\xd8\xff"


def test_the_pose_that_a_detection_names_holds_not_the_newest(street: Any, console: str) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    before = get(console, "/api/alerts/a1")["rays"][0]["azimuth_deg"]
    place = {"lat": 0.0, "lon": 0.0, "crs": "WGS-84"}
    moved = {**pose_of(street, "gw-west"), "pose_version": 2, "place": place, "heading_deg": 10.0}
    row = {"gateway": "gw-west", "camera": "cam-1", "captured_at": street.at(0), "received_at": street.at(0)}
    with writing(street.engine) as connection:
        connection.execute(schema.camera_poses.insert().values(**row, pose_version=2, pose=moved))
    assert get(console, "/api/alerts/a1")["rays"][0]["azimuth_deg"] == before
    assert get(console, "/api/town")["gateways"][1]["cameras"][0]["heading_deg"] == 10.0


def pose_of(town: Any, gateway: str) -> Any:
    with reading(town.engine) as connection:
        table = schema.camera_poses
        return connection.execute(select(table.c.pose).where(table.c.gateway == gateway)).scalar_one()


def test_the_curve_around_an_alert_and_between_two_moments(street: Any, console: str) -> None:
    street.add_alert("a1", [("roof-4", 0.62)], begin_min=-40, end_min=-20)
    around = get(console, "/api/particulates?alert=a1")
    assert (around["from"], around["to"], around["unit"]) == (street.at(-70), street.at(10), "ug_m3")
    (series,) = around["series"]
    assert (series["gateway"], series["sensor"], series["quantity"]) == ("gw-west", "pm-1", "pm25_atm_ug_m3")
    assert series["points"][0]["at"] >= street.at(-71) and series["points"][0]["low"] < series["points"][0]["mean"]
    between = get(console, f"/api/particulates?from={street.at(-10)}&to={street.at(-5)}")
    assert 10 <= len(between["series"][0]["points"]) <= 13
    assert len(get(console, "/api/particulates")["series"][0]["points"]) <= 240


def test_health_counts_what_was_set_aside_with_its_words(street: Any, console: str) -> None:
    street.add_dead_letter("bad_signature", "the signature does not fit")
    street.add_dead_letter("oversized", "900000 bytes")
    health = get(console, "/api/health")
    assert health["counts"]["dead_letters"] == 2
    assert health["counts"]["dead_letters_by_cause"] == {"bad_signature": 1, "oversized": 1}
    assert health["dead_letters"][0]["reason"] == "900000 bytes" and "raw" not in health["dead_letters"][0]
    assert [gateway["gateway"] for gateway in health["gateways"]] == ["gw-north", "gw-west"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/alerts/none-such", 404, "no alert 'none-such'"),
        ("/api/pictures/sha256:" + "a" * 64 + ".jpg", 404, "may not have arrived"),
        ("/api/pictures/..%2F..%2Fetc%2Fpasswd.jpg", 404, ""),
        ("/api/pictures/sha256:" + "a" * 64, 404, "address is"),
        ("/api/particulates?alert=none-such", 404, "no alert"),
        ("/api/particulates?from=yesterday", 400, "2026-11-22T18:04:05.678Z"),
        ("/api/particulates?from=2026-11-01T00:00:00.000Z&to=2026-11-22T00:00:00.000Z", 400, "48 hours"),
        ("/api/particulates?from=2026-11-22T00:00:00.000Z&to=2026-11-22T00:00:00.000Z", 400, "before"),
        ("/no/such/page", 404, ""),
        ("/static/../app.py", 404, ""),
    ],
)
def test_what_is_not_there_is_said_in_words(console: str, path: str, status: int, words: str) -> None:
    code, detail = refused(console, path)
    assert code == status
    assert words in detail


def test_another_towns_things_are_not_shown(street: Any, console: str) -> None:
    street.add_alert("a1", [("roof-4", 0.62)])
    digest = get(console, "/api/alerts/a1")["pictures"][0]["digest"]
    with writing(street.engine) as connection:
        for table in (schema.alerts, schema.gateways, schema.telemetry, schema.footprint_versions):
            connection.execute(update(table).values(tenant="elsewhere"))
    assert get(console, "/api/alerts") == {"alerts": []}
    assert refused(console, "/api/alerts/a1")[0] == 404
    assert refused(console, f"/api/pictures/{digest}.jpg")[0] == 404
    town = get(console, "/api/town")
    assert town["rooftops"]["features"] == [] and town["gateways"] == []
    assert get(console, "/api/particulates")["series"] == []


def test_what_a_browser_may_do_is_said_on_every_answer(street: Any, console: str) -> None:
    for path in ("/", "/api/town", "/static/main.js"):
        with urllib.request.urlopen(console + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "'unsafe" not in policy and "http" not in policy
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_maplibre_travels_compressed_and_may_be_kept(console: str) -> None:
    page = urllib.request.urlopen(console + "/").read().decode()
    script = next(part for part in page.split('"') if part.endswith("maplibre-gl.js"))
    request = urllib.request.Request(console + script, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip" and len(body) < 400_000
    assert b"MapLibre GL JS" in gzip.decompress(body)[:200]


def test_the_stream_tells_a_change_at_the_next_look_at_the_store(street: Any, console: str) -> None:
    assert POLL_S <= 0.5, "a dispatcher sees a lead within a second"
    with urllib.request.urlopen(console + "/api/stream", timeout=60) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        with reading(street.engine) as connection:
            before = {row.subject: row.counter for row in connection.execute(select(schema.changes))}
        while next_change(stream) != before:  # the first may be what an earlier listener heard last
            pass
        street.add_alert("a1", [("roof-4", 0.62)], pictures=False)
        after = next_change(stream)
        while after["alerts"] == before["alerts"]:
            after = next_change(stream)
        assert after["alerts"] == before["alerts"] + 1


def next_change(stream: Any) -> dict[str, int]:
    for line in stream:
        if line.startswith(b"data: "):
            return json.loads(line[6:])
    raise AssertionError("the stream ended")
