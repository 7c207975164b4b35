"""The guard around applications that fail in every way; the real one is in tests/reliability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import httpx
import pytest
from mlserver.errors import MLServerError, ModelNotFound
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from mlserver_chorus.guard.health import Health
from mlserver_chorus.guard.in_flight import InFlight
from mlserver_chorus.guard.infer_route import InferRoute
from mlserver_chorus.guard.received import KEY
from mlserver_chorus.guard.rest import Guard
from mlserver_chorus.settings import RuntimeSettings

INFER = "/v2/models/m/infer"


class FakeHealth:
    """Lets inferences through unless `problem` is set."""

    draining = False
    problem: Exception | None = None

    def not_live(self) -> str | None:
        return "the device failed"

    async def not_ready(self) -> str | None:
        return None

    async def model_not_ready(self, name: str, version: str | None) -> str | None:
        raise ModelNotFound(name)

    async def require(self, name: str, version: str | None) -> None:
        if self.problem:
            raise self.problem


class FakeInfer:
    """Echoes what was received."""

    serves = True

    async def accept(
        self, name: str, version: str | None, headers: Mapping[str, str]
    ) -> int | None:
        return 100 if name == "wide" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = {"body": scope[KEY].body.decode(), **scope["path_params"]}
        await JSONResponse(said)(scope, receive, send)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """What MLServer's application could do."""
    match scope["path"]:
        case "/fails":
            raise ValueError("a secret")
        case "/fails-half-way":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise ValueError("a secret")
        case "/refuses":
            raise MLServerError("not now", 503)
        case "/busy":
            await JSONResponse({}, status_code=503)(scope, receive, send)
        case "/advises":
            await JSONResponse({}, 503, {"retry-after": "77"})(scope, receive, send)
        case _:
            request = Request(scope, receive)
            said = {
                "method": scope["method"],
                "headers": dict(request.headers),
                "body": (await request.body()).decode(),
            }
            await JSONResponse(said)(scope, receive, send)


@pytest.fixture
def health() -> FakeHealth:
    return FakeHealth()


@pytest.fixture
def client(health: FakeHealth) -> httpx.AsyncClient:
    guard = Guard(
        app,
        cast(InferRoute, FakeInfer()),
        RuntimeSettings(max_request_bytes=50),
        cast(Health, health),
        InFlight(),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://guard")


async def test_an_exception_is_an_internal_error(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/fails")
    assert (response.status_code, response.json()) == (500, {"error": "internal error"})
    assert "a secret" in caplog.text


async def test_half_an_answer_is_not_taken_for_a_whole(client: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="half-way"):
        await client.get("/fails-half-way")


@pytest.mark.parametrize("path", ["/refuses", "/busy", "/v2/health/live"])
async def test_who_is_sent_away_is_told_when_to_come_back(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert response.status_code == 503
    assert 1 <= int(response.headers["retry-after"]) <= 3


async def test_advice_is_passed_on(client: httpx.AsyncClient) -> None:
    assert (await client.get("/advises")).headers["retry-after"] == "77"


@pytest.mark.parametrize("path", ["/any", "/busy", "/v2/health/ready", "/v2/models/m/ready"])
async def test_a_draining_server_asks_for_the_connection_back(
    client: httpx.AsyncClient, health: FakeHealth, path: str
) -> None:
    assert "connection" not in (await client.get(path)).headers
    health.draining = True
    assert (await client.get(path)).headers["connection"] == "close"


async def test_an_inference_is_received_whole(client: httpx.AsyncClient) -> None:
    response = await client.post("/v2/models/m/versions/v1/infer", content=b"{}")
    assert response.json() == {"body": "{}", "name": "m", "version": "v1"}


@pytest.mark.parametrize(
    ("problem", "status", "words"),
    [
        (MLServerError("the device failed", 503), 503, "the device failed"),
        (ModelNotFound("a secret"), 404, "there is no model of that name and version"),
    ],
)
async def test_what_cannot_be_answered_is_not_read(
    client: httpx.AsyncClient, health: FakeHealth, problem: Exception, status: int, words: str
) -> None:
    health.problem = problem

    async def unread() -> Any:
        raise AssertionError("the body was read")
        yield b""

    response = await client.post(INFER, content=unread())
    assert (response.status_code, response.json()) == (status, {"error": words})


@pytest.mark.parametrize(("model", "most"), [("m", 50), ("wide", 100)])
async def test_a_model_may_take_longer_bodies(
    client: httpx.AsyncClient, model: str, most: int
) -> None:
    path = f"/v2/models/{model}/infer"
    assert (await client.post(path, content=b" " * most)).status_code == 200
    assert (await client.post(path, content=b" " * (most + 1))).status_code == 413


@pytest.mark.parametrize("path", ["/any", "/v2/models/m/generate"])
async def test_others_get_the_body_as_plain_json(client: httpx.AsyncClient, path: str) -> None:
    headers = {"content-type": "application/x+json; charset=utf-8", "x-own": "kept"}
    said = (await client.post(path, content=b"[1]", headers=headers)).json()
    assert said["body"] == "[1]"
    assert said["headers"]["content-type"] == "application/json"
    assert said["headers"]["content-length"] == "3"
    assert said["headers"]["x-own"] == "kept"


async def test_tensors_are_taken_by_infer_alone(client: httpx.AsyncClient) -> None:
    headers = {"inference-header-content-length": "2"}
    assert (await client.post(INFER, content=b"{}abc", headers=headers)).json()["body"] == "{}"
    response = await client.post("/v2/models/m/generate", content=b"{}abc", headers=headers)
    assert response.status_code == 400
    assert "binary tensor data extension" in response.json()["error"]


async def test_head_is_asked_as_get(client: httpx.AsyncClient) -> None:
    assert (await client.head("/any")).status_code == 200


async def test_other_scopes_are_none_of_its_business(health: FakeHealth) -> None:
    seen: list[Scope] = []

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    infer = cast(InferRoute, FakeInfer())
    guard = Guard(lifespan, infer, RuntimeSettings(), cast(Health, health), InFlight())
    await guard({"type": "lifespan"}, cast(Receive, None), cast(Send, None))
    assert seen == [{"type": "lifespan"}]
