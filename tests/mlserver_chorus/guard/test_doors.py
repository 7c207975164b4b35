"""Who is let in by the model server's tables, and what of a key goes no further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from chorus_http.access.callers import Caller
from chorus_http.access.keys import KeyRing
from chorus_http.access.limits import CallerLimits
from chorus_http.errors import Forbidden, OverConcurrency, OverRate, Refused, Unauthorized
from mlserver_chorus.deadline import CALLER, key_of
from mlserver_chorus.guard.doors import GRPC, REST, Doors, KeyedApp, metrics_rules

KEY, ADMIN = "a-key-of-a-good-length", "a-key-of-the-operator"
RING = KeyRing.read(KEY, ADMIN)


def scope(path: str, key: str | None = KEY, method: str = "GET") -> Scope:
    headers = [(b"host", b"a"), (b"x-other", b"kept")]
    if key:
        headers.append((b"authorization", f"Bearer {key}".encode()))
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    """Calls, after a test as before it."""
    token = CALLER.set(None)
    yield
    CALLER.reset(token)


@pytest.fixture
def rest() -> Doors:
    return Doors(RING, REST, CallerLimits())


def test_the_key_goes_no_further(rest: Doors) -> None:
    request = scope("/v2/models/m")
    caller = rest.admit(request)
    assert caller is not None
    assert caller.name == "key-1"
    assert [name for name, _ in request["headers"]] == [b"host", b"x-other"]


def test_turns_are_taken_by_the_name_of_the_key(rest: Doors) -> None:
    rest.admit(scope("/v2/models/m"))
    assert key_of({"authorization": "whatever it says"}) == "key-1"
    rest.admit(scope("/v2/health/live", key=None))
    assert CALLER.get() is None, "a connection's next request is another caller's"
    assert key_of({}) == ""


@pytest.mark.parametrize(
    ("path", "key", "refusal"),
    [
        ("/v2/models/m/infer", None, Unauthorized),
        ("/v2/models/m/infer", "a-key-that-nobody-has", Unauthorized),
        ("/v2/models/m/docs", KEY, Forbidden),
        ("/v2/repository/models/m/load", KEY, Forbidden),
        ("/v2/anything/else", KEY, Forbidden),
    ],
)
def test_refusals(rest: Doors, path: str, key: str | None, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        rest.admit(scope(path, key))
    rest.admit(scope(path, ADMIN))


def test_a_method_of_a_later_grpc_service_is_the_operators() -> None:
    doors = Doors(RING, GRPC, CallerLimits())
    with pytest.raises(Forbidden):
        doors.admit(scope("/inference.GRPCInferenceService/ModelInferLater", method="POST"))


def test_limits_are_one_for_all_doors() -> None:
    limits = CallerLimits()
    one, other = Doors(RING, REST, limits), Doors(RING, GRPC, limits)
    caller = Caller("c", frozenset(), rate="1/hour", concurrency=1)
    with one.held(caller), pytest.raises(OverConcurrency), other.held(caller):
        pass
    with pytest.raises(OverRate), other.held(caller):
        pass
    with one.held(None) as fields:
        assert fields == {}


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/metrics", None, 401),
        ("/metrics", KEY, 403),
        ("/metrics", ADMIN, 200),
        ("/metricsx", KEY, 403),
        ("/docs", None, 401),
    ],
)
async def test_an_application_that_knows_no_keys(path: str, key: str | None, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        said: dict[str, Any] = {"key": Request(scope).headers.get("authorization")}
        await JSONResponse(said)(scope, receive, send)

    keyed = KeyedApp(app, Doors(RING, metrics_rules("/metrics"), CallerLimits()))
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(keyed)
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        answer = await client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.json() == {"key": None} if status == 200 else list(answer.json()) == ["error"]
    assert (answer.headers.get("www-authenticate") == "Bearer") == (status == 401)
