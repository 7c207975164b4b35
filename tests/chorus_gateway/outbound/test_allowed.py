from __future__ import annotations

import pytest

from chorus_gateway.outbound.allowed import Allowed, parse_entry
from chorus_gateway.outbound.text import read_url


def admitted(entry: str, *urls: str) -> list[bool]:
    allowed = Allowed([entry])
    return [allowed.admits(read_url(url).origin) for url in urls]


def test_nothing_is_admitted_by_default() -> None:
    allowed = Allowed([])
    for url in ("http://localhost/", "http://127.0.0.1/", "https://a.example/", "http://[::1]/"):
        assert not allowed.admits(read_url(url).origin)


def test_a_server_is_itself_alone() -> None:
    assert admitted("https://A.example:8443/", "https://a.example:8443") == [True]
    others = [
        "https://a.example",
        "http://a.example:8443",
        "https://b.a.example:8443",
        "https://xa.example:8443",
        "https://a.example.b.example:8443",
    ]
    assert not any(admitted("https://A.example:8443", *others))


def test_a_host_without_scheme_and_port_is_at_those_of_the_web() -> None:
    assert all(admitted("a.example", "http://a.example", "https://a.example"))
    assert not any(admitted("a.example", "http://a.example:443", "http://a.example:22"))
    assert all(admitted("a.example:99", "http://a.example:99", "https://a.example:99"))
    assert not any(admitted("a.example:99", "http://a.example", "https://a.example:9"))


def test_addresses() -> None:
    assert all(admitted("http://10.0.0.1:80", "http://10.0.0.1/"))
    assert all(admitted("[::1]:9", "https://[::1]:9/"))
    assert not any(admitted("10.0.0.1", "http://10.0.0.2/", "http://[::1]/"))


@pytest.mark.parametrize("entry", ["*.example.com", "https://*.example.com", "*.Example.com:443"])
def test_a_wildcard_is_every_name_below_at_any_depth(entry: str) -> None:
    assert all(admitted(entry, "https://a.example.com", "https://a.b.c.example.com/x"))
    others = [
        "https://example.com",
        "https://aexample.com",
        "https://example.com.b.example",
        "https://a.example.com:444",
        "http://a.example.com:81",
        "https://10.0.0.1",
    ]
    assert not any(admitted(entry, *others))


def test_a_wildcard_has_a_scheme_and_a_port_as_others_have() -> None:
    assert admitted("https://*.example.com", "http://a.example.com") == [False]
    assert admitted("*.example.com", "http://a.example.com") == [True]


def test_public_is_names_at_the_ports_of_the_web() -> None:
    assert all(admitted("public", "http://a.example", "https://b.c.xn--p1ai", "http://a.b:443"))
    others = [
        "http://a.example:22",
        "http://a.example:8080",
        "http://localhost",
        "http://8.8.8.8",
        "http://[2606:4700::1111]",
        "http://a_b.example",
    ]
    assert not any(admitted("public", *others))


def test_another_spelling_of_public_is_a_host_of_that_name() -> None:
    assert admitted("Public", "http://public", "http://a.example") == [True, False]


def test_the_listed_are_told_from_those_let_in() -> None:
    allowed = Allowed(["https://a.example", "*.b.example", "public"])
    urls = ("https://a.example", "https://x.b.example", "https://c.example")
    origins = [read_url(url).origin for url in urls]
    assert [allowed.admits(origin) for origin in origins] == [True, True, True]
    assert [allowed.lists(origin) for origin in origins] == [True, False, False]


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "http://*",
        "*.",
        "a.*.example",
        "*a.example",
        "*.*.example",
        "*.10.0.0.1",
        "*.[::1]",
        "ftp://a.example",
        "https://a.example/v2",
        "https://a.example?x",
        "https://user@a.example",
        "https://a.example:0",
        "https://a.example:70000",
        "::1",
        "127.1",
        "a.example.",
        "a b",
    ],
)
def test_what_is_no_entry(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a server; write https://"):
        parse_entry(entry)
