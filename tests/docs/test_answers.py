"""What counts as the answer that a page shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.docs.answers import same, values


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        ({"label": "HAM", "score": 0.999}, {"label": "HAM", "score": 0.9921}),
        ([{"score": 0.5}], [{"score": 0.509}]),
        ({"id": "…"}, {"id": "3f2a"}),
        ({"data": ['{"score": 0.99}']}, {"data": ['{"score": 0.9912}']}),
        ({"shape": [1, 1]}, {"shape": [1, 1]}),
    ],
)
def test_an_answer_like_it(shown: Any, answer: Any) -> None:
    assert same(shown, answer)


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        ({"label": "HAM", "score": 0.999}, {"label": "SPAM", "score": 0.999}),
        ({"score": 0.5}, {"score": 0.52}),
        ({"score": 0.5}, {"score": 0.5, "label": "HAM"}),
        ([1], [1, 2]),
        ({"data": ['{"label": "a"}']}, {"data": ['{"label": "b"}']}),
        ({"score": 0.5}, {"error": "no"}),
    ],
)
def test_another_answer(shown: Any, answer: Any) -> None:
    assert not same(shown, answer)


def test_values_are_found_among_other_lines() -> None:
    assert values('ready\n{"a": 1}\n[2]\nbye\n') == [{"a": 1}, [2]]
