from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from chorus_gateway.errors import STATUSES
from chorus_gateway.upstream.transport import Reply

if TYPE_CHECKING:
    from tests.chorus_gateway.conftest import FakeTransport


async def samples(client: httpx.AsyncClient, name: str) -> list[tuple[Mapping[str, str], float]]:
    text = (await client.get("/metrics")).text
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"chorus_gateway_{name}"
    ]


async def test_requests_are_counted_by_route_template(client: httpx.AsyncClient) -> None:
    for path in ("/process", "/process/"):
        await client.post(path, content=b'"a"')
    await client.get("/process")
    await client.get("/healthz")
    counted = await samples(client, "requests_total")
    assert ({"route": "/process", "method": "POST", "status": "200"}, 2) in counted
    assert ({"route": "/process", "method": "GET", "status": "405"}, 1) in counted
    assert ({"route": "/healthz", "method": "GET", "status": "200"}, 1) in counted
    assert ({"route": "/process"}, 3) in await samples(client, "request_seconds_count")


async def test_callers_make_no_labels(client: httpx.AsyncClient) -> None:
    for number in range(50):
        await client.request(f"METHOD{number}", f"/path/{number}", params={"q": number})
    counted = await samples(client, "requests_total")
    assert counted == [({"route": "other", "method": "other", "status": "404"}, 50)]


async def test_a_bug_is_counted_as_500(app: FastAPI, client: httpx.AsyncClient) -> None:
    @app.get("/bug")
    async def bug() -> None:
        raise ValueError

    await client.get("/bug")
    counted = await samples(client, "requests_total")
    assert counted == [({"route": "/bug", "method": "GET", "status": "500"}, 1)]


async def test_calls_and_their_texts_are_counted(client: httpx.AsyncClient) -> None:
    await asyncio.gather(*(client.post("/process", content=b'"a"') for _ in range(9)))
    [(_, texts)] = await samples(client, "coalesced_texts_sum")
    [(_, calls)] = await samples(client, "coalesced_texts_count")
    assert texts == 9
    assert calls < 9
    assert await samples(client, "call_seconds_count") == [({}, calls)]


async def test_gauges_show_what_waits_and_what_runs(
    client: httpx.AsyncClient, transport: FakeTransport
) -> None:
    release = asyncio.Event()

    async def hold(texts: list[str]) -> Reply:
        await release.wait()
        return await transport.answer(texts)

    transport.infer = hold
    asked = []
    for _ in range(5):
        asked.append(asyncio.create_task(client.post("/process", content=b'"a"')))
        await asyncio.sleep(0.01)
    assert await samples(client, "calls_in_flight") == [({}, 2)]
    assert await samples(client, "waiting_texts") == [({}, 3)]
    assert await samples(client, "waiting_callers") == [({}, 1)]
    assert await samples(client, "waiting_texts_of_one_caller") == [({}, 3)]
    assert ({"model": "process", "server": "own"}, 5) in await samples(client, "in_flight")
    [(labels, seconds)] = await samples(client, "queue_age_seconds")
    assert labels == {"model": "process"}
    assert seconds > 0
    release.set()
    assert {response.status_code for response in await asyncio.gather(*asked)} == {200}
    assert ({"model": "process", "server": "own"}, 0) in await samples(client, "in_flight")
    assert await samples(client, "queue_age_seconds") == [({"model": "process"}, 0)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "refused"), (500, "failed"), (503, "busy"), (504, "timeout"), (200, "invalid")],
)
async def test_upstream_errors_are_counted_by_kind(
    client: httpx.AsyncClient, transport: FakeTransport, status: int, kind: str
) -> None:
    async def fail(_: list[str]) -> Reply:
        return Reply(status, b"")

    transport.infer = fail
    await client.post("/process", content=b'"a"')
    [(labels, count)] = await samples(client, "upstream_errors_total")
    assert labels == {"kind": kind}
    assert count == 1 or kind == "busy", "only a busy server is asked again"


REASONS = {
    *("full", "displaced", "out_of_reach", "busy", "rate", "concurrency", "deadline", "draining"),
}


def test_the_reasons_of_refusals_are_a_closed_set() -> None:
    assert {error.refusal for error in STATUSES} - {None} == REASONS


async def test_refusals_are_counted_by_reason(
    client: httpx.AsyncClient, app: FastAPI, transport: FakeTransport
) -> None:
    async def never(_: list[str]) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    transport.infer = never
    for headers in ({"x-request-timeout": "0.01"}, {"x-request-timeout": "no"}):
        await client.post("/process", json="a", headers=headers)
    app.state.close()
    await client.post("/process", json="a")
    await client.post("/predict", json={})
    counted = await samples(client, "refusals_total")
    assert counted == [({"reason": "deadline"}, 1), ({"reason": "draining"}, 2)]
