"""Dead letters: bounded, counted when they go, chosen by cause, and taken in after a fix, once."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from cloud_ingest.ingest import letters
from cloud_ingest.ingest.accept import dead_letter
from cloud_ingest.ingest.letters import Choice
from cloud_ingest.ingest.replay import replay
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.schema import alerts, dead_letters, detections, telemetry
from cloud_ingest.store.telemetry_schema import letters_kept
from smokesentry.messages import records as wire

NOW = "2026-11-22T19:05:00.000Z"
TOWNS = frozenset({"lab"})
ALL = Choice()


def _kept(engine):
    with reading(engine) as connection:
        return {row.kind: (row.letters, row.bytes) for row in connection.execute(select(letters_kept))}


def test_what_had_to_go_is_counted_by_cause_and_the_oldest_went(engine, monkeypatch):
    monkeypatch.setattr(letters, "MAX_ROWS", 20)
    for number in range(30):
        cause = "malformed" if number < 10 else "bad_topic"
        with writing(engine) as connection:
            letters.keep_letters(connection, [dead_letter("t", b"%02d" % number, cause, "r", None)], NOW)
    with reading(engine) as connection:
        found = letters.tallies(connection)
        newest = letters.list_letters(connection, 100)
    assert found["malformed"]["gone"] + found["malformed"]["kept"] == 10
    assert found["bad_topic"]["gone"] + found["bad_topic"]["kept"] == 20
    assert len(newest) <= 20
    assert found["malformed"]["kept"] == 0 or found["bad_topic"]["gone"] == 0
    assert _kept(engine)["unsigned"] == (len(newest), 2 * len(newest))


def test_letters_are_chosen_by_cause_and_gateway(engine):
    with writing(engine) as connection:
        some = [dead_letter("t", b"x", "malformed", "r", None), dead_letter("t", b"x", "invalid_batch", "r", "gw-east")]
        letters.keep_letters(connection, some, NOW)
    with reading(engine) as connection:
        assert [one["cause"] for one in letters.list_letters(connection, 9, Choice(cause="malformed"))] == ["malformed"]
        assert [one["gateway"] for one in letters.list_letters(connection, 9, Choice(gateway="gw-east"))] == ["gw-east"]
        assert letters.list_letters(connection, 9, Choice("malformed", "gw-east")) == []


def test_a_message_of_a_gateway_that_was_enrolled_too_late_is_taken_in_once(engine, take, number_of, east, keys):
    late, held = east.batch("telemetry", east.telemetry(0), east.telemetry(10)), dict(keys.holders)
    keys.holders.clear()
    take(late, (late[0], b"junk"))
    assert replay(engine, keys, TOWNS, ALL, NOW).refused == 2
    keys.holders.update(held)
    result = replay(engine, keys, TOWNS, Choice(cause="unknown_key"), NOW)
    assert (result.taken, result.records, result.refused) == (1, 2, 0)
    assert (number_of(telemetry), number_of(dead_letters)) == (2, 1)
    assert replay(engine, keys, TOWNS, Choice(cause="unknown_key"), NOW).taken == 0
    take(late)  # the gateway, which was never told that it is held, sends it again
    assert number_of(telemetry) == 2
    assert _kept(engine) == {"unsigned": (1, 4), "signed": (0, 0)}


def test_a_record_that_an_older_release_refused_is_put_back_and_makes_its_alert(
    engine, take, number_of, east, keys, monkeypatch, origin_of
):
    """An older release that does not know phase `start` sets the record aside; this one puts it where it belongs."""
    take(east.batch("health", east.pose_notice()))
    good = wire.encode_record(east.record("detection", east.detection(1, origin_of(east, 0.0, 0.0, 5.0))))
    real = wire.decode_record

    def older(raw):
        import msgspec

        raise msgspec.ValidationError("Invalid enum value 'start'")

    with monkeypatch.context() as patch:
        patch.setattr(wire, "decode_record", older)
        patch.setattr("cloud_ingest.ingest.accept._batch_decoder", type("Older", (), {"decode": staticmethod(older)}))
        outcome = take(east.sealed("detection", [good]))
    assert wire.decode_record is real
    assert [(key[2], progress.contiguous) for key, progress in outcome.acks.items()] == [("detection", 1)]
    assert (number_of(detections), number_of(dead_letters)) == (0, 1)
    result = replay(engine, keys, TOWNS, ALL, NOW)
    assert (result.taken, result.records) == (1, 1)
    assert (number_of(detections), number_of(alerts), number_of(dead_letters)) == (1, 1, 0)
    assert replay(engine, keys, TOWNS, ALL, NOW).taken == 0


def test_what_is_still_wrong_or_cut_stays_and_is_said(engine, take, number_of, east, keys):
    record = json.loads(wire.encode_record(east.record("telemetry", east.telemetry(0))))
    record["body"]["readings"] = -1
    take(east.sealed("telemetry", [json.dumps(record).encode()]), (east.address.up("telemetry"), b"j" * 100_000))
    result = replay(engine, keys, TOWNS, ALL, NOW)
    assert (result.taken, result.refused, result.cut) == (0, 1, 1)
    assert number_of(dead_letters) == 2


def test_a_letter_of_a_stranger_is_not_taken_in_by_a_replay(engine, take, number_of, east, keys):
    stranger, own = Ed25519PrivateKey.generate(), east.key
    east.key = stranger
    message = east.batch("telemetry", east.telemetry(0))
    east.key = own
    take(message)
    assert replay(engine, keys, TOWNS, ALL, NOW).refused == 1
    assert number_of(telemetry) == 0
