"""What a URL and a key make of a server."""

from __future__ import annotations

import pytest

from chorus.measurement.server import Server, server


def at(url: str, key: str = "") -> Server:
    return server(url, key, "CHORUS_API_KEY")


@pytest.mark.parametrize(
    ("url", "shown", "host", "port", "authority", "prefix"),
    [
        ("http://a", "http://a", "a", 80, "a:80", ""),
        ("https://a/", "https://a", "a", 443, "a:443", ""),
        ("http://127.0.0.1:8000/process", "http://127.0.0.1:8000", "127.0.0.1", 8000, None, ""),
        ("http://a:1/chorus/", "http://a:1/chorus", "a", 1, "a:1", "/chorus"),
        ("http://[::1]:8000", "http://[::1]:8000", "::1", 8000, "[::1]:8000", ""),
    ],
)
def test_a_url(
    url: str, shown: str, host: str, port: int, authority: str | None, prefix: str
) -> None:
    found = at(url)
    assert (found.url, found.prefix) == (shown, prefix)
    assert (found.address.host, found.address.port) == (host, port)
    assert found.address.authority == (authority or f"{host}:{port}")
    assert (found.address.tls is not None) == url.startswith("https")


def test_a_key_is_shown_to_the_server_and_to_nobody_else() -> None:
    found = at("http://a", "secret")
    assert found.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(found)
    assert at("http://a").headers == {}
