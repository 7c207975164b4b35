"""Timeouts that callers ask for."""

from __future__ import annotations

import pytest

from chorus_http.connections.timeouts import BadTimeout, requested


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-request-timeout": "2"}, 2.0),
        ({"x-request-timeout": "0.25"}, 0.25),
        ({"x-request-timeout-ms": "100"}, 0.1),
        ({"x-request-timeout": "2", "x-request-timeout-ms": "100"}, 0.1),
    ],
)
def test_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert requested(headers) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("name", ["x-request-timeout", "x-request-timeout-ms"])
@pytest.mark.parametrize(
    "text", ["", "0", "0.0", "-1", "soon", "1e9", "nan", "1.2.3", "٣", "9" * 99]
)
def test_what_is_no_time_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(BadTimeout, match=f"^{name}: "):
        requested({name: text})
