"""What is too deep or of too many parts is told from what only looks so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chorus_http.connections.json_limits import MAX_CONTAINERS, MAX_KEYS, MAX_STRINGS, check
from chorus_http.errors import BadBody

scalars = st.none() | st.booleans() | st.integers() | st.text('ab[]{}",:\\é\x00')
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('"\\[{'), inner, max_size=3)
    ),
    max_leaves=40,
)


def depth(value: Any) -> int:
    parts = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


@given(value=values, limit=st.integers(1, 6), ascii_only=st.booleans())
def test_depth_is_counted_exactly(value: Any, limit: int, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    if depth(value) <= limit:
        check(body, limit)
    else:
        with pytest.raises(BadBody, match="levels deep"):
            check(body, limit)


@given(body=st.binary(max_size=200) | st.text('[]{}",:\\').map(str.encode))
def test_whatever_is_no_json_is_no_accident(body: bytes) -> None:
    try:
        check(body, 3)
    except BadBody:
        return


def test_a_text_may_hold_anything() -> None:
    check(json.dumps(['[{,:"\\' * 400_000]).encode(), 5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" * 100_000, "levels deep"),
        (b'{"a":' * 101, "levels deep"),
        (b"[" + b"[]," * (MAX_CONTAINERS + 1), "arrays and objects"),
        (b"{" + b'"a":0,' * (MAX_KEYS + 1), "keys"),
        (b"[" * 101 + b'"",' * (MAX_STRINGS + 1), "strings"),
    ],
    ids=["arrays", "objects", "wide", "keys", "strings"],
)
def test_too_much_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(BadBody, match=words):
        check(body, 100)
