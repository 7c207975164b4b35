"""What the metrics say of requests for one model or another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.chorus_gateway.v2_server import V2Server, event

from chorus_gateway.app import create_app
from chorus_gateway.in_flight import ELSEWHERE, MOST_NAMES, OTHER, OWN, InFlight
from chorus_gateway.outbound.text import Origin
from chorus_gateway.settings import Settings
from chorus_gateway.upstream.target import Target


def counts(page: str) -> dict[str, float]:
    return {
        sample.labels["model"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "chorus_gateway_in_flight"
    }


async def in_flight(client: httpx.AsyncClient) -> dict[str, float]:
    return counts((await client.get("/metrics")).text)


@pytest.fixture
async def client(v2: V2Server, other: V2Server) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that expects the classifier alone; its server has more models."""
    settings = Settings(upstream=v2.url, models=("classifier",), allowed_servers=(other.url,))
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as opened,
    ):
        yield opened


async def arrived(server: V2Server, count: int) -> None:
    async with asyncio.timeout(10):
        while len(server.calls) < count:
            await asyncio.sleep(0.01)


async def test_models_have_what_is_asked_of_them(client: httpx.AsyncClient, v2: V2Server) -> None:
    v2.gate.clear()
    detected = {"inputs": "data:image/png;base64,AA=="}
    asked = [
        asyncio.create_task(client.post("/models/classifier", json={"inputs": "a"})),
        asyncio.create_task(client.get("/classify", params={"sentence": "a"})),
        asyncio.create_task(
            client.post(
                "/models/shot", json={"inputs": "a", "parameters": {"candidate_labels": ["b"]}}
            )
        ),
    ]
    await arrived(v2, 3)
    assert await in_flight(client) == {"classifier": 2, "shot": 1}
    await client.post("/models/detector", json=detected)  # refused before it is asked
    v2.gate.set()
    await asyncio.gather(*asked)
    assert await in_flight(client) == {"classifier": 0}, "a model that may be gone leaves nothing"


async def test_a_stream_is_in_flight_until_it_ends(client: httpx.AsyncClient, v2: V2Server) -> None:
    last = asyncio.Event()
    v2.events = [event("a"), last]
    body = {"inputs": "a", "stream": True}
    asked = asyncio.create_task(client.post("/models/generator", json=body))
    await arrived(v2, 1)
    assert await in_flight(client) == {"classifier": 0, "generator": 1}
    last.set()
    await asked
    assert await in_flight(client) == {"classifier": 0}


async def test_what_callers_write_becomes_no_label(
    client: httpx.AsyncClient, other: V2Server
) -> None:
    other.gate.clear()
    asked = [
        asyncio.create_task(
            client.post(
                "/predict",
                json={
                    "hf_pipeline": "text-classification",
                    "model_deployed_url": f"{other.url}/v2/models/theirs{end}",
                    "inputs": "a",
                },
            )
        )
        for end in ("", "/infer")
    ]
    await arrived(other, 2)
    assert await in_flight(client) == {"classifier": 0, OTHER: 2}
    other.gate.set()
    await asyncio.gather(*asked)
    assert (await client.post("/models/nobody", json={"inputs": "a"})).status_code == 404
    assert await in_flight(client) == {"classifier": 0}


def test_what_other_servers_have_to_answer_is_told_apart() -> None:
    in_flight, there = InFlight(["m"]), Target(Origin("http", "other", 80), "m")
    in_flight.found(there)
    with in_flight.of(there), in_flight.of(Target(None, "m")), in_flight.of(Target(None, "m")):
        assert in_flight.counts == {("m", OWN): 0, ("m", ELSEWHERE): 1, (OTHER, OWN): 2}
    in_flight.found(Target(None, "m"))
    with in_flight.of(Target(None, "m")):
        assert in_flight.counts["m", OWN] == 1


def test_so_many_models_have_a_name_of_their_own() -> None:
    in_flight = InFlight(["expected"])
    for number in range(2 * MOST_NAMES):
        target = Target(None, f"m{number}")
        in_flight.found(target)
        with in_flight.of(target):
            pass
    assert len(in_flight.counts) == MOST_NAMES + 1
    last = Target(None, f"m{2 * MOST_NAMES - 1}")
    with in_flight.of(last), in_flight.of(Target(None, "m0")), in_flight.of(Target(None, "m0")):
        assert {key: n for key, n in in_flight.counts.items() if n} == {
            (OTHER, OWN): 1,
            ("m0", OWN): 2,
        }
