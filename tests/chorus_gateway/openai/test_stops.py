from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus_gateway.openai.stops import UntilStop


def shown(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    until_stop = UntilStop(stops)
    text = "".join(map(until_stop.feed, pieces)) + until_stop.rest()
    return text, until_stop.found


@pytest.mark.parametrize(
    ("pieces", "stops", "expected"),
    [
        (["a", "b"], [], ("ab", False)),
        (["a", "b"], [""], ("ab", False)),
        (["one. ", "two"], ["."], ("one", True)),
        (["one", " E", "N", "D more"], ["END"], ("one ", True)),
        (["one", " E", "N", "X"], ["END"], ("one ENX", False)),
        (["one E", "N"], ["END"], ("one EN", False)),
        (["aab", "aac"], ["aac", "c"], ("aab", True)),
        (["a", "a", "b"], ["aab", "ab"], ("", True)),
    ],
)
def test_text_up_to_a_stop(pieces: list[str], stops: list[str], expected: tuple[str, bool]) -> None:
    assert shown(pieces, stops) == expected


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=3)), st.data())
def test_it_does_not_matter_how_the_text_is_cut(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text))))
    pieces = [text[start:end] for start, end in pairwise(sorted([0, *cuts, len(text)]))]
    ends = [place + len(stop) for stop in stops if (place := text.find(stop)) >= 0]
    # The first stop to be complete counts, and of several that end there the longest.
    first = min(ends, default=None)
    expected = (
        text
        if first is None
        else text[: min(first - len(stop) for stop in stops if text[:first].endswith(stop))]
    )
    one_by_one = shown(list(text), stops)
    assert one_by_one == (expected, first is not None)
    assert shown(pieces, stops)[1] == one_by_one[1]
