from __future__ import annotations

import pytest

from chorus_gateway.errors import BadInput, GatewayError, UrlNotAllowed
from chorus_gateway.media.hosts import AllowedHosts

HOSTS = AllowedHosts(["Images.example.com", "*.example.org", "127.0.0.1", "::1"])


@pytest.mark.parametrize(
    "url",
    [
        "http://images.example.com/a.png",
        "HTTPS://IMAGES.EXAMPLE.COM:8443/a%20b.png?x=1#part",
        "https://a.example.org",
        "https://a.b.example.org/",
        "http://127.0.0.1:9/x",
        "http://[::1]:9/x",
    ],
)
def test_listed_hosts(url: str) -> None:
    assert HOSTS.parse(url).scheme in ("http", "https")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://example.org/",  # the wildcard is for what is below
        "http://evilexample.org/",
        "http://example.org.evil.com/",
        "http://images.example.com.evil.com/",
        "http://images.example.com./",
        "http://user@images.example.com/",
        "http://user:secret@images.example.com/",
        "http://:secret@images.example.com/",
        "http://images.example.com@evil.com/",
        "http://evil.com#@images.example.com/",
        "http://evil.com?@images.example.com/",
        "http://2130706433/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://localhost/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_others_all_get_one_sentence(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refusal:
        HOSTS.parse(url)
    assert str(refusal.value) == "URLs are fetched only from the hosts listed in CHORUS_MEDIA_HOSTS"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.png",
        "http://images.example.com:99999/",
        "http://images.example.com:0/",
        "http://images.example.com:x/",
        "http://[::1/",
        "http://images.example.com/a b",
        "http://images.example.com\\@evil.com/",
        "http://images.example.com/\r\nx: y",
        "http://imäges.example.com/",
        "http://images.example.com/" + "a" * 2048,
        "ftp://images.example.com/a.png",
        "file:///etc/passwd",
        "gopher://images.example.com/",
    ],
)
def test_what_is_no_url_of_the_web(url: str) -> None:
    with pytest.raises(BadInput):
        HOSTS.parse(url)


def test_nothing_is_listed_by_default() -> None:
    for url in ("http://localhost/", "http://127.0.0.1/", "http://./"):
        with pytest.raises(GatewayError):
            AllowedHosts(()).parse(url)
