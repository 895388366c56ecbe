"""The register's file and what it says of a roof at a moment."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.history import MOST, Night, repeat_factor
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.prior import reweighed
from cloud_ingest.geotag.register import KINDS, Circle, Entry, Register, night_of, roof_factors
from cloud_ingest.geotag.register_file import RegisterError, decoded, read_register

ZONE = ZoneInfo("Asia/Shanghai")
TONIGHT = datetime(2026, 11, 22, 19, 30, tzinfo=ZONE)


def entry(kind, from_day=date(2026, 10, 1), **changes):
    return Entry(2, kind, from_day, **{"rooftop": "r1", **changes})


def test_a_file_in_chinese_or_english_says_the_same():
    english = (
        "kind,rooftop,from_day,to_day,fuel,note\ngas,r1,2025-10-01,2026-12-31,,phase 2\ncoal_use,r2,2025-10-01,,coal,\n"
    )
    chinese = (
        "类型,屋顶,开始日期,结束日期,燃料,备注\n"
        "煤改气,r1,2025/10/1,2026.12.31,,phase 2\n"
        "散煤使用点,r2,2025-10-01,,散煤,\n"
    )
    assert read_register(english) == read_register(chinese)
    assert read_register(decoded(chinese.encode("gb18030"))) == read_register(decoded(chinese.encode("utf-8-sig")))
    first, second = read_register(english)
    assert (first.kind, first.rooftop, first.to_day, first.note) == ("gas", "r1", date(2026, 12, 31), "phase 2")
    assert (second.row, second.fuel, second.to_day) == (3, "coal", None)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("gass,r1,2026-10-01,,,,,,", "row 2, column kind: 'gass': expected one of coal_use"),
        ("gas,r1,10-01,,,,,,", "row 2, column from_day: '10-01': expected a day"),
        ("gas,r1,2026-02-30,,,,,,", "row 2, column from_day"),
        (
            "gas,r1,2026-10-01,2026-09-01,,,,,",
            "row 2, column to_day: '2026-09-01': expected a day not before 2026-10-01",
        ),
        ("gas,,2026-10-01,,,,,,", "row 2, column rooftop: '': expected a rooftop's id"),
        ("burial_place,,2026-10-01,,,,,,", "needs a place"),
        ("burial_place,,2026-10-01,,38.0,,,,", "row 2, column lon"),
        ("burial_place,r1,2026-10-01,,38,114,50,,", "either a rooftop or"),
        ("burial_place,,2026-10-01,,138,114,50,,", "row 2, column lat: '138': expected a number from -90 to 90"),
        ("burial_place,,2026-10-01,,38,nan,50,,", "row 2, column lon"),
        ("fireworks,,2027-02-05,2027-02-06,,,,18:00,", "row 2, column to_time: '': expected both times or none"),
        ("fireworks,,2027-02-05,2027-02-06,,,,18:00,25:00", "row 2, column to_time"),
        ("fireworks,,2027-02-05,2027-02-06,,,,8pm,24:00", "row 2, column from_time"),
        ("gas,r1,2026-10-01,,,,,18:00,22:00", "row 2, column from_time: '18:00': expected no times"),
        ("gas,r1,2026-10-01,,,,,,,more,cells", "11 cells under 9 columns"),
        ('gas,"r1,2026-10-01', "row"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(line, says):
    head = "kind,rooftop,from_day,to_day,lat,lon,radius_m,from_time,to_time"
    with pytest.raises(RegisterError, match="row") as refused:
        read_register(f"{head}\n{line}\n")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column 'kind' (类型) is missing"),
        ("kind,from_day,colour\n", "column 'colour' is not known"),
        ("kind,kind,from_day\n", "twice"),
        ("PK\x03\x04\0\0", "save the sheet as CSV"),
    ],
)
def test_a_file_that_is_no_register_is_refused_in_words(text, says):
    with pytest.raises(RegisterError) as refused:
        read_register(text)
    assert says in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from([*KINDS, "2026-01-01", "x", "", '"', "\n", ","])).map(",".join))
def test_no_text_breaks_the_reader(text):
    for head in ("", "kind,rooftop,from_day\n"):
        try:
            found = read_register(head + text)
        except RegisterError:
            continue
        assert all(isinstance(one, Entry) for one in found)


def test_hours_over_midnight_belong_to_the_evening():
    show = Entry(2, "fireworks", date(2027, 2, 5), date(2027, 2, 5), from_hour=18.0, to_hour=2.0)
    at = lambda day, hour: datetime(2027, 2, day, hour, tzinfo=ZONE)  # noqa: E731
    assert [show.valid(at(*when)) for when in ((5, 17), (5, 18), (6, 1), (6, 2), (6, 19), (5, 1))] == [
        False, True, True, False, False, False,
    ]  # fmt: skip
    assert night_of(at(6, 1)) == date(2027, 2, 5) == night_of(at(5, 13))


def test_what_held_at_the_time_counts_and_what_came_later_does_not():
    entries = [entry("gas", date(2026, 11, 23)), entry("coal_use", date(2025, 1, 1), to_day=date(2026, 11, 21))]
    assert roof_factors(entries, "House", "r1", TONIGHT) == []
    visit_tonight = entry("burning_found", date(2026, 11, 22))
    assert roof_factors([visit_tonight], "House", "r1", TONIGHT) == []
    assert roof_factors([visit_tonight], "House", "r1", TONIGHT + timedelta(days=1))[0].weight > 1


def test_what_is_remembered_of_a_day_is_forgotten_with_it():
    register = Register(1, [entry("gas", date(2026, 11, 22), to_day=date(2026, 11, 22))])
    late = datetime(2026, 11, 23, 0, 30, tzinfo=ZONE)
    for at, count in ((TONIGHT, 1), (late, 0), (TONIGHT, 1), (TONIGHT, 1)):
        assert len(register.factors("r1", "House", at)) == count
    assert "Villa" in register.factors("r1", "Villa", TONIGHT)[0].text


def test_findings_fade_and_the_same_line_twice_counts_once():
    fresh, old = (roof_factors([entry("nothing_found", day)], "H", "r1", TONIGHT)[0].weight
                  for day in (date(2026, 11, 21), date(2026, 9, 1)))  # fmt: skip
    assert fresh < old < 0
    twice = roof_factors([entry("coal_use"), entry("coal_use"), entry("gas"), entry("electricity")], "H", "r1", TONIGHT)
    assert sorted(factor.weight > 0 for factor in twice) == [False, True]


def test_a_circle_holds_what_lies_in_it():
    register = Register(1, [entry("burial_place", rooftop=None, circle=Circle(38.05, 114.5, 100.0))])
    north = 100 / 111_195
    assert register.at(None, 38.05 + 0.99 * north, 114.5, TONIGHT)
    assert not register.at(None, 38.05 + 1.01 * north, 114.5, TONIGHT)
    assert register.at("r1", 38.05, 114.5 + 0.98 * north / 0.7876, TONIGHT)


def nights(*ages, probability=0.9, poses=("other/cam/1",)):
    return [Night(TONIGHT.date() - timedelta(days=age), probability, 0.9, frozenset(poses)) for age in ages]


def repeat(found, visits=()):
    factor = repeat_factor(found, TONIGHT.date(), frozenset({"gw/cam/1"}), list(visits), "House", "r1")
    return 0.0 if factor is None else factor.weight


def test_earlier_nights_add_up_fade_and_are_bounded():
    assert 0 < repeat(nights(30)) < repeat(nights(2)) < repeat(nights(2, 3)) <= repeat(nights(*range(1, 30))) == MOST
    assert repeat(nights(2, 2, 2)) == repeat(nights(2))  # one night counts once
    assert repeat(nights(0)) == repeat(nights(-3)) == repeat(nights(90)) == 0  # tonight, later, too long ago


def test_nights_that_only_this_events_own_pose_has_seen_do_not_count():
    same_mast = repeat(nights(2, poses=["gw/another-cam/1"]))
    assert repeat(nights(2, poses=["gw/cam/1"])) == same_mast == repeat(nights(2, poses=[])) == 0
    assert repeat(nights(2, poses=["gw/cam/1", "other/cam/1"])) == repeat(nights(2, poses=["gw/cam/2"])) > 0.4


def test_a_night_that_a_visit_refuted_does_not_count():
    visit = entry("nothing_found", TONIGHT.date() - timedelta(days=2))
    assert repeat(nights(2), [visit]) == repeat(nights(3), [visit]) == 0
    assert repeat(nights(1), [visit]) > 0


@st.composite
def posteriors(draw):
    shares = draw(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=8))
    total = sum(shares)
    shares = sorted((share / total for share in shares[1:]), reverse=True)
    roofs = tuple(range(len(shares)))
    return Posterior(roofs, tuple(shares), tuple((float(n), 0.0) for n in roofs), 1 - sum(shares), -3.0)


@settings(deadline=None)
@given(posteriors(), st.dictionaries(st.integers(0, 9), st.floats(-9, 9)), st.integers(10, 500))
def test_a_prior_leaves_probabilities_that_sum_to_one_and_no_roof_certain_or_impossible(before, weights, in_reach):
    after = reweighed(before, weights, in_reach)
    assert sum(after.probabilities) + after.elsewhere == pytest.approx(1)
    assert list(after.probabilities) == sorted(after.probabilities, reverse=True)
    was = dict(zip(before.roofs, before.probabilities, strict=True))
    for roof, p, place in zip(after.roofs, after.probabilities, after.places, strict=True):
        assert place == (float(roof), 0.0)
        # Bounded odds: a quarter to eightfold for the roof, and as much for all others together.
        assert was[roof] / 40 < p + 1e-12
        assert (1 - p) * 40 > (1 - was[roof]) - 1e-9


@settings(deadline=None)
@given(posteriors(), st.floats(-3, 3))
def test_what_is_said_of_all_roofs_alike_changes_nothing(before, weight):
    after = reweighed(before, dict.fromkeys(range(20), weight), 20)
    assert after.probabilities == pytest.approx(before.probabilities)


def test_a_known_coal_point_beats_its_neighbour_and_elsewhere_stays():
    before = Posterior((4, 7), (0.46, 0.46), ((0.0, 0.0), (9.0, 0.0)), 0.08, 0.0)
    after = reweighed(before, {7: 1.1}, 200)
    assert after.roofs == (7, 4)
    assert after.probabilities[0] / after.probabilities[1] == pytest.approx(3.0, rel=0.01)
    assert after.elsewhere < before.elsewhere
