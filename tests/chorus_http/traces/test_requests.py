"""The middleware: a span for each request, with its route, its status and nothing else of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from opentelemetry.trace import StatusCode
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from tests.traces import TRACEPARENT, Memory

from chorus_http.traces.context import CURRENT, TEXTS
from chorus_http.traces.requests import TraceRequests

CANARY = "canary3f9c"


class App:
    """Answers with the status that the query asks for; /stream gives three parts."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.seen = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = CURRENT.get()
        self.seen += span is not None
        if span:
            span.note({TEXTS: 2})
        status = int(Request(scope).query_params.get("status", "200"))
        if status == 0:
            raise ValueError(CANARY)
        if status == 499:
            return  # as when the caller has left
        streamed = scope["path"] == "/stream"
        answer = StreamingResponse(self._parts()) if streamed else Response(status_code=status)
        await answer(scope, receive, send)

    async def _parts(self) -> AsyncIterator[bytes]:
        for number in range(3):
            assert self._memory.spans == []
            yield b"%d" % number


def template(scope: Scope) -> str | None:
    return "/work/{name}" if scope["path"].startswith("/work/") else None


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def app(memory: Memory) -> App:
    return App(memory)


@pytest.fixture
async def client(memory: Memory, app: App) -> AsyncIterator[httpx.AsyncClient]:
    traced = TraceRequests(app, memory.tracer, template, lambda path: path != "/healthz")
    transport = httpx.ASGITransport(traced)
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        yield client


async def test_route_status_and_what_was_noted(client: httpx.AsyncClient, memory: Memory) -> None:
    headers = {"traceparent": TRACEPARENT.format(1, 2), "tracestate": f"a={CANARY}"}
    await client.post(f"/work/{CANARY}?q={CANARY}", headers={**headers, "x-a": CANARY})
    span = memory.one("POST /work/{name}")
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "http.route": "/work/{name}",
        "http.response.status_code": 200,
        TEXTS: 2,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (1, 2)
    assert CANARY not in span.to_json()
    assert CURRENT.get() is None


async def test_two_headers_are_none(client: httpx.AsyncClient, memory: Memory) -> None:
    both = [("traceparent", TRACEPARENT.format(1, number)) for number in (2, 3)]
    await client.get("/a", headers=both)
    assert memory.one("GET").parent is None


@pytest.mark.parametrize(
    ("status", "wrong"), [(200, None), (404, None), (500, "500"), (503, "503")]
)
async def test_only_the_servers_faults_are_errors(
    client: httpx.AsyncClient, memory: Memory, status: int, wrong: str | None
) -> None:
    await client.get(f"/a?status={status}")
    span = memory.one("GET")
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("error.type") == wrong
    assert (span.status.status_code is StatusCode.ERROR) == (wrong is not None)


async def test_an_exception_leaves_no_words(client: httpx.AsyncClient, memory: Memory) -> None:
    with pytest.raises(ValueError, match=CANARY):
        await client.get("/a?status=0")
    span = memory.one("GET")
    assert (span.attributes or {})["http.response.status_code"] == 500
    assert CANARY not in span.to_json()
    assert CURRENT.get() is None


async def test_who_leaves_without_an_answer_has_no_status(memory: Memory, app: App) -> None:
    traced = TraceRequests(app, memory.tracer, template, bool)
    scope = {"type": "http", "method": "GET", "path": "/a", "query_string": b"status=499"}

    async def nothing(*_: object) -> None: ...

    await traced({**scope, "headers": []}, nothing, nothing)  # type: ignore[arg-type]
    assert "http.response.status_code" not in (memory.one("GET").attributes or {})


async def test_a_stream_ends_its_span(client: httpx.AsyncClient, memory: Memory) -> None:
    assert (await client.get("/stream")).text == "012"
    assert len(memory.named("GET")) == 1


async def test_a_made_up_method_is_other(client: httpx.AsyncClient, memory: Memory) -> None:
    await client.request(CANARY.upper(), "/a")
    assert (memory.one("HTTP").attributes or {})["http.request.method"] == "_OTHER"


async def test_probes_have_none(client: httpx.AsyncClient, memory: Memory, app: App) -> None:
    await client.get("/healthz")
    assert memory.spans == []
    assert app.seen == 0
