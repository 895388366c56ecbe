"""The table of what detector, bridge and gateway say: well formed, and sentences within sentences are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokesentry.sentences import LANGUAGES, choose_language, sentences, translated


def test_every_pair_has_as_many_holes_on_both_sides_and_none_stands_twice() -> None:
    table = sentences("zh")
    assert [pair for pair in table if len(pair) != 2 or not all(pair)] == []
    assert [one for one, other in table if one.count("{}") != other.count("{}")] == []
    ours = [one for one, _ in table]
    assert sorted(set(ours)) == sorted(ours)


def test_a_general_sentence_hides_no_special_one() -> None:
    """The first that fits counts, so the special one must stand before the general one."""
    table = sentences("zh")
    hidden = [
        one
        for at, (one, other) in enumerate(table)
        if other.count("{}") == one.count("{}") and translated(one, "zh") != other and "{}" in one and at
    ]
    assert hidden == []


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("frozen picture", "画面停住不动"),
        ("camera east cannot judge: no frame for 12 s", "摄像机 east 无法判断：已有 12 秒没有画面"),
        ("configuration 4 was taken back: camera east gives no frame, which it did before",
         "配置 4 已回退：摄像机 east 没有画面，以前是有的"),
        ("command 7: sends 3 kept records of health again", "指令 7：重发保留的 3 条 health 记录"),
        ("capture east has not moved for 31 s", "取图 east 已有 31 秒没有动静"),
        ("camera east: out of focus: fine detail is 31% of the reference's",
         "摄像机 east：失焦：细节只有基准画面的 31%"),
        ("<b>something of a newer release</b>", "<b>something of a newer release</b>"),
    ],
)  # fmt: skip
def test_what_a_gateway_says_in_chinese(text: str, chinese: str) -> None:
    assert translated(text, "zh") == chinese
    assert translated(text, "en") == text


@pytest.mark.parametrize(
    ("browser", "asked", "chosen"),
    [
        ("zh-CN", ("en", "zh"), "en"),
        ("zh-CN", (None, "en"), "en"),
        ("en", ("xx", "<script>"), "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", (), "zh"),
        ("en;q=0.4, zh;q=0.6", (), "zh"),
        ("fr, en;q=0.5", (), "en"),
        ("fr, zh-TW;q=0.2", (), "zh"),
        ("de-DE", (), "en"),
        ("*", (), "zh"),
        ("fr, *;q=0.1", (), "zh"),
        ("zh;q=0, *", (), "en"),
        ("en;q=0", (), "zh"),
        ("EN-gb, zh", (), "en"),
        ("zh, en", (), "zh"),
        ("zho", (), "en"),
        ("en;q=nan, zh;q=0.1", (), "zh"),
        ("", (), "zh"),
        (None, (None,), "zh"),
    ],
)
def test_the_language_is_asked_for_or_what_the_browser_wants_most(browser, asked, chosen) -> None:
    assert choose_language(browser, *asked) == chosen


def test_where_nothing_tells_a_page_may_speak_english() -> None:
    assert choose_language(None, None, default="en") == choose_language("*", default="en") == "en"
    assert choose_language("zh", default="en") == "zh"


@given(st.text(alphabet="zhenfr-*;,q=01. ", max_size=40) | st.text(max_size=40))
def test_no_header_is_too_strange(header: str) -> None:
    assert choose_language(header) in LANGUAGES
