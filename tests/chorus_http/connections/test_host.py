"""Which headers Host a request may have."""

from __future__ import annotations

import pytest

from chorus_http.connections.host import is_good

GOOD = (
    *("a", "localhost:8000", "model_server", "a.b-c.example.", "10.0.0.1:80", "a:", "A" * 253),
    *("[::1]", "[::1]:8000", "[::ffff:1.2.3.4]:1"),
)
BAD = (
    *("", " ", "a b", "a,b", "u@a", "@a", "-a", ".a", "ü", "a\0", "a%2f", "a\\b", "A" * 254),
    *("a:80:80", "a:x", "a:123456", ":80", "::1", "[::1", "[]", "[v1.a]"),
    *("x/healthz?", "a#b", "http://a"),
)


@pytest.mark.parametrize("host", GOOD)
def test_names_and_addresses_are_good(host: str) -> None:
    assert is_good([host.encode()], "1.1")


@pytest.mark.parametrize("host", BAD)
def test_whatever_else_is_not(host: str) -> None:
    assert not is_good([host.encode()], "1.1")


def test_there_is_exactly_one() -> None:
    assert not is_good([b"a", b"a"], "1.1")
    assert not is_good([b"a", b"a"], "1.0")
    assert not is_good([], "1.1")
    assert is_good([], "1.0")
