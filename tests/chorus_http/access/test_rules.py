"""Which requests take which key, whatever their paths look like."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest

from chorus_http.access.callers import CALLER, Scope
from chorus_http.access.keys import KeyRing
from chorus_http.access.rules import Access, Rules, is_odd
from chorus_http.errors import BadPath, Forbidden, Refused, Unauthorized

INFER, ADMIN = "a-key-to-work-with", "the-key-of-an-admin"
RULES = Rules(
    probes=frozenset({"/live"}),
    scopes=((re.compile("/work(/[^/]+)?"), Scope.INFER), (re.compile("/metrics"), Scope.METRICS)),
)
ACCESS = Access(KeyRing.read(INFER, ADMIN), RULES)
ODD = [
    "//live",
    "/live//",
    "/./live",
    "/live/.",
    "/work/../live",
    "/..;/live",
    "/live;x",
    "/live\\",
    "/%6cive",
    "/%2e/live",
    "/%2E%2e/live",
    "/work%2flive",
    "/work%5clive",
    "/live%00",
    "/live%0a",
    "/live%3bx",
    "/%ff",
    "/%25%36%63ive",
    "/%zz",
]
PLAIN = ["/", "/live", "/live/", "/work/a.b-c_d~e", "/work/.hidden", "/work/...", "/work/a%20b"]


def request(path: str, key: str = "", method: str = "GET") -> dict[str, Any]:
    """As uvicorn makes it of a target."""
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    raw = path.encode()
    return {"method": method, "path": unquote(path), "raw_path": raw, "headers": headers}


def outcome(asked: dict[str, Any]) -> type[Refused] | str | None:
    """What it is refused with, or who was let in; None for nobody in particular."""
    try:
        ACCESS.admit(asked)
    except Refused as error:
        return type(error)
    return asked[CALLER].name if CALLER in asked else None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_take_no_key(method: str) -> None:
    assert outcome(request("/live", method=method)) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get", "TRACE"])
def test_a_probe_is_for_reading(method: str) -> None:
    assert outcome(request("/live", method=method)) is Unauthorized


@pytest.mark.parametrize("path", ["/", "/work", "/live/", "/LIVE", "/unknown", "/live%20", *ODD])
def test_all_else_takes_a_key(path: str) -> None:
    assert outcome(request(path)) is Unauthorized
    assert outcome(request(path, "nobody's")) is Unauthorized


@pytest.mark.parametrize(
    ("path", "infer", "admin"),
    [
        ("/work", "key-1", "admin-1"),
        ("/work/a", "key-1", "admin-1"),
        ("/work/a/b", Forbidden, "admin-1"),
        ("/metrics", Forbidden, "admin-1"),
        ("/unknown", Forbidden, "admin-1"),
        ("/work/a%20b", "key-1", "admin-1"),
    ],
)
def test_a_key_is_for_what_its_scope_says(path: str, infer: Any, admin: Any) -> None:
    assert outcome(request(path, INFER)) == infer
    assert outcome(request(path, ADMIN)) == admin


@pytest.mark.parametrize("path", ODD)
def test_a_path_that_could_be_another_is_refused_with_any_key(path: str) -> None:
    assert outcome(request(path, INFER)) is BadPath
    assert outcome(request(path, ADMIN)) is BadPath


@pytest.mark.parametrize("path", PLAIN)
def test_a_plain_path_is_not_odd(path: str) -> None:
    assert not is_odd(unquote(path), path.encode())


def test_two_keys_are_none() -> None:
    asked = request("/work", INFER)
    asked["headers"] *= 2
    assert outcome(asked) is Unauthorized


def test_a_refusal_says_how_to_send_a_key() -> None:
    with pytest.raises(Unauthorized, match="Authorization: Bearer KEY") as caught:
        ACCESS.admit(request("/work"))
    assert dict(caught.value.headers) == {"www-authenticate": "Bearer"}
