"""Keys by which queues tell callers apart."""

from __future__ import annotations

from chorus_http.access.callers import ANONYMOUS, key_of


def test_a_key_is_a_digest_of_the_credentials() -> None:
    one, other = (key_of({"authorization": f"Bearer {name}"}) for name in ("one", "other"))
    assert one != other
    assert "one" not in one
    assert one == key_of({"authorization": "Bearer one"})


def test_without_credentials_all_callers_are_one() -> None:
    assert key_of({}) == key_of({"user-agent": "any"}) == ANONYMOUS
