"""Parts of a text that are marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chorus_ui.panels.spans import Span, cut


def test_marked_parts_stand_among_the_rest() -> None:
    text = "Ada lives in Ghent."
    assert cut(text, [Span(13, 18, "place"), Span(0, 3, "person")]) == [
        ("Ada", "person"),
        (" lives in ", None),
        ("Ghent", "place"),
        (".", None),
    ]


def test_of_two_that_overlap_the_first_counts() -> None:
    assert cut("abcdef", [Span(2, 5, "late"), Span(0, 3, "early")]) == [
        ("abc", "early"),
        ("def", None),
    ]


def test_a_text_without_any_is_one_piece() -> None:
    assert cut("plain", []) == [("plain", None)]
    assert cut("", []) == []


SPANS = st.builds(Span, st.integers(-3, 12), st.integers(-3, 12), st.just("x"))


@given(st.text(max_size=10), st.lists(SPANS, max_size=5))
def test_no_character_is_lost_whatever_the_spans(text: str, spans: list[Span]) -> None:
    assert "".join(piece for piece, _ in cut(text, spans)) == text
