"""Detections of two gateways → one alert a burning event, in the transaction that stores them."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.ingest.accept import Accepted, accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.schema import alert_detections, alert_versions, alerts, changes, detections
from smokesentry.clock import ClockState
from smokesentry.messages.records import ParticulateCue, encode_record

NOW = "2026-11-22T19:05:00.000Z"


@pytest.fixture
def cloud(engine, keys, town_text):
    """Takes messages in as the worker does, one transaction each."""

    class Cloud:
        def __init__(self) -> None:
            self.builder = AlertBuilder()
            with writing(engine) as connection:
                import_footprints(connection, "lab", "town.geojson", town_text(), NOW)

        def take(self, *messages, now=NOW):
            with writing(engine) as connection:
                writer = Writer(connection, now)
                for topic, raw in messages:
                    accepted = accept_batch(topic, raw, keys, frozenset({"lab"}))
                    assert isinstance(accepted, Accepted), accepted
                    assert not accepted.set_aside, accepted.set_aside
                    writer.add(accepted)
                outcome = writer.finish()
                self.builder.update(connection, outcome.detections, outcome.poses, now)
            return outcome

        def restart(self):
            self.builder = AlertBuilder()

        def alerts(self):
            with reading(engine) as connection:
                found = []
                for row in connection.execute(
                    select(alerts).order_by(alerts.c.raised_at, alerts.c.alert_id)
                ).mappings():
                    versions = connection.execute(
                        select(alert_versions)
                        .where(alert_versions.c.alert_id == row["alert_id"])
                        .order_by(alert_versions.c.version)
                    ).mappings()
                    members = connection.execute(
                        select(alert_detections.c.detection_id).where(alert_detections.c.alert_id == row["alert_id"])
                    ).scalars()
                    found.append({**row, "versions": [dict(v) for v in versions], "members": sorted(members)})
                return found

        def counter(self):
            with reading(engine) as connection:
                return connection.execute(select(changes.c.counter).where(changes.c.subject == "alerts")).scalar_one()

    return Cloud()


@pytest.fixture
def posed(cloud, east, south):
    cloud.take(east.batch("health", east.pose_notice()), south.batch("health", south.pose_notice()))
    return cloud


def test_two_gateways_that_see_one_roof_make_one_alert(posed, east, south, origin_of, houses):
    x, y = houses["r1c2"]
    posed.take(east.batch("detection", east.detection(1, origin_of(east, x + 1, y, 5.0))))
    posed.take(south.batch("detection", south.detection(1, origin_of(south, x + 1, y, 5.0), start_s=15)))
    (alert,) = posed.alerts()
    assert alert["state"] == "open"
    assert len(alert["members"]) == 2
    assert [v["reason"] for v in alert["versions"]] == ["raised", "joined"]
    newest = alert["versions"][-1]
    assert newest["candidates"][0]["rooftop"] == "r1c2"
    assert newest["candidates"][0]["probability"] > 0.8
    assert sum(c["probability"] for c in newest["candidates"]) + newest["elsewhere"] == pytest.approx(1, abs=1e-3)
    assert newest["confidence"] > alert["versions"][0]["confidence"]


def test_two_roofs_that_burn_at_once_are_two_alerts(posed, east, south, origin_of, houses):
    for number, (house, start) in enumerate((("r0c0", 0.0), ("r2c1", 5.0)), start=1):
        x, y = houses[house]
        for gateway in (east, south):
            posed.take(gateway.batch("detection", gateway.detection(number, origin_of(gateway, x, y, 5.0), start)))
    found = [alert for alert in posed.alerts() if alert["state"] == "open"]
    assert sorted(a["versions"][-1]["candidates"][0]["rooftop"] for a in found) == ["r0c0", "r2c1"]
    assert [len(a["members"]) for a in found] == [2, 2]


def _both(posed, east, south, origin_of, house, **changes):
    for n, gateway in enumerate((east, south)):
        posed.take(
            gateway.batch("detection", gateway.detection(1, origin_of(gateway, *house, 5.0), 15.0 * n, **changes))
        )


def test_an_alert_is_closed_when_every_plume_ended_and_reopened_when_one_returns(posed, east, south, origin_of, houses):
    house = houses["r0c1"]
    _both(posed, east, south, origin_of, house)
    for gateway, state in ((east, "open"), (south, "closed")):
        ended = gateway.detection(
            1, origin_of(gateway, *house, 5.0), revision=2, phase="end", last_seen_at=gateway.at(300)
        )
        posed.take(gateway.batch("detection", ended))
        assert posed.alerts()[0]["state"] == state
    again = east.detection(2, origin_of(east, *house, 5.0), start_s=700, last_seen_at=east.at(720))
    posed.take(east.batch("detection", again))
    (alert,) = posed.alerts()
    assert alert["state"] == "open"
    assert [v["reason"] for v in alert["versions"]] == ["raised", "joined", "closed", "reopened"]
    assert alert["last_at"] == east.at(720)


def test_smoke_that_begins_long_after_is_another_alert(posed, east, origin_of, houses):
    origin = origin_of(east, *houses["r0c1"], 5.0)
    posed.take(east.batch("detection", east.detection(1, origin, phase="end")))
    posed.take(east.batch("detection", east.detection(2, origin, start_s=3600, last_seen_at=east.at(3620))))
    assert [alert["state"] for alert in posed.alerts()] in (["closed", "open"], ["open", "closed"])


def test_a_plume_that_turns_out_to_be_steam_withdraws_its_alert_and_stays_to_be_seen(posed, east, origin_of, houses):
    origin = origin_of(east, *houses["r1c1"], 5.0)
    posed.take(east.batch("detection", east.detection(1, origin, plume_class="unresolved", confidence=0.6)))
    posed.take(east.batch("detection", east.detection(1, origin, plume_class="steam", confidence=0.9, revision=2)))
    (alert,) = posed.alerts()
    assert (alert["state"], alert["class"]) == ("withdrawn", "steam")
    assert [v["reason"] for v in alert["versions"]] == ["raised", "withdrawn"]
    assert alert["versions"][0]["candidates"]


def test_one_camera_that_sees_steam_does_not_withdraw_what_the_other_sees_as_smoke(
    posed, east, south, origin_of, houses
):
    house = houses["r1c1"]
    _both(posed, east, south, origin_of, house)
    surest = posed.alerts()[0]["confidence"]
    posed.take(
        east.batch("detection", east.detection(1, origin_of(east, *house, 5.0), plume_class="steam", revision=2))
    )
    (alert,) = posed.alerts()
    assert (alert["state"], alert["class"]) == ("open", "smoke")
    assert alert["confidence"] < surest


@pytest.mark.parametrize(("plume_class", "confidence"), [("steam", 0.99), ("fog", 0.9), ("unresolved", 0.2)])
def test_what_is_no_suspicion_raises_nothing(posed, east, origin_of, plume_class, confidence):
    posed.take(
        east.batch(
            "detection", east.detection(1, origin_of(east, 0, 0, 5), plume_class=plume_class, confidence=confidence)
        )
    )
    assert posed.alerts() == []


def test_detections_before_the_pose_make_an_alert_without_roofs_that_is_sharpened_and_joined_later(
    cloud, east, south, origin_of, houses
):
    _both(cloud, east, south, origin_of, houses["r2c0"])
    assert [alert["versions"][-1]["candidates"] for alert in cloud.alerts()] == [[], []]
    assert all(alert["versions"][-1]["elsewhere"] == 1.0 for alert in cloud.alerts())
    cloud.take(east.batch("health", east.pose_notice()))
    cloud.take(south.batch("health", south.pose_notice()))
    open_ones = [alert for alert in cloud.alerts() if alert["state"] == "open"]
    assert len(open_ones) == 1
    assert len(open_ones[0]["members"]) == 2
    assert open_ones[0]["versions"][-1]["candidates"][0]["rooftop"] == "r2c0"
    (merged,) = [alert for alert in cloud.alerts() if alert["state"] == "withdrawn"]
    assert merged["versions"][-1]["reason"] == "merged"
    assert merged["members"] == []


def test_the_same_messages_again_and_a_restart_change_nothing(posed, east, south, origin_of, houses):
    messages = [
        gateway.batch("detection", gateway.detection(1, origin_of(gateway, *houses["r1c0"], 5.0)))
        for gateway in (east, south)
    ]
    posed.take(*messages)
    before, counter = posed.alerts(), posed.counter()
    posed.restart()
    outcome = posed.take(*messages, *messages)
    assert (outcome.stored, outcome.duplicates) == (0, 4)
    assert (posed.alerts(), posed.counter()) == (before, counter)


def test_order_of_arrival_does_not_change_which_roofs_burn(posed, east, south, origin_of, houses):
    late = [
        gateway.batch("detection", gateway.detection(n, origin_of(gateway, *houses[house], 5.0), 10.0 * n))
        for gateway in (south, east)
        for n, house in ((2, "r0c2"), (1, "r2c0"))
    ]
    for message in late:
        posed.take(message)
    found = [alert for alert in posed.alerts() if alert["state"] == "open"]
    assert sorted(alert["versions"][-1]["candidates"][0]["rooftop"] for alert in found) == ["r0c2", "r2c0"]


def test_a_later_revision_with_a_better_origin_sharpens(posed, east, origin_of, houses):
    x, y = houses["r0c0"]
    posed.take(east.batch("detection", east.detection(1, origin_of(east, x, y + 8, 5.0), origin_sigma_px=(40.0, 40.0))))
    posed.take(east.batch("detection", east.detection(1, origin_of(east, x, y, 5.0), revision=2)))
    versions = posed.alerts()[0]["versions"]
    assert [v["reason"] for v in versions] == ["raised", "sharper"]
    assert versions[-1]["candidates"][0]["probability"] > versions[0]["candidates"][0]["probability"]


def test_an_older_revision_that_comes_late_is_kept_but_changes_nothing(posed, east, origin_of):
    new = east.batch("detection", east.detection(1, origin_of(east, 0, 0, 5.0), revision=3, confidence=0.9))
    old = east.batch("detection", east.detection(1, origin_of(east, 0, 0, 5.0), revision=2, confidence=0.4))
    posed.take(new)
    before = posed.alerts()
    assert posed.take(old).stored == 1
    assert posed.alerts() == before


def test_particulates_downwind_raise_the_confidence_and_name_no_roof(posed, east, origin_of, houses):
    origin = origin_of(east, *houses["r1c1"], 5.0)
    cue = ParticulateCue(sensor="pm-1", rise_ug_m3=22.0, background_ug_m3=40.0, at=east.at(0))
    posed.take(east.batch("detection", east.detection(1, origin)))
    plain = posed.alerts()[0]["versions"][-1]
    # The camera stands east-south-east of the roof: wind from the west-north-west carries smoke to it.
    towards = (east.pose.heading_deg + 180 + 180) % 360
    posed.take(
        east.batch("detection", east.detection(1, origin, revision=2, particulates=[cue], wind_from_deg=towards))
    )
    with_wind = posed.alerts()[0]["versions"][-1]
    assert with_wind["confidence"] > plain["confidence"]
    assert with_wind["candidates"] == plain["candidates"]
    assert "particulates" in [factor["factor"] for factor in with_wind["factors"]]
    posed.take(
        east.batch(
            "detection", east.detection(1, origin, revision=3, particulates=[cue], wind_from_deg=(towards + 90) % 360)
        )
    )
    assert posed.alerts()[0]["versions"][-1]["confidence"] == plain["confidence"]


def test_a_picture_of_another_shape_than_the_pose_cannot_name_a_roof(posed, east):
    posed.take(east.batch("detection", east.detection(1, (300.0, 200.0), frame_size=(640, 480))))
    (alert,) = posed.alerts()
    assert alert["versions"][-1]["candidates"] == []


def test_a_smaller_picture_of_the_same_shape_is_scaled(posed, east, origin_of, houses):
    x, y = origin_of(east, *houses["r1c1"], 5.0)
    small = east.detection(1, (x / 2, y / 2), frame_size=(640, 360), origin_sigma_px=(3.0, 3.0))
    posed.take(east.batch("detection", small))
    assert posed.alerts()[0]["versions"][-1]["candidates"][0]["rooftop"] == "r1c1"


def test_the_counter_rises_with_every_change_and_marks_the_alert(posed, east, origin_of):
    posed.take(east.batch("detection", east.detection(1, origin_of(east, 0, 0, 5.0))))
    first = posed.counter()
    assert posed.alerts()[0]["changed"] == first
    posed.take(east.batch("detection", east.detection(1, origin_of(east, 0, 0, 5.0), revision=2, phase="end")))
    assert posed.alerts()[0]["changed"] == posed.counter() == first + 1


def test_a_detection_that_returns_from_another_alert_finds_its_own_again(posed, east, south, origin_of, houses):
    """South's first guess is the wrong house: an alert of its own. Then it fits, then it does not any more."""
    right, wrong = houses["r1c1"], houses["r0c2"]
    posed.take(east.batch("detection", east.detection(1, origin_of(east, *right, 5.0))))
    for revision, (house, start) in enumerate(((wrong, 400.0), (right, 0.0), (wrong, 400.0)), start=1):
        x, y = origin_of(south, *house, 5.0)
        shift = 0.0 if house is right else -220.0
        claim = south.detection(1, (x, y + shift), start, revision=revision, last_seen_at=south.at(500))
        posed.take(south.batch("detection", claim))
    found = {tuple(alert["members"]): alert for alert in posed.alerts()}
    (own,) = [alert for members, alert in found.items() if members and "gw-south" in members[0]]
    assert [v["reason"] for v in own["versions"]] == ["raised", "merged", "reopened"]
    assert own["state"] == "open"


def test_a_camera_gone_wild_is_bounded_and_stops_nobody(posed, east, south, origin_of, houses, monkeypatch):
    monkeypatch.setattr("cloud_ingest.geotag.alerts._MAX_NEIGHBOURS", 12)
    monkeypatch.setattr("cloud_ingest.geotag.alert_rows._AT_ONCE", 7)
    many = [east.detection(n, (40.0 * n, 350.0 + n)) for n in range(1, 31)]
    outcome = posed.take(east.batch("detection", *many))
    assert outcome.stored == 30
    assert sum(len(alert["members"]) for alert in posed.alerts()) == 12
    posed.take(south.batch("detection", south.detection(1, origin_of(south, *houses["r1c1"], 5.0), start_s=2000)))
    assert any("gw-south" in member for alert in posed.alerts() for member in alert["members"])


def test_an_alert_of_which_nothing_is_heard_is_closed_and_reopened_by_a_later_word(posed, engine, east, origin_of):
    origin = origin_of(east, 0, 0, 5.0)
    posed.take(east.batch("detection", east.detection(1, origin)))
    for after_s, reasons in ((3000, ["raised"]), (4000, ["raised", "closed"]), (9000, ["raised", "closed"])):
        with writing(engine) as connection:
            posed.builder.close_silent(connection, east.at(after_s))
        assert [v["reason"] for v in posed.alerts()[0]["versions"]] == reasons
    assert posed.alerts()[0]["state"] == "closed"
    assert posed.alerts()[0]["changed"] == posed.counter()
    assert "hour" in posed.alerts()[0]["versions"][-1]["reason_text"]
    posed.take(east.batch("detection", east.detection(1, origin, revision=2, last_seen_at=east.at(9100))))
    assert posed.alerts()[0]["state"] == "open"
    assert posed.alerts()[0]["versions"][-1]["reason"] == "reopened"


@pytest.mark.parametrize("gateway_h", [-2, 8])
def test_silence_is_of_the_clouds_clock_however_far_off_the_gateways_is(posed, engine, east, origin_of, gateway_h):
    origin = origin_of(east, 0, 0, 5.0)

    def close_silent(after_s):
        with writing(engine) as connection:
            posed.builder.close_silent(connection, east.at(after_s))
        return [v["reason"] for v in posed.alerts()[0]["versions"]]

    for revision, after_s in enumerate((0.0, 60.0, 120.0), start=1):
        its_s = after_s + gateway_h * 3600
        claim = east.detection(1, origin, gateway_h * 3600, revision=revision, last_seen_at=east.at(its_s))
        posed.take(east.batch("detection", claim, at_s=its_s), now=east.at(after_s))
        assert close_silent(after_s + 30) == ["raised"]
    assert close_silent(120 + 3599) == ["raised"]
    assert close_silent(120 + 3601) == ["raised", "closed"]


def _spoil_cue(engine, detection_id):
    """As a release stored it that did not look at the cue's date."""
    with writing(engine) as connection:
        this = detections.c.detection_id == detection_id
        body = connection.execute(select(detections.c.body).where(this)).scalar_one()
        body["particulates"][0]["at"] = "2026-11-31T19:00:00.000Z"
        connection.execute(update(detections).where(this).values(body=body))


def test_a_detection_that_cannot_be_judged_keeps_no_other_alert_back(posed, engine, east, south, origin_of, houses):
    cue = ParticulateCue(sensor="pm-1", rise_ug_m3=9.0, background_ug_m3=20.0, at=east.at(0))
    bad = east.detection(1, origin_of(east, *houses["r2c2"], 5.0), particulates=[cue])
    posed.take(east.batch("detection", bad))
    _spoil_cue(engine, bad.detection_id)
    good = [south.detection(n, origin_of(south, *houses["r0c0"], 5.0), 7200.0 * n) for n in (1, 2, 3)]
    posed.take(east.batch("health", east.pose_notice()), south.batch("detection", *good))
    assert sorted(alert["members"] for alert in posed.alerts()) == sorted([[one.detection_id] for one in (bad, *good)])
    posed.take(east.batch("telemetry", *[east.telemetry(60.0 * minute) for minute in range(5)]))
    for look_after in (posed.builder.weigh_again, posed.builder.close_silent):
        with writing(engine) as connection:
            look_after(connection, east.at(86400))
    assert {alert["state"] for alert in posed.alerts()} == {"closed"}


def test_an_impossible_cue_is_set_aside_and_its_neighbour_makes_its_alert(posed, engine, keys, poison, east, south):
    with writing(engine) as connection:
        writer = Writer(connection, NOW)
        good = south.batch("detection", south.detection(1, (600.0, 300.0), phase="end"))
        for message in (poison(east)["invalid_record 7"], good):
            writer.add(accept_batch(*message, keys, frozenset({"lab"})))
        outcome = writer.finish()
        posed.builder.update(connection, outcome.detections, outcome.poses, NOW)
    assert (outcome.stored, outcome.set_aside) == (1, 1)
    assert [alert["state"] for alert in posed.alerts()] == ["closed"]


def test_a_start_of_a_clock_set_since_swallows_no_fire_of_another_night(posed, rows, east, south, origin_of, houses):
    """East boots with a clock three days behind; it is set while the plume lasts, and the start is told again as it
    was. Two nights ago another fire burned under the same roof."""
    day = 86400.0
    east_origin, south_origin = (origin_of(gateway, *houses["r1c2"], 5.0) for gateway in (east, south))
    posed.take(
        south.batch("detection", south.detection(1, south_origin, -2 * day, phase="end"), at_s=-2 * day),
        now=south.at(-2 * day + 60),
    )
    first = east.detection(1, east_origin, -3 * day)
    unset = east.record("detection", first, -3 * day, clock=ClockState("none", "unsynchronised", None))
    posed.take(east.sealed("detection", [encode_record(unset)]), now=east.at(25))
    for revision, seen_s in ((2, 80.0), (3, 110.0)):
        again = east.detection(
            1, east_origin, -3 * day, revision=revision, last_seen_at=east.at(seen_s), visible_s=seen_s
        )
        posed.take(east.batch("detection", again, at_s=seen_s), now=east.at(seen_s + 5))
        assert {row["gateway"]: row["time_mark"] for row in rows(detections)}["gw-east"] == "unsynchronised"
    old, tonight = sorted(posed.alerts(), key=lambda alert: alert["first_at"])
    assert (old["state"], old["first_at"]) == ("closed", south.at(-2 * day))
    assert (tonight["state"], tonight["first_at"]) == ("open", east.at(0))

    posed.take(south.batch("detection", south.detection(2, south_origin, 15.0, last_seen_at=south.at(110))))
    assert [len(alert["members"]) for alert in posed.alerts()] == [1, 2]

    mended = east.detection(1, east_origin, 0.0, revision=4, last_seen_at=east.at(140), visible_s=140.0)
    posed.take(east.batch("detection", mended, at_s=140.0))
    assert {row["time_mark"] for row in rows(detections)} == {None}
