"""The gateway's spans, kept in memory; its model server is behind a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from tests.chorus_gateway.conftest import answers_for
from tests.chorus_gateway.v2_server import V2Server, error, event, generated
from tests.traces import TRACEPARENT, Memory

from chorus_gateway.app import create_app
from chorus_gateway.settings import Settings
from chorus_http.traces.context import CURRENT

CANARY = "canary3f9c"
CALL = "POST /v2/models/{model_name}/infer"
STREAM = "POST /v2/models/{model_name}/generate_stream"
OURS = TRACEPARENT.format(0xAB, 0xCD)
SAMPLED = 1  # of a traceparent's last byte
STATUS = "http.response.status_code"


def answer(body: dict[str, Any]) -> web.Response:
    texts = body["inputs"][0]["data"]
    if any("poison" in text for text in texts):
        return error(400, f"cannot stand {texts}")
    return web.json_response(answers_for(texts))


@pytest.fixture
async def v2() -> AsyncIterator[V2Server]:
    async with V2Server(process=None, left="text-generation").running() as server:
        server.answer = answer
        yield server


@pytest.fixture
def memory() -> Memory:
    return Memory()


@asynccontextmanager
async def gateway(v2: V2Server, memory: Memory | None) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        upstream=v2.url, models=("process",), max_calls_in_flight=1, drain_delay=0, workers=1
    )
    app = create_app(settings, tracing=memory.tracing if memory else None)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client,
    ):
        yield client


@pytest.fixture
async def client(v2: V2Server, memory: Memory) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(v2, memory) as client:
        await client.post("/process", json="warm")  # what is asked once is asked here
        v2.headers.clear()
        v2.calls.clear()
        memory.forget()
        yield client


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    number: int = span.context.span_id
    return number


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def links_of(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_text_waits_and_is_in_a_call(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    response = await client.post("/process", json="a", headers={"traceparent": OURS})
    assert response.status_code == 200
    served, queue, call = (memory.one(name) for name in ("POST /process", "queue", CALL))
    assert parent_of(served) == 0xCD
    assert parent_of(queue) == parent_of(call) == id_of(served)
    assert (served.kind, call.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert links_of(call) == links_of(served) == set()
    assert attributes_of(call) == {
        "http.request.method": "POST",
        "url.template": "/v2/models/{model_name}/infer",
        "chorus.model": "process",
        "chorus.texts": 1,
        STATUS: 200,
    }
    times = [time or 0 for span in (served, queue, call) for time in (span.start_time,)]
    ends = [time or 0 for span in (call, served) for time in (span.end_time,)]
    assert times == sorted(times)
    assert (queue.end_time or 0) <= ends[0] <= ends[1]
    (sent,) = v2.headers
    assert sent["traceparent"] == TRACEPARENT.format(0xAB, id_of(call))


async def coalesced(
    client: httpx.AsyncClient, v2: V2Server, *asked: tuple[str, str]
) -> list[httpx.Response]:
    """Send texts, each with its caller's traceparent, that come while a call is under way."""
    v2.gate.clear()
    first = asyncio.create_task(client.post("/process", json="first"))
    while not v2.calls:
        await asyncio.sleep(0.01)
    others = [
        asyncio.create_task(client.post("/process", json=text, headers={"traceparent": trace}))
        for text, trace in asked
    ]
    while (await client.get("/metrics")).text.find("chorus_gateway_waiting_texts 2.0") < 0:
        await asyncio.sleep(0.01)
    v2.gate.set()
    await first
    return await asyncio.gather(*others)


async def test_a_call_and_the_requests_in_it_point_to_each_other(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    traces = [TRACEPARENT.format(number, 5) for number in (1, 2)]
    await coalesced(client, v2, *(("a", trace) for trace in traces))
    (call,) = [span for span in memory.named(CALL) if attributes_of(span)["chorus.texts"] == 2]
    carried = {
        span.context.trace_id: span
        for span in memory.named("POST /process")
        if span.context and span.context.trace_id in (1, 2)
    }
    assert links_of(call) == {id_of(span) for span in carried.values()}
    assert parent_of(call) == id_of(carried[1])
    assert all(links_of(span) == {id_of(call)} for span in carried.values())
    assert len(memory.named("queue")) == 3


async def test_a_call_is_seen_if_any_of_its_requests_is(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    unseen, seen = TRACEPARENT.format(1, 5)[:-1] + "0", TRACEPARENT.format(2, 5)
    await coalesced(client, v2, ("a", unseen), ("b", seen))
    (call,) = [span for span in memory.named(CALL) if attributes_of(span)["chorus.texts"] == 2]
    assert call.context is not None
    assert call.context.trace_id == 2
    assert v2.headers[-1]["traceparent"].startswith(f"00-{2:032x}-")


async def test_a_text_that_spoils_its_call_is_sent_again_in_the_same_trace(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    texts = (f"{CANARY} poison", TRACEPARENT.format(1, 5)), (CANARY, TRACEPARENT.format(2, 5))
    bad, good = await coalesced(client, v2, *texts)
    assert (bad.status_code, good.status_code) == (422, 200)
    calls = memory.named(CALL)
    failed = [span for span in calls if span.status.status_code is StatusCode.ERROR]
    assert [attributes_of(span)["chorus.texts"] for span in failed] == [2, 1]
    assert all(attributes_of(span)["error.type"] == "400" for span in failed)
    assert not any(span.status.description or span.events for span in calls)
    assert all(CANARY not in span.to_json() for span in memory.spans)


async def test_a_models_request_and_its_calls(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    headers = {"traceparent": OURS, "tracestate": f"a={CANARY}", "authorization": CANARY}
    v2.answer = lambda _: error(503, CANARY)
    response = await client.post(f"/models/left?x={CANARY}", json=CANARY, headers=headers)
    assert response.status_code == 400
    response = await client.post("/models/left", json={"inputs": CANARY}, headers=headers)
    assert response.status_code == 503
    first, served = memory.named("POST /models/{name}")
    call = memory.one(CALL)
    assert parent_of(call) == id_of(served)
    assert attributes_of(call)[STATUS] == 503
    assert attributes_of(call)["error.type"] == "503"
    assert v2.headers[0]["traceparent"] == TRACEPARENT.format(0xAB, id_of(call))
    assert "tracestate" not in v2.headers[0]
    asked = memory.one("GET /v2/models/{model_name}")
    assert parent_of(asked) == id_of(first)
    assert all(CANARY not in span.to_json() for span in memory.spans)


async def test_a_stream_ends_its_spans_at_its_end(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    v2.events = list(generated("a", "b"))
    body = {"inputs": "Hi", "stream": True}
    await client.post("/models/left", json=body, headers={"traceparent": OURS})
    served, call = memory.one("POST /models/{name}"), memory.one(STREAM)
    assert parent_of(call) == id_of(served)
    assert served.status.status_code is StatusCode.UNSET
    assert (served.start_time or 0) <= (call.start_time or 0)
    assert (call.end_time or 0) <= (served.end_time or 0)
    assert v2.headers[0]["traceparent"] == TRACEPARENT.format(0xAB, id_of(call))


async def test_a_stream_that_breaks_is_an_error(
    client: httpx.AsyncClient, memory: Memory, v2: V2Server
) -> None:
    v2.events = [event(CANARY), b'data: {"error": "%s"}\n\n' % CANARY.encode()]
    response = await client.post("/models/left", json={"inputs": "Hi", "stream": True})
    assert response.status_code == 200
    served = memory.one("POST /models/{name}")
    assert attributes_of(served)["error.type"] == "UpstreamFailed"
    assert attributes_of(served)[STATUS] == 200
    assert all(CANARY not in span.to_json() for span in memory.spans)


async def test_nothing_made_up_is_in_a_span(client: httpx.AsyncClient, memory: Memory) -> None:
    await client.get(f"/{CANARY}?{CANARY}", headers={"host": CANARY, "x-request-id": CANARY})
    await client.request(CANARY.upper(), "/process")
    await client.post(f"/models/{CANARY}", json="a")
    await client.post("/predict", json={"hf_pipeline": CANARY, "model_deployed_url": CANARY})
    await client.post("/process", content=f'"{CANARY}')
    assert {"GET", "HTTP /process", "POST /models/{name}"} <= {span.name for span in memory.spans}
    assert all(CANARY not in span.to_json() for span in memory.spans)


async def test_probes_and_metrics_are_not_traced(client: httpx.AsyncClient, memory: Memory) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        await client.get(path)
    assert memory.spans == []


async def test_off_a_callers_trace_is_passed_on_as_it_is(v2: V2Server) -> None:
    async with gateway(v2, None) as client:
        await client.post("/process", json="a", headers={"traceparent": OURS})
        await client.post("/models/left", json={"inputs": "a"}, headers={"traceparent": OURS})
        await client.post("/models/left", json={"inputs": "a"}, headers={"traceparent": CANARY})
        assert CURRENT.get() is None
    assert [sent.get("traceparent") for sent in v2.headers] == [None, OURS, None]


@pytest.mark.parametrize(
    ("sampler", "seen"),
    [(ParentBased(TraceIdRatioBased(0)), True), (TraceIdRatioBased(0), False)],
    ids=["parentbased", "ratio"],
)
async def test_the_sampler_decides_for_the_whole_trace(
    v2: V2Server, sampler: Sampler, *, seen: bool
) -> None:
    memory = Memory(sampler=sampler)
    async with gateway(v2, memory) as client:
        await client.post("/process", json="a", headers={"traceparent": OURS})
        await client.post("/process", json="a")
    assert bool(memory.spans) == seen
    assert [int(sent["traceparent"][-2:]) & SAMPLED for sent in v2.headers] == [seen, False]
