"""Scores as HTML: no text is markup, no list too long, no number too odd."""

from __future__ import annotations

import math
import re

import pytest

from chorus_ui import bars
from chorus_ui.bars import Bar
from chorus_ui.gateway import Answer
from chorus_ui.status import answered, failed, milliseconds


def test_texts_are_escaped() -> None:
    drawn = (
        bars.draw([Bar("<b>", 0.5, "<i>", '"<u>"')]) + failed("<s>") + answered(Answer(0, 1, "<p>"))
    )
    assert not {"<b>", "<i>", "<u>", "<s>", "<p>"} & set(drawn.replace(">", "> ").split())
    assert "&lt;b&gt;" in drawn


def test_a_score_has_three_digits_and_a_width() -> None:
    drawn = bars.draw([Bar("a", 0.98765)])
    assert ">0.988<" in drawn
    assert "width:98.8%" in drawn


def widths(html: str) -> list[float]:
    return [float(width) for width in re.findall(r"width:([\d.-]+)%", html)]


def test_a_probability_fills_its_share() -> None:
    html = bars.draw([Bar("cat", 0.75), Bar("dog", 0.25)])
    assert widths(html) == [75.0, 25.0]
    assert "0.750" in html


def test_scores_of_another_range_reach_from_the_least_to_the_greatest() -> None:
    assert widths(bars.draw([Bar("a", 4.0), Bar("b", 2.0), Bar("c", -4.0)])) == [100, 75, 0]


def test_a_label_without_a_score_has_no_bar() -> None:
    html = bars.draw([Bar("answer")])
    assert "answer" in html
    assert not widths(html)


def test_many_bars_are_cut_and_counted() -> None:
    html = bars.draw([Bar(str(number), 0.0) for number in range(1000)])
    assert html.count("<li>") == 20
    assert "and 980 more" in html


def test_nothing_is_said_to_be_nothing() -> None:
    assert "Nothing found" in bars.draw([])


def test_markup_in_a_label_stays_text() -> None:
    html = bars.draw([Bar('<img src=x onerror="alert(1)">', 0.5)])
    assert "<img" not in html
    assert "&lt;img" in html


def test_what_is_no_number_is_no_score() -> None:
    for value in (None, "0.5", True, math.nan, math.inf, [1.0]):
        assert bars.number(value) is None
    assert bars.number(1) == 1.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00346, "3.5 ms"), (0.1204, "120 ms"), (2.345, "2.3 s")]
)
def test_a_time_has_the_digits_that_matter(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text
