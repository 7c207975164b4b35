"""T23: whoever says how long it waits is told at that time, and its text is not computed."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import grpc
import httpx
import pytest
from tests.conftest import Runtime
from tests.live.callers import Clients, clients_of, until
from tests.live.protocol import STATUSES, Json, message, request, rest_path, tensor
from tests.reliability.devices import ROWS, WAITING, assert_own, busy, counted

PATIENCE = 0.1
# What a busy machine may add to the 20 ms that are allowed.
SLACK = 0.8
QUEUE = 2.5
DROPPED = "chorus_engine_dropped_texts_total"

LATE = request(tensor(["late"]))
LATE_BY_PARAMETER = request(tensor(["late"]), timeout=int(PATIENCE * 1e6))


async def by_rest(clients: Clients, asked: Json, **headers: str) -> int:
    async with clients.session.post(rest_path("left"), json=asked, headers=headers) as response:
        body = await response.json()
        assert set(body) == {"error"}, body
        return response.status


async def by_grpc(clients: Clients, asked: Json, timeout: float = 60, **metadata: Any) -> int:
    headers = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await clients.stub.ModelInfer(message(asked, "left"), timeout=timeout, metadata=headers)
    return STATUSES[caught.value.code()]


def callers(clients: Clients) -> list[Any]:
    """Every way to say it."""
    seconds, milliseconds = str(PATIENCE), str(int(PATIENCE * 1000))
    return [
        by_rest(clients, LATE, **{"X-Request-Timeout": seconds}),
        by_rest(clients, LATE, **{"X-Request-Timeout-Ms": milliseconds}),
        by_rest(clients, LATE_BY_PARAMETER),
        by_grpc(clients, LATE, timeout=PATIENCE),
        by_grpc(clients, LATE, x_request_timeout=seconds),
        by_grpc(clients, LATE_BY_PARAMETER),
    ]


async def test_t23_a_deadline_in_the_line(faulty: Runtime) -> None:
    async with clients_of(faulty) as clients:
        rows, dropped = counted(faulty, ROWS), counted(faulty, DROPPED)
        async with busy(faulty, clients, QUEUE):
            began = perf_counter()
            waiting = [asyncio.create_task(call) for call in callers(clients)]
            assert await asyncio.gather(*waiting) == [504] * len(waiting)
            seconds = perf_counter() - began
            assert PATIENCE <= seconds < PATIENCE + SLACK
            await until(lambda: counted(faulty, WAITING) == 0, "an empty line")
        assert_own(await clients.rest(request(tensor(["in time"])), "left"), "in time")
    assert counted(faulty, ROWS) - rows == 2, "a text was computed that nobody waited for"
    assert counted(faulty, DROPPED) - dropped == len(waiting)
    print(f"the last of {len(waiting)} heard after {1000 * seconds:.0f} ms")  # noqa: T201


async def test_t23_a_deadline_on_the_device(faulty: Runtime) -> None:
    runs = request(tensor(["sleep:1.5"]), timeout=int(PATIENCE * 1e6))
    async with clients_of(faulty) as clients:
        began = perf_counter()
        assert await by_rest(clients, runs) == 504
        assert perf_counter() - began < PATIENCE + SLACK
        assert_own(await clients.grpc(request(tensor(["next"])), "left"), "next")


@pytest.mark.parametrize(
    ("headers", "parameters", "field"),
    [
        ({"X-Request-Timeout": "soon"}, {}, "headers.x-request-timeout: "),
        ({"X-Request-Timeout-Ms": "-1"}, {}, "headers.x-request-timeout-ms: "),
        ({}, {"timeout": 0}, "parameters.timeout: "),
        ({}, {"timeout": "1"}, "parameters.timeout: "),
    ],
)
def test_t23_a_time_that_is_none_is_refused(
    faulty: Runtime, headers: dict[str, str], parameters: Json, field: str
) -> None:
    asked = request(tensor(["text"]), **parameters)
    answer = httpx.post(f"{faulty.url}{rest_path('left')}", json=asked, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(field)
