"""The register's file and what it says of a roof at a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.history import MOST, Night, repeat_factor
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.prior import reweighed
from cloud_ingest.geotag.register import KINDS, Circle, Entry, Register, night_of, roof_factors
from cloud_ingest.geotag.register_file import entries_of, is_column, read_register
from cloud_ingest.places.spreadsheet import csv_table
from cloud_ingest.places.table import PlaceError

ZONE = ZoneInfo("Asia/Shanghai")
TONIGHT = datetime(2026, 11, 22, 19, 30, tzinfo=ZONE)


def read_text(text, encoding="utf-8"):
    return entries_of(csv_table(text.encode(encoding), is_column))


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
    assert read_text(english) == read_text(chinese)
    assert read_text(chinese, "gb18030") == read_text(chinese, "utf-8-sig") == read_text(chinese, "utf-16")
    first, second = read_text(english)
    assert (first.kind, first.rooftop, first.to_day, first.note) == ("gas", "r1", date(2026, 12, 31), "phase 2")
    assert (second.row, second.fuel, second.to_day) == (3, "coal", None)


def test_a_workbook_says_what_the_same_csv_says(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    page = book.active
    page.append(["某镇散煤治理台账（2026年）"])
    page.append(
        ["类型", "房屋编号", "纬度", "经度", "半径（米）", "起始日期", "结束日期", "开始时间", "结束时间", "备注"]
    )
    page.append(["煤改气", 1001, None, None, None, date(2025, 10, 1), None, None, None, "二期"])
    page.append(["烟花爆竹", None, 38.05, 114.5, 300, date(2027, 2, 5), "2027年2月6日", time(18, 30), "24:00", None])
    page.append([None] * 10)
    page.append(["烧纸", None, None, None, None, datetime(2026, 11, 18), None, time(17), timedelta(hours=24), None])
    path = tmp_path / "台账.xlsx"
    book.save(path)
    text = (
        "kind,rooftop,lat,lon,radius_m,from_day,to_day,from_time,to_time,note\n"
        "gas,1001,,,,2025-10-01,,,,二期\nfireworks,,38.05,114.5,300,2027-02-05,2027-02-06,18:30,24:00,\n"
        "paper_burning,,,,,2026-11-18,,17:00,24:00,\n"
    )
    found = read_register(path)
    assert [one.row for one in found] == [3, 4, 6]  # as the program shows them
    assert [replace(one, row=0) for one in found] == [replace(one, row=0) for one in read_text(text)]
    page["F4"] = "soon"
    book.create_sheet("说明").append(["其他"])
    book.save(path)
    with pytest.raises(PlaceError, match="say --layer NAME; its sheets are: Sheet, 说明"):
        read_register(path)
    with pytest.raises(PlaceError, match="row 4: 起始日期 is 'soon'; expected a date"):
        read_register(path, "Sheet")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("gass,r1,2026-10-01,,,,,,", "row 2: kind is 'gass'; expected one of coal_use"),
        ("gas,r1,10-01,,,,,,", "row 2: from_day is '10-01'; expected a date"),
        ("gas,r1,2026-02-30,,,,,,", "row 2: from_day is '2026-02-30'"),
        (
            "gas,r1,2026-10-01,2026-09-01,,,,,",
            "row 2: to_day is '2026-09-01'; expected a day not before 2026-10-01",
        ),
        ("gas,,2026-10-01,,,,,,", "row 2: rooftop is empty; expected a rooftop's id"),
        ("burial_place,,2026-10-01,,,,,,", "needs a place"),
        ("burial_place,,2026-10-01,,38.0,,,,", "row 2: lon is empty; expected lat, lon (WGS-84) and radius_m together"),
        ("burial_place,r1,2026-10-01,,38,114,50,,", "either a rooftop or"),
        ("burial_place,,2026-10-01,,138,114,50,,", "row 2: lat is '138'; expected a number between -90 and 90"),
        ("burial_place,,2026-10-01,,38,nan,50,,", "row 2: lon is 'nan'"),
        ("fireworks,,2027-02-05,2027-02-06,,,,18:00,", "row 2: to_time is empty; expected both times or none"),
        ("fireworks,,2027-02-05,2027-02-06,,,,18:00,25:00", "row 2: to_time is '25:00'"),
        ("fireworks,,2027-02-05,2027-02-06,,,,8pm,24:00", "row 2: from_time is '8pm'"),
        ("gas,r1,2026-10-01,,,,,18:00,22:00", "row 2: from_time is '18:00'; expected no times"),
        ("gas,r1,2026-10-01,,,,,,,more,cells", "row 2: has cells under no column's name"),
        ('gas,"r1,2026-10-01', "is no table of text"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(line, says):
    head = "kind,rooftop,from_day,to_day,lat,lon,radius_m,from_time,to_time"
    with pytest.raises(PlaceError) as refused:
        read_text(f"{head}\n{line}\n")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("类型,屋顶\n", "column 'from_day' (开始日期) is missing"),
        ("kind,from_day,colour\n", "column 'colour' is not known"),
        ("kind,kind,from_day\n", "two columns are named 'kind'"),
        ("kind,类型,from_day\n", "columns 'kind' and '类型' are the same"),
        ("PK\x03\x04\0\0", "is a workbook and no CSV"),
    ],
)
def test_a_file_that_is_no_register_is_refused_in_words(text, says):
    with pytest.raises(PlaceError) as refused:
        read_text(text)
    assert says in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from([*KINDS, "2026-01-01", "x", "", '"', "\n", ","])).map(",".join))
def test_no_text_breaks_the_reader(text):
    for head in ("", "kind,rooftop,from_day\n"):
        try:
            found = read_text(head + text)
        except PlaceError:
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
