"""The order of the waiting line: each key's own, and a fair turn for each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlserver_chorus.engine.line import _TURN, Line
from mlserver_chorus.engine.types import Entry


def entry(key: str, tokens: int = 10) -> Entry:
    request: Any = SimpleNamespace(key=key, models=1)
    return Entry(request, 0, (), tokens)


def served(line: Line, count: int = 10_000) -> list[Entry]:
    taken: list[Entry] = []
    while len(taken) < count and (first := line.first()):
        assert line.take() is first
        taken.append(first)
    return taken


def test_one_key_is_served_in_the_order_of_arrival() -> None:
    line, entries = Line(), [entry("", tokens) for tokens in (5, 4000, 1, 900, 2)]
    line.put(entries[:3])
    line.put(entries[3:])
    assert served(line) == entries
    assert not line
    assert line.first() is None


def test_who_comes_with_one_text_waits_for_a_turn_of_the_other_not_for_all_of_it() -> None:
    line, modest = Line(), entry("modest")
    line.put([entry("greedy") for _ in range(1000)])
    served(line, 1)
    line.put([modest])
    ahead = served(line).index(modest)
    assert ahead * 10 <= _TURN


def test_a_long_text_is_paid_for_in_later_turns() -> None:
    line = Line()
    line.put([entry("long", 5 * _TURN) for _ in range(20)])
    line.put([entry("short", _TURN) for _ in range(100)])
    first = served(line, 60)
    work = {key: sum(e.work for e in first if e.request.key == key) for key in ("long", "short")}
    assert abs(work["long"] - work["short"]) <= 6 * _TURN


def test_what_is_dropped_costs_its_key_nothing() -> None:
    line, own = Line(), entry("a")
    line.put([entry("a", 100_000), own])
    line.put([entry("b") for _ in range(1000)])
    line.first()
    line.drop()
    assert served(line).index(own) * 10 <= _TURN


def test_clearing_hands_everything_back() -> None:
    line, entries = Line(), [entry("a"), entry("b"), entry("a")]
    for each in entries:
        line.put([each])
    assert set(map(id, line.clear())) == set(map(id, entries))
    assert not line


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3 * _TURN)), max_size=60))
def test_any_mix_is_served_once_in_each_keys_order_and_in_fair_shares(
    arrivals: list[tuple[str, int]],
) -> None:
    line, entries = Line(), [entry(key, tokens) for key, tokens in arrivals]
    for each in entries:
        line.put([each])
    work = dict.fromkeys("abcd", 0)
    left = {key: [e for e in entries if e.request.key == key] for key in work}
    waited = {key for key, own in left.items() if own}
    for taken in served(line):
        key = taken.request.key
        assert left[key].pop(0) is taken
        work[key] += taken.work
        waited &= {key for key, own in left.items() if own}
        shares = [work[key] for key in waited]
        # A turn, and the text with which it ended.
        assert not shares or max(shares) - min(shares) <= 4 * _TURN
    assert not any(left.values())
