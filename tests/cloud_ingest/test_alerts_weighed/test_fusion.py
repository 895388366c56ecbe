"""Alerts in the store with what is known beside the pictures; and what arrives late, twice, or in another order."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from sqlalchemy import select

from cloud_ingest.geotag.alert_rows import turns
from cloud_ingest.places.table import PlaceError
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.registers import current_register, load_register, unknown_rooftops
from cloud_ingest.store.schema import changes, roof_nights
from smokesentry.clock import from_wire, to_wire
from smokesentry.messages import records as wire

NOW = "2026-11-22T19:05:00.000Z"


def factors(version, word):
    return [factor for factor in version["factors"] if factor["factor"] == word]


def odds(version, rooftop):
    p = next((c["probability"] for c in version["candidates"] if c["rooftop"] == rooftop), 0.004)
    return p / (1 - p)


def test_a_register_shifts_its_roofs_lists_why_and_is_what_held_at_the_time(cloud, east, origin_of, houses):
    origin = origin_of(east, *houses["r1c1"], 5.0)
    cloud.take(east.batch("detection", east.detection(1, origin, origin_sigma_px=(30.0, 30.0))))
    (plain,) = cloud.newest()
    assert plain["register_version"] is None
    second = plain["candidates"][1]["rooftop"]
    cloud.register([f"coal_use,{second},2026-01-01,,coal", "gas,r1c1,2026-11-24,,", "gas,r0c0,2020-01-01,2026-01-01,"])
    cloud.take(east.batch("detection", east.detection(1, origin, revision=2, origin_sigma_px=(30.0, 30.0))))
    (shifted,) = cloud.newest()
    assert 2 < odds(shifted, second) / odds(plain, second) < 3.3
    (why,) = factors(shifted, "register")
    assert (why["rooftop"], why["about"]) == (second, "rooftop")
    assert why["before"] < why["after"]
    assert shifted["register_version"] == 1
    assert sum(c["probability"] for c in shifted["candidates"]) + shifted["elsewhere"] == pytest.approx(1, abs=1e-3)
    assert shifted["coal"]["estimate"] is not None and plain["coal"]["estimate"] is None
    assert shifted["region"]["type"] == "Feature"


def test_an_import_is_whole_or_not_at_all_and_the_same_again_changes_nothing(cloud, engine):
    first = cloud.register(["gas,r1c1,2026-01-01,,", "burning_found,nowhere,2026-02-03,,wood"])
    assert cloud.register(["gas,r1c1,2026-01-01,,", "burning_found,nowhere,2026-02-03,,wood"]).version == first.version
    with pytest.raises(PlaceError, match="row 3: from_day"):
        cloud.register(["gas,r1c2,2026-01-01,,", "gas,r1c2,tomorrow,,"])
    with reading(engine) as connection:
        assert current_register(connection, "lab") == first.version
        assert current_register(connection, "elsewhere") is None
        held = load_register(connection, first.version)
        assert list(held.entries) == list(first.entries)
        assert [entry.rooftop for entry in unknown_rooftops(connection, "lab", held)] == ["nowhere"]


def test_earlier_nights_count_by_geometry_and_withdrawn_ones_do_not(cloud, engine, east, south, origin_of, houses):
    def night(number, days, origin, gateway, **changes):
        gateway.night = from_wire("2026-11-22T12:00:00.000Z") + timedelta(days=days)
        cloud.take(gateway.batch("detection", gateway.detection(number, origin, **changes)), now=gateway.at(60))

    target = houses["r1c1"]
    wide = {"origin_sigma_px": (30.0, 30.0)}
    night(1, -20, origin_of(east, *target, 5.0), east, **wide)
    plain = cloud.newest()[-1]
    night(1, -3, origin_of(south, *target, 5.0), south)
    night(2, -2, origin_of(south, *target, 5.0), south)
    night(2, 0, origin_of(east, *target, 5.0), east, **wide)
    after = cloud.newest()[-1]
    (repeat,) = [factor for factor in factors(after, "repeat") if factor["rooftop"] == "r1c1"]
    assert repeat["weight"] > 0.4
    assert odds(after, "r1c1") > 1.3 * odds(plain, "r1c1")
    with reading(engine) as connection:
        stored = connection.execute(
            select(roof_nights.c.probability).where(roof_nights.c.rooftop == "r1c1").order_by(roof_nights.c.first_at)
        ).scalars().all()  # fmt: skip
    assert stored[-1] == pytest.approx(stored[0], abs=0.01)  # history does not feed on itself
    for number, days in ((1, -3), (2, -2)):
        night(number, days, origin_of(south, *target, 5.0), south, revision=2, plume_class="steam")
    night(2, 0, origin_of(east, *target, 5.0), east, revision=2, confidence=0.9, **wide)
    assert not factors(cloud.newest()[-1], "repeat")  # what is left is the same camera's own night, three weeks ago


def test_a_boilers_rhythm_makes_it_unresolved_where_steam_can_be_told(cloud, east, origin_of, houses):
    origin = origin_of(east, *houses["r1c1"], 5.0)
    cloud.register(["gas,r1c1,2025-10-01,,"])
    for number in range(1, 13):
        start = 660.0 * number
        for revision, phase in ((1, "start"), (2, "end")):
            claim = east.detection(
                number, origin, start, revision=revision, phase=phase, last_seen_at=east.at(start + 240),
                temp_c=3.0, rh_percent=50.0,
            )  # fmt: skip
            cloud.take(east.batch("detection", claim))
    found = cloud.newest()
    last = found[-1]
    assert last["class"] == "unresolved"
    assert last["confidence"] < 0.4
    (cycle,) = factors(last, "cycling")
    assert cycle["after"] < cycle["before"]
    assert factors(last, "gas_heating")
    assert all(alert["state"] != "withdrawn" for alert in found)  # nothing is taken away without a trace


def test_telemetry_that_comes_after_the_alert_is_weighed(cloud, east, south, origin_of, houses):
    """The way of an outage: detections first, the air hours later; a closed alert stays closed."""
    claim = east.detection(1, origin_of(east, *houses["r1c1"], 5.0), phase="end", last_seen_at=east.at(1500))
    cloud.take(east.batch("detection", claim))
    before = cloud.newest()[0]
    assert not factors(before, "particulates")
    noise = np.random.default_rng(3).normal(0, 0.5, 90)
    towards = (east.pose.heading_deg + 360) % 360
    for n in range(-30, 40):
        risen = 25.0 if 2 <= n < 25 else 0.0
        values = {"wind_speed_m_s": 1.5, "wind_from_deg": towards}
        body = east.telemetry(60.0 * n, pm25=40 + float(noise[n + 30]) + risen)
        extra = {name: wire.Aggregate(mean=v, low=v, high=v, count=6) for name, v in values.items()}
        cloud.take(east.batch("telemetry", wire.Telemetry(
            sensor=body.sensor, model=body.model, from_at=body.from_at, to_at=body.to_at, readings=6,
            values=dict(body.values) | extra,
        )))  # fmt: skip
    cloud.weigh_again(now=east.at(7200))
    after = cloud.newest()[0]
    (rise,) = factors(after, "particulates")
    assert rise["weight"] > 0.2
    assert after["confidence"] > before["confidence"]
    assert after["state"] == "closed"
    count = len(cloud.versions(after["alert_id"]))
    with reading(cloud.engine) as connection:
        counters = select(changes.c.subject, changes.c.counter).where(changes.c.subject == "alerts")
        before = connection.execute(counters).all()
    cloud.take(east.batch("telemetry", east.telemetry(60.0, pm25=65.0)))
    cloud.weigh_again(now=east.at(7260))
    assert len(cloud.versions(after["alert_id"])) == count
    with reading(cloud.engine) as connection:
        assert connection.execute(counters).all() == before  # nothing new: nobody need look


def test_what_one_round_cannot_weigh_waits_for_the_next(cloud, east, origin_of, houses):
    """101 alerts when the air of an outage comes: each gets its turn, also when more air for all of them comes in."""
    old = east.detection(1, origin_of(east, *houses["r1c1"], 5.0))
    newer = [east.detection(10 + n, (100.0 + n, 500.0), start_s=90_000 + 2000 * n) for n in range(100)]
    late = to_wire(east.night + timedelta(days=5))
    for start in range(0, len(newer), 20):
        cloud.take(east.batch("detection", *newer[start : start + 20]), now=late)
    cloud.take(east.batch("detection", old), now=late)
    assert len(cloud.newest()) == 101
    wind = {"wind_speed_m_s": 1.5, "wind_from_deg": (east.pose.heading_deg + 360) % 360}
    extra = {name: wire.Aggregate(mean=v, low=v, high=v, count=10) for name, v in wind.items()}
    bodies = [east.telemetry(60.0 * n, pm25=40.0 if n < 3 else 90.0) for n in range(-30, 40)]
    risen = [msgspec.structs.replace(body, values=dict(body.values) | extra) for body in bodies]
    for_all = [east.telemetry(0.0), east.telemetry(290_000.0)]
    cloud.take(east.batch("telemetry", *risen, *for_all), now=late)
    cloud.weigh_again(now=late)
    assert not factors(cloud.newest()[0], "particulates"), "the newest go first"
    cloud.take(east.batch("telemetry", *for_all), now=late)
    cloud.weigh_again(now=late)
    assert factors(cloud.newest()[0], "particulates")


def test_everyone_gets_a_turn_and_the_queue_is_bounded():
    """Four a turn: the new do not hold up those that waited, nor do these hold up the newest."""
    old, new = [f"o{n}" for n in range(6)], [f"n{n}" for n in range(6)]
    turn, rest = turns([], [*new, *old], 4, 20)
    assert (turn, rest) == (new[:4], [*new[4:], *old])
    assert turns(rest, [], 4, 20) == ([*new[4:], *old[:2]], old[2:])
    assert turns(old, [*new, *old], 4, 20) == ([*old[:2], *new[:2]], [*old[2:], *new[2:]])
    assert turns(old, [*new, *old], 4, 5) == ([*old[:2], *new[:2]], [*old[2:], new[2]])
    assert turns([], [], 4, 20) == ([], [])


def test_a_rise_that_lasts_counts_as_long_as_it_lasts(cloud, east, origin_of, houses):
    """Each revision carries the rise as it is then, also half an hour after the fire was lit."""
    origin = origin_of(east, *houses["r1c1"], 5.0)
    towards = (east.pose.heading_deg + 360) % 360
    weights = []
    for revision, after_s in ((1, 60), (2, 1800)):
        cue = wire.ParticulateCue(sensor="pm-1", rise_ug_m3=22.0, background_ug_m3=40.0, at=east.at(after_s))
        claim = east.detection(
            1, origin, revision=revision, last_seen_at=east.at(after_s), particulates=[cue], wind_from_deg=towards,
            wind_speed_m_s=1.5,
        )  # fmt: skip
        cloud.take(east.batch("detection", claim))
        weights += [factor["weight"] for factor in factors(cloud.newest()[0], "particulates")]
    assert len(weights) == 2
    assert weights[0] == weights[1] > 0.2


def test_an_alert_that_was_closed_by_silence_is_not_opened_by_air_or_pose(cloud, engine, east, origin_of):
    cloud.take(east.batch("detection", east.detection(1, origin_of(east, 0, 0, 5.0))))
    with writing(engine) as connection:
        cloud.builder.close_silent(connection, east.at(5000))
    cloud.take(east.batch("telemetry", east.telemetry(60.0)))
    cloud.weigh_again(now=east.at(5100))
    cloud.take(east.batch("health", east.pose_notice()), now=east.at(5200))
    assert cloud.newest()[0]["state"] == "closed"


def test_a_detection_that_ended_and_comes_back_under_its_id_reopens_its_alert(cloud, east, origin_of):
    """A gateway restarts within an event: the same id goes on after an end was told."""
    origin = origin_of(east, 0, 0, 5.0)
    for revision, phase, last in ((1, "start", 20), (2, "end", 300), (3, "update", 400), (4, "end", 500)):
        claim = east.detection(1, origin, revision=revision, phase=phase, last_seen_at=east.at(last))
        cloud.take(east.batch("detection", claim))
    (alert,) = cloud.newest()
    assert [version["reason"] for version in cloud.versions(alert["alert_id"])] == [
        "raised", "closed", "reopened", "closed",
    ]  # fmt: skip


def test_days_after_an_outage_alerts_are_built_at_their_own_time_and_placed_by_a_late_pose(
    fresh_cloud, east, origin_of, houses
):
    cloud = fresh_cloud
    late = to_wire(east.night + timedelta(days=6))
    cloud.take(east.batch("detection", east.detection(1, origin_of(east, *houses["r0c1"], 5.0))), now=late)
    (alert,) = cloud.newest()
    assert (alert["first_at"], alert["made_at"], alert["candidates"]) == (east.at(0), late, [])
    cloud.take(east.batch("health", east.pose_notice()), now=late)
    (alert,) = cloud.newest()
    assert alert["candidates"][0]["rooftop"] == "r0c1"


def _life(gateway, number, origin, start_s):
    """One detection's messages in the order in which a gateway sends them."""
    found = []
    for revision, (phase, last) in enumerate((("start", 20), ("update", 200), ("end", 600)), start=1):
        claim = gateway.detection(
            number, origin, start_s, revision=revision, phase=phase, last_seen_at=gateway.at(start_s + last)
        )
        found.append(gateway.batch("detection", claim))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_changes_neither_members_nor_roofs(cloud, east, south, origin_of, houses, seed):
    """Three fires, two cameras; what one gateway says of one plume stays in order, all else is shuffled."""
    rng = np.random.default_rng(seed)
    fires = (("r0c0", 0.0), ("r2c1", 40.0), ("r1c2", 4000.0))
    lives = [
        _life(gateway, number, origin_of(gateway, *houses[house], 5.0), start)
        for number, (house, start) in enumerate(fires, start=1)
        for gateway in (east, south)
    ]
    seen: dict[str, list[int]] = {}
    while any(lives):
        life = lives[int(rng.integers(len(lives)))]
        if not life:
            continue
        cloud.take(life.pop(0))
        for alert in cloud.newest():  # versions only rise by one, and no alert goes away
            numbers = [version["version"] for version in cloud.versions(alert["alert_id"])]
            assert numbers == list(range(1, len(numbers) + 1))
            assert numbers[: len(seen.get(alert["alert_id"], []))] == seen.get(alert["alert_id"], [])
            seen[alert["alert_id"]] = numbers
        assert seen.keys() == {alert["alert_id"] for alert in cloud.newest()}
    final = {tuple(alert["members"]): alert["candidates"][0]["rooftop"] for alert in cloud.newest() if alert["members"]}
    assert final == {
        tuple(f"{gateway.name}/cam/{number:016x}" for gateway in (east, south)): house
        for number, (house, _) in enumerate(fires, start=1)
    }
    assert {alert["state"] for alert in cloud.newest()} <= {"closed", "withdrawn"}
    for alert in cloud.newest():
        made = cloud.versions(alert["alert_id"])
        assert all(a["made_at"] <= b["made_at"] for a, b in pairwise(made))
        assert all(version["reason"] and version["reason_text"] for version in made)
